//! Staffing (人员配备): HN-08 to HN-13 and the office of HN-23.

use liucheng_sdk::{
    Answer, Call, Fields, Finding, Problem, msg,
    staffing::{self, Limits, Member, Range, Role, Strictness, Tally},
};

use crate::{qualification::Qualification, training};

/// One person on the roster, read once.
pub struct Person<'a> {
    /// The id, or a running number.
    pub id: String,
    /// The fields.
    pub fields: &'a Fields<'a>,
    /// HN-12; `None` while unknown.
    pub qualified: Option<bool>,
    /// 项目主管.
    pub manages: bool,
    /// 驻站社工.
    pub station_worker: bool,
}

/// HN-08 to HN-13, HN-23.
pub fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
    let (minimum, rule) = call.parameters.int("per-station-min")?;
    let mut answer = Answer::new();
    staffing::stations_once(&mut answer, call, rule)?;
    let Some(roster) = call.facts.rows("staff.roster")? else {
        // 至少: hard.
        let range = Range {
            min: minimum,
            max: None,
        };
        staffing::without_roster(&mut answer, call, range, (rule, Strictness::Binding))?;
        let message = msg(
            "缺少人员名册，无法逐人核对所在站、年龄、学历和资质",
            "the roster is missing; station, age, education and qualification of each cannot be checked",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        offices(&mut answer, call)?;
        return Ok(answer);
    };
    staffing::ask_roles(&mut answer, &roster, rule)?;
    staffing::ask_levels(&mut answer, &roster, "HN-12")?;
    let people = read(call, &roster)?;
    let mut next = people.iter();
    let tally = Tally::count(call.facts, &roster, |_| {
        Ok(match next.next() {
            Some(person) if person.station_worker => Member::Worker(person.qualified),
            _ => Member::Elsewhere,
        })
    })?;
    tally.ask(&mut answer, rule);
    // 至少: hard.
    tally.at_least(&mut answer, minimum, (rule, Strictness::Binding));
    ages(&mut answer, call, &people)?;
    managers(&mut answer, call, &people)?;
    qualified(&mut answer, call, &people)?;
    training::yearly(&mut answer, call, &people)?;
    offices(&mut answer, call)?;
    Ok(answer)
}

fn read<'a>(call: &Call<'_>, roster: &'a [Fields<'a>]) -> Result<Vec<Person<'a>>, Problem> {
    let qualification = Qualification::of(call)?;
    let manager_roles = staffing::listed(call, "manager-roles", "role")?;
    let mut people = Vec::with_capacity(roster.len());
    for (index, fields) in roster.iter().enumerate() {
        let id = staffing::person_id(fields, index)?;
        let role = Role::of(fields)?.flatten();
        let listed = fields.text("role")?;
        let listed = listed.is_some_and(|role| manager_roles.contains(role));
        let manages = listed || role == Some(Role::Manager);
        people.push(Person {
            qualified: qualification.of_person(&id, fields)?,
            station_worker: !manages && role != Some(Role::Supervisor),
            id,
            fields,
            manages,
        });
    }
    Ok(people)
}

/// HN-09: 年龄45岁以下,大专及以上学历. 以下 includes the number; on which day, HN-A4 asks.
fn ages(answer: &mut Answer, call: &Call<'_>, people: &[Person<'_>]) -> Result<(), Problem> {
    let (age_max, rule) = call.parameters.int("age-max")?;
    let (education_min, _) = staffing::education_parameter(call, "education-min")?;
    let decision = call.facts.text("decision.hn_a4")?;
    let limits = Limits {
        age_max: if decision == Some("exclusive") {
            age_max - 1
        } else {
            age_max
        },
        ageing: decision == Some("throughout"),
        education_min,
        rule,
        strictness: Strictness::Binding,
    };
    let workers: Vec<(String, &Fields<'_>)> = people
        .iter()
        .filter(|person| person.station_worker)
        .map(|person| (person.id.clone(), person.fields))
        .collect();
    limits.judge(answer, call, &workers)
}

/// HN-10: 社工站项目主管应具备社会工作专业资质.
fn managers(answer: &mut Answer, call: &Call<'_>, people: &[Person<'_>]) -> Result<(), Problem> {
    let (_, rule) = call.parameters.rows("manager-roles")?;
    let managers = || people.iter().filter(|person| person.manages);
    if managers().next().is_none() {
        let message = msg(
            "名册中没有项目主管：请登记并填写其专业资质",
            "the roster has no project manager: enter one with the qualification",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        return Ok(());
    }
    let unit = ("人", "people");
    let select = |wanted: Option<bool>| -> Vec<&str> {
        managers()
            .filter(|person| person.qualified == wanted)
            .map(|person| person.id.as_str())
            .collect()
    };
    if let Some(list) = staffing::names(&select(Some(false)), unit) {
        let zh = format!("项目主管应具备社会工作专业资质：{} 不具备", list.zh);
        let en = format!("the project manager must be qualified: {} is not", list.en);
        answer.find(Finding::violation(rule, msg(zh, en)).on(&["staff.roster"]));
    }
    if let Some(list) = staffing::names(&select(None), unit) {
        let zh = format!("未填项目主管的专业资质：{}", list.zh);
        let en = format!(
            "the project manager's qualification is missing: {}",
            list.en
        );
        answer.find(Finding::input_required(rule, "staff.roster", msg(zh, en)));
    }
    Ok(())
}

/// HN-11 with HN-12: who is still to be qualified, and whether the two years are over.
fn qualified(answer: &mut Answer, call: &Call<'_>, people: &[Person<'_>]) -> Result<(), Problem> {
    let (years, rule) = call.parameters.int("qualified-within-years")?;
    let (hours, definition) = call.parameters.int("qualifying-hours")?;
    let unit = ("人", "people");
    let select = |wanted: Option<bool>| -> Vec<&str> {
        people
            .iter()
            .filter(|person| person.station_worker && person.qualified == wanted)
            .map(|person| person.id.as_str())
            .collect()
    };
    if let Some(list) = staffing::names(&select(None), unit) {
        let zh = format!(
            "未填专业资质：{}（专业毕业、职业水平证书，或累计专业培训满 {hours} 学时）",
            list.zh
        );
        let en = format!(
            "the qualification is missing: {} (a degree in the field, a certificate, or {hours} hours of training)",
            list.en
        );
        answer.find(Finding::input_required(
            definition,
            "staff.roster",
            msg(zh, en),
        ));
    }
    let Some(list) = staffing::names(&select(Some(false)), unit) else {
        return Ok(());
    };
    let start = call.facts.date("project.start")?;
    let over = start.is_some_and(|start| {
        let passed = staffing::full_years(start, call.today);
        let on_the_day = (start.month(), start.day()) == (call.today.month(), call.today.day());
        passed > years || (passed == years && !on_the_day)
    });
    let zh = format!(
        "项目实施 {years} 年内驻站社工均须具备专业资质，尚不具备：{}",
        list.zh
    );
    let en = format!(
        "all station workers have to be qualified within {years} years; not yet: {}",
        list.en
    );
    let finding = if over {
        Finding::deviation(rule, msg(zh, en))
    } else {
        Finding::informative(rule, msg(zh, en))
    };
    answer.find(finding.on(&["staff.roster"]));
    Ok(())
}

/// HN-23: 不少于12㎡的办公用房.
fn offices(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (minimum, rule) = call.parameters.int("office-sqm-min")?;
    let Some(rows) = call.facts.rows("station.offices")? else {
        return Ok(());
    };
    let (mut small, mut open) = (Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let id = staffing::person_id(row, index)?;
        match row.int("sqm")? {
            None => open.push(id),
            Some(sqm) if sqm < minimum => small.push((id, sqm)),
            Some(_) => {}
        }
    }
    let small: Vec<(&str, i64)> = small.iter().map(|(id, sqm)| (id.as_str(), *sqm)).collect();
    if let Some(list) = staffing::named(&small, ("站", "stations")) {
        let zh = format!("办公用房不少于 {minimum} ㎡：{}", list.zh);
        let en = format!(
            "an office has at least {minimum} square metres: {}",
            list.en
        );
        answer.find(Finding::violation(rule, msg(zh, en)).on(&["station.offices"]));
    }
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    if let Some(list) = staffing::names(&open, ("站", "stations")) {
        let zh = format!("未填办公用房面积：{}", list.zh);
        let en = format!("the size of the office is missing: {}", list.en);
        answer.find(Finding::input_required(
            rule,
            "station.offices",
            msg(zh, en),
        ));
    }
    Ok(())
}
