//! Staffing (人员配备): SP-02, at least three people in each station of the pilot (SP-A1).

use std::collections::BTreeMap;

use liucheng_sdk::{Answer, Call, Fields, Finding, Message, Problem, Value, msg, staffing};

/// SP-02: 试点乡镇(街道)社会工作服务站驻站人员不少于3人.
pub fn judge(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (min, rule) = call.parameters.int("per-station-min")?;
    staffing::stations_once(answer, call, rule)?;
    let roster = call.facts.rows("staff.roster")?;
    let on_roster = roster.as_deref().map(by_station).transpose()?;
    match call.facts.get("stations") {
        None => {
            let message = msg(
                "缺少社工站名单或数量，无法核对驻站人数",
                "stations are missing; staffing cannot be checked",
            );
            answer.find(Finding::input_required(rule, "stations", message));
        }
        Some(Value::Rows(_)) => {
            let stations = call.facts.rows("stations")?.unwrap_or_default();
            unknown_kinds(answer, call, &stations)?;
            let staffed = declared(call, &stations, on_roster.as_ref())?;
            each(answer, &staffed, (min, rule));
        }
        Some(_) => {
            let count = call.facts.int("stations")?.unwrap_or_default();
            match on_roster {
                Some(on_roster) => {
                    let staffed: Vec<_> = on_roster
                        .iter()
                        .map(|(id, n)| (id.as_str(), Some(*n)))
                        .collect();
                    each(answer, &staffed, (min, rule));
                    unstaffed(answer, count, staffed.len(), rule);
                }
                None => in_all(answer, call, count, (min, rule))?,
            }
        }
    }
    Ok(())
}

/// How many people the roster has in each station.
fn by_station(roster: &[Fields<'_>]) -> Result<BTreeMap<String, i64>, Problem> {
    let mut stations = BTreeMap::new();
    for person in roster {
        if let Some(station) = person.text("station")? {
            *stations.entry(station.to_owned()).or_default() += 1;
        }
    }
    Ok(stations)
}

/// SP-A1: a kind that is neither of the pilot nor ordinary is asked about, with those there are.
fn unknown_kinds(
    answer: &mut Answer,
    call: &Call<'_>,
    stations: &[Fields<'_>],
) -> Result<(), Problem> {
    let mut known = Vec::new();
    for key in ["pilot-kinds", "ordinary-kinds"] {
        for row in call.parameters.rows(key)?.0 {
            known.push(row.text("kind")?.unwrap_or_default().to_owned());
        }
    }
    let mut strange = Vec::new();
    for station in stations {
        if let Some(kind) = station.text("kind")?
            && !known.iter().any(|known| known == kind)
        {
            let id = station.text("id")?.unwrap_or_default();
            strange.push(format!("{id} {kind}"));
        }
    }
    if strange.is_empty() {
        return Ok(());
    }
    let (list, known) = (shorten(&strange), known.join("、"));
    let zh = format!(
        "社工站类别不在可填之列（{known}），暂按试点社工站核对：{}",
        list.zh
    );
    let en = format!(
        "the kind of a station is none of {known}; it counts as one of the pilot meanwhile: {}",
        list.en
    );
    answer.find(Finding::input_required("SP-A1", "stations", msg(zh, en)));
    Ok(())
}

/// The stations of the pilot with their people, `None` where nobody knows.
fn declared<'a>(
    call: &Call<'_>,
    stations: &'a [Fields<'a>],
    on_roster: Option<&BTreeMap<String, i64>>,
) -> Result<Vec<(&'a str, Option<i64>)>, Problem> {
    let (ordinary, _) = call.parameters.rows("ordinary-kinds")?;
    let all = call.facts.text("decision.sp_a1")? == Some("all-stations");
    let mut found = Vec::new();
    for station in stations {
        let id = station
            .text("id")?
            .ok_or_else(|| Problem::missing_field(&station.place(), "id"))?;
        let kind = station.text("kind")?;
        let mut is_ordinary = false;
        for row in &ordinary {
            is_ordinary |= kind.is_some() && row.text("kind")? == kind;
        }
        if is_ordinary && !all {
            continue;
        }
        let staff = match on_roster {
            Some(roster) => Some(roster.get(id).copied().unwrap_or(0)),
            None => station.int("staff")?,
        };
        found.push((id, staff));
    }
    Ok(found)
}

fn each(answer: &mut Answer, stations: &[(&str, Option<i64>)], (min, rule): (i64, &str)) {
    let few: Vec<(&str, i64)> = stations
        .iter()
        .filter_map(|(id, staff)| Some((*id, staff.filter(|n| *n < min)?)))
        .collect();
    let open: Vec<&str> = stations
        .iter()
        .filter(|(_, staff)| staff.is_none())
        .map(|(id, _)| *id)
        .collect();
    if !few.is_empty() {
        let named: Vec<String> = few.iter().map(|(id, n)| format!("{id} {n}")).collect();
        let list = shorten(&named);
        let zh = format!("试点社工站驻站人员不少于 {min} 人：{}", list.zh);
        let en = format!("a pilot station needs at least {min} people: {}", list.en);
        answer.find(Finding::violation(rule, msg(zh, en)).on(&["stations", "staff.roster"]));
    }
    if !open.is_empty() {
        let named: Vec<String> = open.iter().map(|id| (*id).to_owned()).collect();
        let list = shorten(&named);
        let zh = format!("以下社工站未填驻站人数：{}", list.zh);
        let en = format!("stations whose staff is missing: {}", list.en);
        answer.find(Finding::input_required(rule, "stations", msg(zh, en)));
    }
    if few.is_empty() && open.is_empty() && !stations.is_empty() {
        let count = stations.len();
        let zh = format!("{count} 个试点社工站驻站人员均不少于 {min} 人");
        let en = format!("all {count} pilot stations have at least {min} people");
        answer.find(Finding::informative(rule, msg(zh, en)).on(&["stations"]));
    }
}

/// Where only the number of stations is known: are there people for all of them?
fn unstaffed(answer: &mut Answer, count: i64, staffed: usize, rule: &str) {
    let staffed = i64::try_from(staffed).unwrap_or(i64::MAX);
    if staffed < count {
        let zh = format!("共 {count} 站，名册只有 {staffed} 站有人");
        let en = format!("{count} stations, but the roster staffs only {staffed}");
        answer.find(Finding::violation(rule, msg(zh, en)).on(&["stations", "staff.roster"]));
    }
}

/// Without roster and list, the total tells only whether it can be enough.
fn in_all(
    answer: &mut Answer,
    call: &Call<'_>,
    count: i64,
    (min, rule): (i64, &str),
) -> Result<(), Problem> {
    let Some(total) = call.facts.int("staff.total")? else {
        let message = msg(
            "缺少人员名册，无法核对驻站人数",
            "the roster is missing; staffing cannot be checked",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        return Ok(());
    };
    let needed = min
        .checked_mul(count)
        .ok_or_else(|| Problem::bad_request("stations"))?;
    let zh = format!("{count} 站每站不少于 {min} 人，共须 {needed} 人，现有 {total} 人");
    let en = format!("{count} stations of at least {min} need {needed} people; there are {total}");
    let on = ["stations", "staff.total"];
    if total < needed {
        answer.find(Finding::violation(rule, msg(zh, en)).on(&on));
    } else {
        let zh = format!("{zh}；各站人数请按名册核对");
        let en = format!("{en}; check each station by the roster");
        answer.find(Finding::informative(rule, msg(zh, en)).on(&on));
    }
    Ok(())
}

/// The first five by name, the rest counted.
pub fn shorten(names: &[String]) -> Message {
    const NAMED: usize = 5;
    let named = &names[..names.len().min(NAMED)];
    let (zh, en) = (named.join("、"), named.join(", "));
    match names.len().saturating_sub(NAMED) {
        0 => msg(zh, en),
        rest => msg(
            format!("{zh} 等 {} 个", names.len()),
            format!("{en} and {rest} more"),
        ),
    }
}
