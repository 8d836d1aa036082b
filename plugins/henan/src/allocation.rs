//! The city's subsidy for each station (HN-15) and the aims of 2021 to 2023 (HN-24 to HN-26).

use liucheng_sdk::{Answer, Call, Fen, Finding, Percent, Problem, msg};

/// HN-15 and HN-24 to HN-26.
pub fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let stations = call.facts.count("stations")?;
    subsidy(&mut answer, call, stations)?;
    target(&mut answer, call, stations)?;
    Ok(answer)
}

/// HN-15: 市级对每个社工站服务项目补助经费不少于5万元. A year or once, the text does not say (HN-A3).
fn subsidy(answer: &mut Answer, call: &Call<'_>, stations: Option<i64>) -> Result<(), Problem> {
    let (each, rule) = call.parameters.money("city-subsidy-per-station")?;
    let once = call
        .facts
        .text("decision.hn_a3")?
        .is_some_and(|option| option.ends_with("-once"));
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
            "市级对每站补助不少于 {each} 元，{stations} 站合计不少于 {least} 元：请填写市级补助经费"
        );
        let en = format!(
            "the city gives at least {each} yuan a station, {least} yuan for {stations}: enter its subsidy"
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
    let zh =
        format!("市级补助 {given} 元，{stations} 站每站不少于 {each} 元，合计不少于 {least} 元");
    let en = format!(
        "the city gives {given} yuan; at least {each} yuan a station are {least} yuan for {stations}"
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

/// HN-24 to HN-26: the aim of the year in which the stations are bought; other years have none.
///
/// A renewed contract is not bought anew.
fn target(answer: &mut Answer, call: &Call<'_>, stations: Option<i64>) -> Result<(), Problem> {
    if call
        .facts
        .int("contract.year")?
        .is_some_and(|year| year > 1)
    {
        return Ok(());
    }
    let year = i64::from(year(call)?);
    let (first_year, _) = call.parameters.int("pilot-year")?;
    let (spread_year, spread_rule) = call.parameters.int("spread-year")?;
    let (coverage_year, coverage_rule) = call.parameters.int("coverage-year")?;
    let (least, first_rule) = call.parameters.int("pilot-stations-min")?;
    let (rule, minimum) = if year == first_year {
        (first_rule, Some(least))
    } else if year == spread_year {
        (spread_rule, None)
    } else if year == coverage_year {
        (coverage_rule, None)
    } else {
        return Ok(());
    };
    let townships = call.facts.count("townships")?;
    if minimum.is_none() && townships.is_none() {
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
        return Ok(());
    };
    match (minimum, townships) {
        (Some(minimum), _) => {
            let zh = format!(
                "{year} 年每个县（市、区）至少购买 {minimum} 个社工站项目，现 {stations} 个"
            );
            let en = format!(
                "in {year} each county buys at least {minimum} stations; planned are {stations}"
            );
            reach(answer, (stations, minimum), (rule, msg(zh, en)));
        }
        (None, Some(townships)) if year == spread_year => {
            let (percent, _) = call.parameters.percent("spread-percent")?;
            let minimum = share(call, townships, percent)?;
            let zh = format!(
                "{year} 年在 {percent}% 以上乡镇（街道）实施：{townships} 个乡镇至少 {minimum} 个，现 {stations} 个"
            );
            let en = format!(
                "in {year} stations in {percent} % of the townships: at least {minimum} of {townships}; planned are {stations}"
            );
            reach(answer, (stations, minimum), (rule, msg(zh, en)));
        }
        // 基本覆盖 is no number: the figures are shown, nothing is judged.
        (None, Some(townships)) => {
            let zh =
                format!("{year} 年基本覆盖：{townships} 个乡镇（街道），现 {stations} 个社工站");
            let en = format!(
                "in {year} nearly all townships are covered: {stations} stations for {townships}"
            );
            let finding = Finding::informative(rule, msg(zh, en));
            answer.find(finding.on(&["stations", "townships"]));
        }
        (None, None) => {}
    }
    Ok(())
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
    answer.set("allocation.stations_target", minimum);
    let finding = if stations >= minimum {
        Finding::informative(rule, message)
    } else {
        Finding::deviation(rule, message)
    };
    answer.find(finding.on(&["stations", "townships"]));
}

fn year(call: &Call<'_>) -> Result<u16, Problem> {
    for key in ["contract.signed", "budget.confirmed", "plan.approved"] {
        if let Some(day) = call.facts.date(key)? {
            return Ok(day.year());
        }
    }
    Ok(call.today.year())
}
