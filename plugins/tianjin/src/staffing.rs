//! Staffing (人员配备): TJ-05 station by station, and TJ-08.

use std::collections::BTreeMap;

use liucheng_sdk::{
    Answer, Call, Fields, Finding, Message, Problem, Value, msg,
    staffing::{Range, Role, Strictness, ask_roles, stations_once, without_roster},
};

/// One station's people.
#[derive(Debug, Clone, Copy, Default)]
struct Station {
    staff: i64,
    qualified: i64,
    unknown: i64,
}

/// TJ-05: 驻站社工一般为2—3名,其中具有社会工作专业资质的社工不少于1名.
pub fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let (_, rule) = call.parameters.int("qualified-min")?;
    stations_once(&mut answer, call, rule)?;
    let Some(roster) = call.facts.rows("staff.roster")? else {
        let (min, rule) = call.parameters.int("per-station-min")?;
        let (max, _) = call.parameters.int("per-station-max")?;
        let range = Range {
            min,
            max: Some(max),
        };
        without_roster(&mut answer, call, range, (rule, strictness(call)?))?;
        let message = msg(
            "缺少人员名册，无法逐站核对驻站社工和专业资质",
            "the roster is missing; staff and qualification of each station cannot be checked",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        return Ok(answer);
    };
    ask_roles(&mut answer, &roster, rule)?;
    let mut stations = declared(call, (&mut answer, rule))?;
    let mut homeless = 0;
    for person in &roster {
        match person.text("station")? {
            // 督导员 of the district centre is no 驻站社工.
            None if Role::of(person)? == Some(Some(Role::Supervisor)) => {}
            None => homeless += 1,
            Some(id) => count(stations.entry(id.to_owned()).or_default(), person)?,
        }
    }
    if homeless > 0 {
        let zh = format!("名册有 {homeless} 人未填所在社工站");
        let en = format!("{homeless} person(s) on the roster have no station");
        answer.find(Finding::input_required(rule, "staff.roster", msg(zh, en)));
    }
    judge(&mut answer, call, &stations)?;
    missing(&mut answer, call, stations.len())?;
    let message = msg(
        "驻站社工应为签订劳动合同的专职人员，请核对合同",
        "staff must be full-time with labour contracts; check them",
    );
    answer.find(Finding::informative("TJ-08", message).on(&["staff.roster"]));
    Ok(answer)
}

/// 一般为: outside the range somebody has to look; nothing is stopped, unless it was decided to be binding
/// (TJ-A6).
fn strictness(call: &Call<'_>) -> Result<Strictness, Problem> {
    Ok(match call.facts.text("decision.tj_a6")? {
        Some("binding") => Strictness::Binding,
        _ => Strictness::InPrinciple,
    })
}

/// The stations that are listed by id; each of them must be staffed.
fn declared(
    call: &Call<'_>,
    (answer, rule): (&mut Answer, &str),
) -> Result<BTreeMap<String, Station>, Problem> {
    match call.facts.get("stations") {
        None => {
            let message = msg(
                "缺少社工站名单或数量，只核对名册中的站点",
                "stations are missing; only those on the roster are checked",
            );
            answer.find(Finding::input_required(rule, "stations", message));
            Ok(BTreeMap::new())
        }
        Some(Value::Rows(_)) => {
            let rows = call.facts.rows("stations")?.unwrap_or_default();
            let id = |row: &Fields<'_>| {
                let id = row
                    .text("id")?
                    .ok_or_else(|| Problem::missing_field(&row.place(), "id"))?;
                Ok((id.to_owned(), Station::default()))
            };
            rows.iter().map(id).collect()
        }
        Some(_) => Ok(BTreeMap::new()),
    }
}

fn count(station: &mut Station, person: &Fields<'_>) -> Result<(), Problem> {
    station.staff += 1;
    match person.flag("qualified")? {
        Some(true) => station.qualified += 1,
        Some(false) => {}
        None => station.unknown += 1,
    }
    Ok(())
}

fn judge(
    answer: &mut Answer,
    call: &Call<'_>,
    stations: &BTreeMap<String, Station>,
) -> Result<(), Problem> {
    let (min, rule) = call.parameters.int("per-station-min")?;
    let (max, _) = call.parameters.int("per-station-max")?;
    let (qualified_min, qualified_rule) = call.parameters.int("qualified-min")?;
    let select = |test: &dyn Fn(&Station) -> Option<i64>| -> Vec<(&str, i64)> {
        stations
            .iter()
            .filter_map(|(id, s)| Some((id.as_str(), test(s)?)))
            .collect()
    };
    let odd = select(&|s| (!(min..=max).contains(&s.staff)).then_some(s.staff));
    if let Some(list) = list(&odd) {
        let zh = format!("每站一般为 {min}—{max} 名：{}", list.zh);
        let en = format!("normally {min} to {max} staff a station: {}", list.en);
        let finding = strictness(call)?.finding(rule, msg(zh, en));
        answer.find(finding.on(&["staff.roster"]));
    }
    // 不少于1名: hard.
    let lacking = select(&|s| (s.qualified + s.unknown < qualified_min).then_some(s.qualified));
    if let Some(list) = list(&lacking) {
        let zh = format!("每站具有专业资质的不少于 {qualified_min} 名：{}", list.zh);
        let en = format!("at least {qualified_min} qualified a station: {}", list.en);
        answer.find(Finding::violation(qualified_rule, msg(zh, en)).on(&["staff.roster"]));
    }
    let open = select(&|s| {
        (s.qualified < qualified_min && s.qualified + s.unknown >= qualified_min)
            .then_some(s.unknown)
    });
    if let Some(list) = list(&open) {
        let zh = format!("以下站点有人员未填专业资质：{}", list.zh);
        let en = format!("stations where a qualification is missing: {}", list.en);
        answer.find(Finding::input_required(
            qualified_rule,
            "staff.roster",
            msg(zh, en),
        ));
    }
    Ok(())
}

/// `甲站 1、乙站 4 …`; the first five are named, the rest counted.
fn list(stations: &[(&str, i64)]) -> Option<Message> {
    const NAMED: usize = 5;
    let named: Vec<String> = stations
        .iter()
        .take(NAMED)
        .map(|(id, n)| format!("{id} {n}"))
        .collect();
    let rest = stations.len().saturating_sub(NAMED);
    let (zh, en) = match rest {
        0 => (String::new(), String::new()),
        rest => (
            format!(" 等 {} 站", stations.len()),
            format!(" and {rest} more"),
        ),
    };
    (!named.is_empty()).then(|| {
        msg(
            format!("{}{zh}", named.join("、")),
            format!("{}{en}", named.join(", ")),
        )
    })
}

/// Where only the number of stations is known: are there people for all of them?
fn missing(answer: &mut Answer, call: &Call<'_>, staffed: usize) -> Result<(), Problem> {
    let Some(Value::One(_)) = call.facts.get("stations") else {
        return Ok(());
    };
    let (total, staffed) = (
        call.facts.count("stations")?.unwrap_or(0),
        i64::try_from(staffed).unwrap_or(i64::MAX),
    );
    if staffed < total {
        let (_, rule) = call.parameters.int("qualified-min")?;
        let zh = format!("共 {total} 站，名册只有 {staffed} 站有人");
        let en = format!("{total} stations, but the roster staffs only {staffed}");
        answer.find(Finding::violation(rule, msg(zh, en)).on(&["stations", "staff.roster"]));
    }
    Ok(())
}
