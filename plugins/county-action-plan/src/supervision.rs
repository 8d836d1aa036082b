//! Supervision (督导): visits and hours of XC-07, stations for each supervisor of XC-08, and whether a
//! month has the hours (XC-A2).

use liucheng_sdk::{
    Answer, Call, Fields, Finding, Problem, Severity, msg,
    staffing::{self, Role},
};

const FACT: &str = "supervision";

/// XC-07 and XC-08 on the record `supervision`.
pub fn judge(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let Some(plan) = call.facts.row(FACT)? else {
        let message = msg(
            "缺少督导安排，无法核对",
            "the supervision is missing; it cannot be checked",
        );
        answer.find(Finding::input_required("XC-08", FACT, message));
        return Ok(());
    };
    visits(answer, call, &plan)?;
    stations(answer, call, &plan)?;
    load(answer, call, &plan)
}

/// XC-07: 每月每站开展督导工作不少于1次,每次督导时长不少于16小时.
fn visits(answer: &mut Answer, call: &Call<'_>, plan: &Fields<'_>) -> Result<(), Problem> {
    let (visits_min, rule) = call.parameters.int("visits-min")?;
    let (hours_min, _) = call.parameters.int("hours-min")?;
    let (visits, hours) = (plan.int("visits_per_month")?, plan.int("hours_per_visit")?);
    match visits {
        None => ask(
            answer,
            rule,
            "未填每月每站督导次数",
            "visits a month are missing",
        ),
        Some(visits) if visits < visits_min => {
            let zh = format!("每月每站督导不少于 {visits_min} 次，现为 {visits} 次");
            let en =
                format!("at least {visits_min} visit(s) a station and month; there are {visits}");
            answer.find(Finding::violation(rule, msg(zh, en)).on(&[FACT]));
        }
        Some(_) => {}
    }
    let Some(hours) = hours else {
        ask(
            answer,
            rule,
            "未填每次督导时长",
            "the hours of a visit are missing",
        );
        return Ok(());
    };
    if call.facts.text("decision.xc_a7")? == Some("monthly-total") {
        let total = hours.saturating_mul(visits.unwrap_or(visits_min));
        if total < hours_min {
            let zh =
                format!("已决定按每月累计：每站每月督导不少于 {hours_min} 小时，现为 {total} 小时");
            let en = format!(
                "decided: {hours_min} hours a station in all of a month; there are {total}"
            );
            answer.find(Finding::violation(rule, msg(zh, en)).on(&[FACT]));
        }
    } else if hours < hours_min {
        let zh = format!("每次督导时长不少于 {hours_min} 小时，现为 {hours} 小时");
        let en = format!("a visit takes at least {hours_min} hours; it takes {hours}");
        answer.find(Finding::violation(rule, msg(zh, en)).on(&[FACT]));
    }
    Ok(())
}

/// How many stations a supervisor has in principle: 5 to 8, the hyphen being lost in 58 (XC-A1).
fn range(call: &Call<'_>) -> Result<(i64, i64), Problem> {
    if call.facts.text("decision.xc_a1")? == Some("as-written") {
        let (written, _) = call.parameters.int("stations-as-written")?;
        return Ok((written, written));
    }
    let (min, _) = call.parameters.int("stations-min")?;
    let (max, _) = call.parameters.int("stations-max")?;
    Ok((min, max))
}

/// XC-08 says 原则上: outside of the range somebody has to look.
fn stations(answer: &mut Answer, call: &Call<'_>, plan: &Fields<'_>) -> Result<(), Problem> {
    let ((min, max), (written, _)) = (range(call)?, call.parameters.int("stations-as-written")?);
    let Some(stations) = plan.int("stations_per_supervisor")? else {
        ask(
            answer,
            "XC-08",
            "未填每名督导负责的社工站数",
            "the stations of a supervisor are missing",
        );
        return Ok(());
    };
    if stations < 1 {
        let zh = format!("每名督导负责的社工站数应不少于 1，现为 {stations}");
        let en = format!("a supervisor has at least 1 station; {stations} was entered");
        answer.find(Finding::violation("XC-08", msg(zh, en)).on(&[FACT]));
        return Ok(());
    }
    if (min..=max).contains(&stations) {
        return Ok(());
    }
    let wanted = if min == max {
        min.to_string()
    } else {
        format!("{min}—{max}")
    };
    let zh = format!("原则上每名督导负责 {wanted} 个社工站，现为 {stations} 个");
    let en = format!("in principle a supervisor has {wanted} stations; it is {stations}");
    answer.find(Finding::deviation("XC-08", msg(zh, en)).on(&[FACT]));
    if stations == written {
        let zh = format!("原文“{written}个社工站”为连字符丢失，应读作 {min}—{max} 个");
        let en =
            format!("\"{written} stations\" in the text has lost its hyphen: read {min} to {max}");
        answer.find(Finding::informative("XC-A1", msg(zh, en)).on(&[FACT]));
    }
    Ok(())
}

/// XC-A2: stations × hours × visits must fit into a month. What is not given counts with the least of XC-07.
fn load(answer: &mut Answer, call: &Call<'_>, plan: &Fields<'_>) -> Result<(), Problem> {
    let Some(stations) = plan.int("stations_per_supervisor")?.filter(|n| *n > 0) else {
        return Ok(());
    };
    let (most, rule) = call.parameters.int("month-hours")?;
    let hours = match plan.int("hours_per_visit")? {
        Some(hours) => hours,
        None => call.parameters.int("hours-min")?.0,
    };
    let visits = match plan.int("visits_per_month")? {
        Some(visits) => visits,
        None => call.parameters.int("visits-min")?.0,
    };
    let load = stations.saturating_mul(hours).saturating_mul(visits);
    let zh = format!("{stations} 站 × {hours} 小时 × {visits} 次 = 每月 {load} 小时");
    let en =
        format!("{stations} stations × {hours} hours × {visits} visit(s) = {load} hours a month");
    if load <= most {
        let zh = format!("{zh}，不超过 {most} 小时，可行");
        let en = format!("{en}, no more than {most}: feasible");
        answer.find(Finding::informative(rule, msg(zh, en)).on(&[FACT]));
        return Ok(());
    }
    let zh = format!("{zh}，超过一人每月约 {most} 小时，不可行");
    let en = format!("{en}, more than the {most} hours a person has: not feasible");
    let mut finding = Finding::infeasible(rule, msg(zh, en)).on(&[FACT]);
    if call.facts.text("decision.xc_a2")? == Some("warn") {
        finding.severity = Severity::Warning;
    }
    answer.find(finding);
    Ok(())
}

/// XC-08 over all stations: how many supervisors that makes, and how many the roster has.
pub fn supervisors(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (min, max) = range(call)?;
    staffing::stations_once(answer, call, "XC-08")?;
    let Some(stations) = call.facts.count("stations")?.filter(|n| *n > 0) else {
        return Ok(());
    };
    if min < 1 || max < min {
        return Err(Problem::wrong_parameter(
            "stations-min",
            "a range from 1",
            "another range",
        ));
    }
    let fewest = stations.saturating_add(max - 1) / max;
    let most = (stations / min).max(fewest);
    let (zh, en) = if fewest == most {
        (format!("{fewest} 名"), format!("{fewest}"))
    } else {
        (format!("{fewest}—{most} 名"), format!("{fewest} to {most}"))
    };
    let zh = format!("{stations} 站按每名 {min}—{max} 站计，须督导 {zh}");
    let en = format!("{stations} stations at {min} to {max} each need {en} supervisor(s)");
    let Some(roster) = call.facts.rows("staff.roster")? else {
        answer.find(Finding::informative("XC-08", msg(zh, en)).on(&["stations"]));
        return Ok(());
    };
    staffing::ask_roles(answer, &roster, "XC-08")?;
    let (mut there, mut unread) = (0_i64, 0_i64);
    for person in &roster {
        let role = Role::of(person)?;
        there += i64::from(role == Some(Some(Role::Supervisor)));
        unread += i64::from(role == Some(None));
    }
    let message = msg(
        format!("{zh}，名册有 {there} 名"),
        format!("{en}; the roster has {there}"),
    );
    let finding = if there.saturating_add(unread) < fewest {
        Finding::deviation("XC-08", message)
    } else {
        Finding::informative("XC-08", message)
    };
    answer.find(finding.on(&["stations", "staff.roster"]));
    Ok(())
}

fn ask(answer: &mut Answer, rule: &str, zh: &str, en: &str) {
    answer.find(Finding::input_required(rule, FACT, msg(zh, en)));
}
