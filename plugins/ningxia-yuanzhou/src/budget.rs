//! The floor of 3 % (YZ-04) and the payment in three tranches (YZ-06 to YZ-09).

use liucheng_sdk::{Answer, Call, Fen, Finding, Percent, Problem, msg, tranche};

/// YZ-04: 原则上按不低于当年社会救助专项资金支出总量的3%安排. A floor, not a cap.
pub fn floor(call: &Call<'_>) -> Result<Answer, Problem> {
    let (percent, rule) = call.parameters.percent("floor-percent")?;
    let mut answer = Answer::new();
    let (key, amount) = match call.facts.money("budget.from_fund")? {
        Some(amount) => ("budget.from_fund", Some(amount)),
        None => ("budget.total", call.facts.money("budget.total")?),
    };
    if amount.is_none() {
        let message = msg(
            "缺少安排金额，无法核对下限",
            "the planned amount is missing; the floor cannot be checked",
        );
        answer.find(Finding::input_required(rule, "budget.total", message));
    }
    let base = call.facts.money("budget.fund_base")?;
    match (amount, base) {
        (_, None) => {
            let zh = format!("缺少当年社会救助专项资金支出总量，无法核对 {percent}% 下限");
            let en = format!(
                "this year's social-assistance fund spending is missing; the floor of {percent} % cannot be checked"
            );
            answer.find(Finding::input_required(
                rule,
                "budget.fund_base",
                msg(zh, en),
            ));
        }
        (Some(amount), Some(base)) => {
            let required = base.percent_ceil(percent);
            if amount < required {
                answer.find(
                    below(rule, percent, (amount, base, required)).on(&[key, "budget.fund_base"]),
                );
            }
        }
        (None, Some(_)) => {}
    }
    if let Some((amount, largest)) = amount.and_then(|a| Some((a, a.largest_base(percent)?))) {
        let (amount, largest) = (amount.grouped(), largest.grouped());
        let zh = format!("{amount} 元满足 {percent}% 下限的资金基数最高为 {largest} 元");
        let en = format!(
            "{amount} yuan meet the floor of {percent} % up to a fund base of {largest} yuan"
        );
        answer.find(Finding::informative(rule, msg(zh, en)).on(&[key]));
    }
    Ok(answer)
}

/// The text says 原则上, so less is a deviation to justify, not a refusal.
fn below(rule: &str, percent: Percent, (amount, base, required): (Fen, Fen, Fen)) -> Finding {
    let (amount, base, required) = (amount.grouped(), base.grouped(), required.grouped());
    let zh = format!("原则上不低于 {base} 元的 {percent}%（{required} 元），现安排 {amount} 元");
    let en = format!(
        "in principle at least {percent} % of {base} yuan ({required} yuan); planned are {amount} yuan"
    );
    Finding::deviation(rule, msg(zh, en))
}

/// YZ-06 to YZ-09: 50 %, 30 %, and the rest, of the contract's price.
pub fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
    let (rows, rule) = call.parameters.rows("tranches")?;
    let price = call.facts.money("contract.amount")?;
    let mut answer = Answer::new();
    answer.payments = tranche::plan(&tranche::from_rows(&rows, rule)?, price)?;
    if price.is_none() {
        let message = msg(
            "缺少合同金额，各期金额待定",
            "the contract's price is missing; the amounts stay open",
        );
        answer.find(Finding::input_required(rule, "contract.amount", message));
        if let Some(total) = call.facts.money("budget.total")? {
            let total = total.grouped();
            let zh = format!(
                "“项目总资金”是 {total} 元预算（含第三方评估督导和绩效考核）还是承接合同价，原文未写明，请确定"
            );
            let en = format!(
                "the text does not say whether shares are of the budget of {total} yuan (with third-party evaluation) or of the contract's price; decide"
            );
            answer.find(
                Finding::needs_decision("YZ-A2", msg(zh, en))
                    .on(&["contract.amount", "budget.total"]),
            );
        }
    }
    Ok(answer)
}
