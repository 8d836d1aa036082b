//! The target of 250,000 yuan a station and year (TJ-13), and payments by the contract's own terms.

use liucheng_sdk::{
    Answer, Call, Fen, Finding, Problem, Value, msg,
    staffing::{names, person_id},
    terms,
};

/// TJ-13: 每个社工站项目资金每年力争达到25万元. An aim, unless it was decided to check it as a floor (TJ-A4).
pub fn target(call: &Call<'_>) -> Result<Answer, Problem> {
    let (target, rule) = call.parameters.money("station-target")?;
    let mut answer = Answer::new();
    let stations = call.facts.count("stations")?.filter(|count| *count > 0);
    if stations.is_none() {
        let message = msg(
            "缺少社工站数量，无法与目标比较",
            "the number of stations is missing; no comparison with the target",
        );
        answer.find(Finding::input_required(rule, "stations", message));
    }
    let is_floor = call.facts.text("decision.tj_a4")? == Some("floor");
    let stated = each_station(&mut answer, call, (target, rule), is_floor)?;
    let total = call.facts.money("budget.total")?;
    if let Some((total, stated)) = total.zip(stated)
        && total != stated
    {
        let (total, stated) = (total.grouped(), stated.grouped());
        let zh = format!("各站金额合计 {stated} 元，与项目年度经费 {total} 元不符，请核对");
        let en = format!(
            "the stations' amounts add up to {stated} yuan, the budget is {total} yuan: check"
        );
        answer.find(Finding::deviation(rule, msg(zh, en)).on(&["budget.total", "stations"]));
    }
    // What the stations are given is the yearly budget, where nothing else is entered.
    let amount = total.or(stated);
    if amount.is_none() {
        let message = msg(
            "缺少项目年度经费，无法与目标比较",
            "the yearly budget is missing; no comparison with the target",
        );
        answer.find(Finding::input_required(rule, "budget.total", message));
    }
    let Some((stations, amount)) = stations.zip(amount) else {
        return Ok(answer);
    };
    let Some((per_station, needed)) = amount.per(stations).zip(target.checked_mul(stations)) else {
        return Err(Problem::bad_request("budget.total"));
    };
    let reached = amount >= needed;
    let (per_station, target, needed) = (per_station.grouped(), target.grouped(), needed.grouped());
    let message = if reached {
        let zh = format!("{stations} 站平均每年 {per_station} 元，达到力争目标 {target} 元");
        msg(
            zh,
            format!(
                "{stations} stations at {per_station} yuan a year each reach the target of {target} yuan"
            ),
        )
    } else {
        let zh = format!(
            "{stations} 站平均每年 {per_station} 元，力争目标 {target} 元（合计 {needed} 元）"
        );
        let en = format!(
            "{stations} stations at {per_station} yuan a year each; the target is {target} yuan ({needed} yuan in all)"
        );
        msg(zh, en)
    };
    let finding = if is_floor && !reached {
        Finding::deviation(rule, message)
    } else {
        Finding::informative(rule, message)
    };
    answer.find(finding.on(&["budget.total", "stations"]));
    Ok(answer)
}

/// 每个社工站: a station with less than the aim is named, whatever the average. The sum of the amounts, where
/// all stations have one.
fn each_station(
    answer: &mut Answer,
    call: &Call<'_>,
    (target, rule): (Fen, &str),
    is_floor: bool,
) -> Result<Option<Fen>, Problem> {
    let Some(Value::Rows(_)) = call.facts.get("stations") else {
        return Ok(None);
    };
    let stations = call.facts.rows("stations")?.unwrap_or_default();
    let (mut sum, mut below, mut open) = (Fen(0), Vec::new(), Vec::new());
    for (index, station) in stations.iter().enumerate() {
        let id = person_id(station, index)?;
        let Some(amount) = station.money("amount")? else {
            open.push(id);
            continue;
        };
        sum = Fen(sum
            .0
            .checked_add(amount.0)
            .ok_or_else(|| Problem::bad_request("stations"))?);
        if amount < target {
            below.push(format!("{id} {} 元", amount.grouped()));
        }
    }
    if open.len() == stations.len() {
        return Ok(None);
    }
    let unit = ("站", "stations");
    let below: Vec<&str> = below.iter().map(String::as_str).collect();
    if let Some(list) = names(&below, unit) {
        let target = target.grouped();
        let zh = format!("每站每年力争达到 {target} 元，尚未达到：{}", list.zh);
        let en = format!(
            "the target is {target} yuan a station and year; below it: {}",
            list.en
        );
        let finding = if is_floor {
            Finding::deviation(rule, msg(zh, en))
        } else {
            Finding::informative(rule, msg(zh, en))
        };
        answer.find(finding.on(&["stations"]));
    }
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    if let Some(list) = names(&open, unit) {
        let zh = format!("以下社工站未填金额：{}", list.zh);
        let en = format!("stations whose amount is missing: {}", list.en);
        answer.find(Finding::input_required(rule, "stations", msg(zh, en)));
        return Ok(None);
    }
    Ok(Some(sum))
}

/// The notice gives no shares (TJ-A5): only the contract's own terms can be planned.
pub fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    if !terms::plan(&mut answer, call, "TJ-A5")? {
        let zh = "通知未规定付款比例，请按合同填写付款条款";
        let message = msg(
            zh,
            "the notice gives no payment shares; enter the contract's payment terms",
        );
        answer.find(Finding::input_required(
            "TJ-A5",
            "contract.payment_terms",
            message,
        ));
    }
    Ok(answer)
}
