//! The target of 250,000 yuan a station and year (TJ-13), and payments by the contract's own terms.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, terms};

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
    let amount = call.facts.money("budget.total")?;
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
    let is_floor = call.facts.text("decision.tj_a4")? == Some("floor");
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
