//! The city's subsidy for each station (HN-15) and the aims of 2021 to 2023 (HN-24 to HN-26).

use liucheng_sdk::{Answer, Call, Fen, Finding, Percent, Problem, msg};

/// HN-15 and HN-24 to HN-26.
pub fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let stations = call.facts.count("stations")?;
    subsidy(&mut answer, call, stations)?;
    targets(&mut answer, call, stations)?;
    Ok(answer)
}

/// HN-15: 市级对每个社工站服务项目补助经费不少于5万元. A year or once, the text does not say (HN-A3).
fn subsidy(answer: &mut Answer, call: &Call<'_>, stations: Option<i64>) -> Result<(), Problem> {
    let (each, rule) = call.parameters.money("city-subsidy-per-station")?;
    let decision = call.facts.text("decision.hn_a3")?;
    let once = decision.is_some_and(|option| option.ends_with("-once"));
    let (how_often_zh, how_often_en) = match decision {
        None => ("", ""),
        Some(_) if once => ("一次性", " once"),
        Some(_) => ("每年", " every year"),
    };
    if once
        && call
            .facts
            .int("contract.year")?
            .is_some_and(|year| year > 1)
    {
        let message = msg(
            "市级补助已确定为每站一次，本年度不再核对",
            "the city's subsidy is decided to be paid once a station; it is not checked again this year",
        );
        answer.find(Finding::informative(rule, message));
        return Ok(());
    }
    let Some(stations) = stations.filter(|count| *count > 0) else {
        let message = msg(
            "缺少社工站数量，无法核对市级补助",
            "the number of stations is missing; the city's subsidy cannot be checked",
        );
        answer.find(Finding::input_required(rule, "stations", message));
        return Ok(());
    };
    let Some(least) = each.checked_mul(stations) else {
        return Err(Problem::bad_request("stations"));
    };
    answer.set("allocation.city_subsidy_min", least);
    let Some(given) = call.facts.money("budget.city_subsidy")? else {
        let (each, least) = (each.grouped(), least.grouped());
        let zh = format!(
            "市级对每站{how_often_zh}补助不少于 {each} 元，{stations} 站合计不少于 {least} 元：请填写市级补助经费"
        );
        let en = format!(
            "the city gives at least {each} yuan a station{how_often_en}, {least} yuan for {stations}: enter its subsidy"
        );
        answer.find(Finding::input_required(
            rule,
            "budget.city_subsidy",
            msg(zh, en),
        ));
        return Ok(());
    };
    let enough = given >= least;
    let (each, least, given) = (each.grouped(), least.grouped(), given.grouped());
    let zh = format!(
        "市级补助 {given} 元，{stations} 站每站{how_often_zh}不少于 {each} 元，合计不少于 {least} 元"
    );
    let en = format!(
        "the city gives {given} yuan; at least {each} yuan a station{how_often_en} are {least} yuan for {stations}"
    );
    // The city's duty: the county's own step is not refused for it.
    let finding = if enough {
        Finding::informative(rule, msg(zh, en))
    } else {
        Finding::deviation(rule, msg(zh, en))
    };
    answer.find(finding.on(&["budget.city_subsidy", "stations"]));
    Ok(())
}

/// HN-24 to HN-26: the aims of calendar years, whatever year of the contract it is.
///
/// Those of the year in which the stations are bought, and of a later one on whose last day the contract still
/// runs, once that year has come.
fn targets(answer: &mut Answer, call: &Call<'_>, stations: Option<i64>) -> Result<(), Problem> {
    let mut newest = None;
    for aim in aims(call)? {
        newest = target(answer, call, stations, &aim)?.or(newest);
    }
    if let Some(minimum) = newest {
        answer.set("allocation.stations_target", minimum);
    }
    Ok(())
}

/// What one calendar year aims at.
struct Aim<'a> {
    year: i64,
    rule: &'a str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// HN-24: a number of stations.
    Number,
    /// HN-25: a share of the townships.
    Share,
    /// HN-26: 基本覆盖, no number.
    Coverage,
}

/// The aims that this project has to do with today.
fn aims<'c>(call: &'c Call<'_>) -> Result<Vec<Aim<'c>>, Problem> {
    let this_year = i64::from(call.today.year());
    let start = start_year(call)?.unwrap_or(this_year);
    // 年底: the last year on whose last day the contract still runs.
    let last = call.facts.date("contract.expiry")?.map(|expiry| {
        let whole = (expiry.month(), expiry.day()) == (12, 31);
        i64::from(expiry.year()) - i64::from(!whole)
    });
    let last = last.map_or(start, |last| last.min(this_year).max(start));
    let mut aims = Vec::new();
    for (key, kind) in [
        ("pilot-year", Kind::Number),
        ("spread-year", Kind::Share),
        ("coverage-year", Kind::Coverage),
    ] {
        let (year, rule) = call.parameters.int(key)?;
        if (start..=last).contains(&year) {
            aims.push(Aim { year, rule, kind });
        }
    }
    Ok(aims)
}

/// Judges one aim; the number of stations it asks for, where it asks for one.
fn target(
    answer: &mut Answer,
    call: &Call<'_>,
    stations: Option<i64>,
    aim: &Aim<'_>,
) -> Result<Option<i64>, Problem> {
    let (year, rule) = (aim.year, aim.rule);
    let townships = call.facts.count("townships")?;
    if aim.kind != Kind::Number && townships.is_none() {
        let message = msg(
            "缺少乡镇（街道）数量，无法与年度目标比较",
            "the number of townships is missing; no comparison with the year's aim",
        );
        answer.find(Finding::input_required(rule, "townships", message));
    }
    let Some(stations) = stations else {
        let message = msg(
            "缺少社工站数量，无法与年度目标比较",
            "the number of stations is missing; no comparison with the year's aim",
        );
        answer.find(Finding::input_required(rule, "stations", message));
        return Ok(None);
    };
    let minimum = match (aim.kind, townships) {
        (Kind::Number, _) => {
            let (minimum, _) = call.parameters.int("pilot-stations-min")?;
            let zh = format!(
                "{year} 年每个县（市、区）至少购买 {minimum} 个社工站项目，现 {stations} 个"
            );
            let en = format!(
                "in {year} each county buys at least {minimum} stations; planned are {stations}"
            );
            reach(answer, (stations, minimum), (rule, msg(zh, en)));
            Some(minimum)
        }
        (Kind::Share, Some(townships)) => {
            let (percent, _) = call.parameters.percent("spread-percent")?;
            let minimum = share(call, townships, percent)?;
            let zh = format!(
                "{year} 年在 {percent}% 以上乡镇（街道）实施：{townships} 个乡镇至少 {minimum} 个，现 {stations} 个"
            );
            let en = format!(
                "in {year} stations in {percent} % of the townships: at least {minimum} of {townships}; planned are {stations}"
            );
            reach(answer, (stations, minimum), (rule, msg(zh, en)));
            Some(minimum)
        }
        // 基本覆盖 is no number: the figures are shown, nothing is judged.
        (Kind::Coverage, Some(townships)) => {
            let zh =
                format!("{year} 年基本覆盖：{townships} 个乡镇（街道），现 {stations} 个社工站");
            let en = format!(
                "in {year} nearly all townships are covered: {stations} stations for {townships}"
            );
            let finding = Finding::informative(rule, msg(zh, en));
            answer.find(finding.on(&["stations", "townships"]));
            None
        }
        (_, None) => None,
    };
    Ok(minimum)
}

/// 以上 includes the number, so that parts of a township round up, unless HN-A6 is decided otherwise.
fn share(call: &Call<'_>, townships: i64, percent: Percent) -> Result<i64, Problem> {
    let nearest = call.facts.text("decision.hn_a6")? == Some("nearest");
    Ok(if nearest {
        // Half a township rounds up: twice the share, rounded down, tells halves apart.
        (Fen(townships.saturating_mul(2)).percent_floor(percent).0 + 1).div_euclid(2)
    } else {
        Fen(townships).percent_ceil(percent).0
    })
}

fn reach(
    answer: &mut Answer,
    (stations, minimum): (i64, i64),
    (rule, message): (&str, liucheng_sdk::Message),
) {
    let finding = if stations >= minimum {
        Finding::informative(rule, message)
    } else {
        Finding::deviation(rule, message)
    };
    answer.find(finding.on(&["stations", "townships"]));
}

/// The year in which the stations are bought; `None` while no step says so.
fn start_year(call: &Call<'_>) -> Result<Option<i64>, Problem> {
    for key in ["contract.signed", "budget.confirmed", "plan.approved"] {
        if let Some(day) = call.facts.date(key)? {
            return Ok(Some(i64::from(day.year())));
        }
    }
    Ok(None)
}
