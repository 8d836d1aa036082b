//! Aims of the county (工作目标): stations of XC-01 and XC-02, talent of XC-04, agencies of XC-06.

use liucheng_sdk::{Answer, Call, Date, Fen, Finding, Problem, Scalar, Value, msg};

/// XC-01 and XC-02: 5 towns by the end of 2021, 6 more by the end of 2022; with XC-A5, all towns there are.
pub fn stations(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (first, first_rule) = call.parameters.int("stations-2021")?;
    let (second, second_rule) = call.parameters.int("stations-2022")?;
    let all = first.saturating_add(second);
    let is_all_towns = call.facts.text("decision.xc_a5")? != Some("tasks-only");
    if let Some(townships) = call.facts.count("townships")?
        && is_all_towns
        && townships != all
    {
        let zh = format!(
            "两年任务合计 {first}+{second}={all} 个乡镇，登记的乡镇为 {townships} 个，请核对"
        );
        let en = format!(
            "the tasks of both years are {first} + {second} = {all} towns; {townships} are entered: check"
        );
        answer.find(Finding::deviation("XC-A5", msg(zh, en)).on(&["townships"]));
    }
    let Some(built) = call.facts.count("stations")? else {
        let message = msg(
            "缺少已建社工站，无法与目标比较",
            "the stations are missing; no comparison with the aims",
        );
        answer.find(Finding::input_required(second_rule, "stations", message));
        return Ok(());
    };
    for (key, aim, rule) in [
        ("stations-2021-by", first, first_rule),
        ("stations-2022-by", all, second_rule),
    ] {
        let by = day(call, key)?;
        let zh = format!("到 {by} 累计建成 {aim} 个乡镇社工站，现有 {built} 个");
        let en = format!("{aim} stations in all by {by}; there are {built}");
        // Before the day an aim is not missed.
        let finding = if built < aim && call.today > by {
            Finding::deviation(rule, msg(zh, en))
        } else {
            Finding::informative(rule, msg(zh, en))
        };
        answer.find(finding.on(&["stations"]));
    }
    Ok(())
}

/// XC-04: 力争……社工专业人才不低于全县户籍人口的1%, or 1 per mille by decision (XC-A4).
pub fn talent(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (_, rule) = call.parameters.percent("population-share")?;
    let is_mille = call.facts.text("decision.xc_a4")? == Some("per-mille");
    let key = if is_mille {
        "population-share-mille"
    } else {
        "population-share"
    };
    let (share, _) = call.parameters.percent(key)?;
    let (population, talent) = (
        call.facts.int("population.registered")?,
        call.facts.int("talent.total")?,
    );
    for (key, value, zh, en) in [
        (
            "population.registered",
            population,
            "户籍人口",
            "registered population",
        ),
        (
            "talent.total",
            talent,
            "社工专业人才总数",
            "number of social workers",
        ),
    ] {
        match value {
            None => {
                let zh = format!("缺少{zh}，无法核对 {share}%");
                let en = format!("the {en} is missing; {share} % cannot be checked");
                answer.find(Finding::input_required(rule, key, msg(zh, en)));
            }
            Some(value) if value < 0 => {
                let zh = format!("{zh} {value} 不合理");
                let en = format!("the {en} cannot be {value}");
                answer.find(Finding::deviation(rule, msg(zh, en)).on(&[key]));
                return Ok(());
            }
            Some(_) => {}
        }
    }
    let Some(population) = population else {
        return Ok(());
    };
    let needed = Fen(population).percent_ceil(share).0;
    let on = ["population.registered", "talent.total"];
    let zh = format!("户籍人口 {population} 人的 {share}% 为 {needed} 人");
    let en = format!("{share} % of a population of {population} are {needed} people");
    let (zh, en) = match talent {
        None => (zh, en),
        Some(talent) if talent > population => {
            let zh = format!("社工专业人才 {talent} 人超过户籍人口 {population} 人，请核对");
            let en = format!(
                "{talent} social workers are more than the population of {population}: check"
            );
            answer.find(Finding::deviation(rule, msg(zh, en)).on(&on));
            return Ok(());
        }
        Some(talent) if talent < needed => (
            format!("{zh}，现有 {talent} 人：未达到力争目标"),
            format!("{en}; there are {talent}: the aim is not reached"),
        ),
        Some(talent) => (
            format!("{zh}，现有 {talent} 人：达到"),
            format!("{en}; there are {talent}: reached"),
        ),
    };
    answer.find(Finding::informative(rule, msg(zh, en)).on(&on));
    Ok(())
}

/// XC-06: 本县注册有1家以上的社工服务机构.
pub fn agencies(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (min, rule) = call.parameters.int("agencies-min")?;
    let Some(agencies) = call.facts.int("agencies.local")? else {
        let message = msg(
            "缺少本县注册的社工服务机构数",
            "the number of agencies registered in the county is missing",
        );
        answer.find(Finding::input_required(rule, "agencies.local", message));
        return Ok(());
    };
    let (zh, en) = if agencies >= min {
        ("达到", "reached")
    } else {
        ("未达到力争目标", "the aim is not reached")
    };
    let zh = format!("本县注册的社工服务机构 {agencies} 家，须 {min} 家以上：{zh}");
    let en =
        format!("{agencies} agencies are registered in the county, the aim is {min} or more: {en}");
    answer.find(Finding::informative(rule, msg(zh, en)).on(&["agencies.local"]));
    Ok(())
}

fn day(call: &Call<'_>, key: &str) -> Result<Date, Problem> {
    match &call.parameters.get(key)?.value {
        Value::One(Scalar::Date(date)) => Ok(*date),
        other => Err(Problem::wrong_parameter(key, "date", other.kind())),
    }
}
