//! Staffing (人员配备): LF-07 to LF-09 and the kinds of training of LF-25.

use std::collections::BTreeSet;

use liucheng_sdk::{
    Answer, Call, Fields, Finding, Problem, Scalar, Value, msg,
    staffing::{self, Level, Limits, Member, Onboard, Range, Role, Strictness, Tally},
};

/// LF-07 to LF-09, LF-25.
pub fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
    let (minimum, rule) = call.parameters.int("per-station-min")?;
    let mut answer = Answer::new();
    staffing::stations_once(&mut answer, call, rule)?;
    let Some(roster) = call.facts.rows("staff.roster")? else {
        // 原则上: a deviation to justify.
        let range = Range {
            min: minimum,
            max: None,
        };
        staffing::without_roster(&mut answer, call, range, (rule, Strictness::InPrinciple))?;
        let message = msg(
            "缺少人员名册，无法逐人核对所在站、年龄、学历和证书",
            "the roster is missing; station, age, education and certificate of each cannot be checked",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        return Ok(answer);
    };
    staffing::ask_roles(&mut answer, &roster, rule)?;
    staffing::ask_levels(&mut answer, &roster, "LF-09")?;
    let mut people = Vec::with_capacity(roster.len());
    for (index, person) in roster.iter().enumerate() {
        people.push((staffing::person_id(person, index)?, person));
    }
    let tally = Tally::count(call.facts, &roster, |person| {
        // A supervisor of the county or city is not one of a station's workers.
        let role = Role::of(person)?.flatten();
        let elsewhere = role == Some(Role::Supervisor) && !person.has("station");
        Ok(if elsewhere {
            Member::Elsewhere
        } else {
            Member::Worker(certified(person)?)
        })
    })?;
    tally.ask(&mut answer, rule);
    // 原则上: a deviation to justify.
    tally.at_least(&mut answer, minimum, (rule, Strictness::InPrinciple));
    let (age_max, rule) = call.parameters.int("age-max")?;
    let (education_min, _) = staffing::education_parameter(call, "education-min")?;
    let limits = Limits {
        age_max,
        ageing: false,
        education_min,
        rule,
        strictness: Strictness::InPrinciple,
    };
    limits.judge(&mut answer, call, &people)?;
    certificates(&mut answer, call, &people)?;
    courses(&mut answer, call)?;
    Ok(answer)
}

/// A level on the roster is a certificate; `None` while nothing is said.
fn certified(person: &Fields<'_>) -> Result<Option<bool>, Problem> {
    Level::certified(person)
}

/// LF-09: 所有工作人员从上岗之日起3年内必须全部取得证书并完成登记, each person with a clock of their own.
fn certificates(
    answer: &mut Answer,
    call: &Call<'_>,
    people: &[(String, &Fields<'_>)],
) -> Result<(), Problem> {
    let (years, rule) = call.parameters.int("certificate-within-years")?;
    let with_registration = call.facts.text("decision.lf_a5")? != Some("certificate-only");
    let certificates = dated(call, "staff.certified");
    let registrations = dated(call, "staff.registered");
    let onboard = Onboard::read(call.facts)?;
    let (mut late, mut open, mut unregistered, mut undated) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (id, person) in people {
        let has_certificate =
            certified(person)? == Some(true) || certificates.contains(id.as_str());
        if has_certificate && (!with_registration || registrations.contains(id.as_str())) {
            continue;
        }
        // A level that is not understood was asked for; it may be a certificate.
        if !has_certificate && certified(person)?.is_none() && person.has("level") {
            continue;
        }
        let Some(start) = onboard.of(id) else {
            undated.push(id.as_str());
            continue;
        };
        let passed = staffing::full_years(start, call.today);
        let on_the_day = (start.month(), start.day()) == (call.today.month(), call.today.day());
        if passed > years || (passed == years && !on_the_day) {
            late.push(id.as_str());
        } else if has_certificate {
            unregistered.push(id.as_str());
        } else {
            open.push(id.as_str());
        }
    }
    let unit = ("人", "people");
    let (plus_zh, plus_en) = if with_registration {
        ("并完成登记", " and have it registered")
    } else {
        ("", "")
    };
    // Over is over: it is shown, and the next step is not refused for it.
    if let Some(list) = staffing::names(&late, unit) {
        let zh = format!("上岗已满 {years} 年，必须取得证书{plus_zh}：{}", list.zh);
        let en = format!(
            "on duty for {years} years; they must hold a certificate{plus_en}: {}",
            list.en
        );
        answer.find(Finding::deviation(rule, msg(zh, en)).on(&["staff.roster", "staff.onboard"]));
    }
    if let Some(list) = staffing::names(&open, unit) {
        let zh = format!(
            "自上岗之日起 {years} 年内须取得证书{plus_zh}，尚未取得：{}",
            list.zh
        );
        let en = format!(
            "a certificate is due within {years} years of coming on duty{plus_en}; not yet: {}",
            list.en
        );
        answer.find(Finding::informative(rule, msg(zh, en)).on(&["staff.roster"]));
    }
    if let Some(list) = staffing::names(&unregistered, unit) {
        let zh = format!("已取得证书，登记日期未填：{}", list.zh);
        let en = format!(
            "certified, but the day of registration is missing: {}",
            list.en
        );
        answer.find(Finding::input_required(
            rule,
            "staff.registered",
            msg(zh, en),
        ));
    }
    if let Some(list) = staffing::names(&undated, unit) {
        let zh = format!("未填上岗日期，无法计算持证期限：{}", list.zh);
        let en = format!(
            "the day on duty is missing, so the term cannot be computed: {}",
            list.en
        );
        answer.find(Finding::input_required(rule, "staff.onboard", msg(zh, en)));
    }
    Ok(())
}

/// The ids in a list of `{id, date}`. One date for all names nobody.
fn dated<'c>(call: &'c Call<'_>, key: &str) -> BTreeSet<&'c str> {
    let Some(Value::Rows(rows)) = call.facts.get(key) else {
        return BTreeSet::new();
    };
    let ids = rows.iter().filter(|row| row.contains_key("date"));
    ids.filter_map(|row| match row.get("id") {
        Some(Scalar::Text(id)) => Some(id.as_str()),
        _ => None,
    })
    .collect()
}

/// LF-25: 定期组织考前培训、业务培训、实务培训、督导培训等. How often, the text does not say.
fn courses(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (kinds, rule) = call.parameters.rows("course-kinds")?;
    let Some(held) = call.facts.rows("staff.courses")? else {
        return Ok(());
    };
    let mut missing = Vec::new();
    for kind in &kinds {
        let (Some(id), Some(name)) = (kind.text("kind")?, kind.text("name")?) else {
            continue;
        };
        let mut found = false;
        for course in &held {
            found |= course.text("kind")? == Some(id);
        }
        if !found {
            missing.push((id, name));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let zh: Vec<&str> = missing.iter().map(|(_, name)| *name).collect();
    let en: Vec<&str> = missing.iter().map(|(id, _)| *id).collect();
    let zh = format!("尚未登记的培训：{}", zh.join("、"));
    let en = format!("kinds of training not recorded yet: {}", en.join(", "));
    answer.find(Finding::informative(rule, msg(zh, en)).on(&["staff.courses"]));
    Ok(())
}
