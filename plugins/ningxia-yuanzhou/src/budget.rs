//! The floor of 3 % (YZ-04) and the payment in three tranches (YZ-06 to YZ-09).

use liucheng_sdk::{
    Answer, Call, Fen, Finding, Percent, Problem, budget, msg,
    tranche::{self, Tranche},
};

/// YZ-04: 原则上按不低于当年社会救助专项资金支出总量的3%安排. A floor, unless it was decided to be read as
/// a cap (YZ-A6).
pub fn floor(call: &Call<'_>) -> Result<Answer, Problem> {
    let (percent, rule) = call.parameters.percent("floor-percent")?;
    let is_cap = call.facts.text("decision.yz_a6")? == Some("cap");
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
        (Some(amount), Some(base)) if is_cap => {
            let allowed = base.percent_floor(percent);
            if amount > allowed {
                answer.find(
                    above(rule, percent, (amount, base, allowed)).on(&[key, "budget.fund_base"]),
                );
            }
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
    base_year(&mut answer, call, rule)?;
    if is_cap {
        return Ok(answer);
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

/// The same number read as a cap (YZ-A6).
fn above(rule: &str, percent: Percent, (amount, base, allowed): (Fen, Fen, Fen)) -> Finding {
    let (amount, base, allowed) = (amount.grouped(), base.grouped(), allowed.grouped());
    let zh = format!("原则上不超过 {base} 元的 {percent}%（{allowed} 元），现安排 {amount} 元");
    let en = format!(
        "in principle at most {percent} % of {base} yuan ({allowed} yuan); planned are {amount} yuan"
    );
    Finding::deviation(rule, msg(zh, en))
}

/// YZ-04: 当年. The base is that of the year in which the money is set aside.
fn base_year(answer: &mut Answer, call: &Call<'_>, rule: &str) -> Result<(), Problem> {
    let year = call.facts.int("budget.fund_base_year")?;
    let confirmed = call.facts.date("budget.confirmed")?;
    let Some((year, confirmed)) = year.zip(confirmed) else {
        return Ok(());
    };
    let this = i64::from(confirmed.year());
    if year != this {
        let zh = format!("基数应为当年（{this} 年）支出总量，填写的是 {year} 年");
        let en = format!("the base is that of the current year, {this}; given is {year}");
        let finding = Finding::deviation(rule, msg(zh, en));
        answer.find(finding.on(&["budget.fund_base_year", "budget.confirmed"]));
    }
    Ok(())
}

/// YZ-06 to YZ-09: 50 %, 30 %, and the rest, of the contract's price or of the whole budget (YZ-A2).
pub fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
    let (rows, rule) = call.parameters.rows("tranches")?;
    let tranches = tranche::from_rows(&rows, rule)?;
    let price = call.facts.money("contract.amount")?;
    let mut answer = Answer::new();
    if price.is_none() {
        let message = msg(
            "缺少合同金额，各期金额待定",
            "the contract's price is missing; the amounts stay open",
        );
        answer.find(Finding::input_required(rule, "contract.amount", message));
    }
    if call.facts.text("decision.yz_a2")? != Some("project-total") {
        answer.payments = tranche::plan(&tranches, price)?;
        return Ok(answer);
    }
    let total = call.facts.money("budget.total")?;
    answer.payments = tranche::plan(&tranches, total)?;
    match total {
        None => {
            let message = msg(
                "各期比例按项目总经费计，请填写项目总经费",
                "shares are of the whole budget: enter it",
            );
            answer.find(Finding::input_required("YZ-A2", "budget.total", message));
        }
        Some(total) => pay_from_price(&mut answer, &tranches, (total, price)),
    }
    Ok(answer)
}

/// YZ-08: 拨付剩余经费. What the shares of the whole budget leave of the contract's price.
fn pay_from_price(answer: &mut Answer, tranches: &[Tranche], (total, price): (Fen, Option<Fen>)) {
    let taker = tranches.iter().position(|t| t.remainder);
    let others = answer.payments.iter().enumerate();
    let others = others.filter(|(i, _)| Some(*i) != taker);
    let before: i64 = others.filter_map(|(_, p)| Some(p.amount?.0)).sum();
    let rest = price.map(|price| Fen(price.0 - before));
    if let Some(short) = rest.filter(|rest| rest.0 < 0) {
        let (total, over) = (total.grouped(), Fen(-short.0).grouped());
        let zh = format!("按项目总经费 {total} 元计算的前几期超过合同价 {over} 元，无法拨付");
        let en = format!(
            "the shares of the whole budget of {total} yuan exceed the contract's price by {over} yuan"
        );
        let finding = Finding::violation("YZ-A2", msg(zh, en));
        answer.find(finding.on(&["contract.amount", "budget.total"]));
        answer.payments.clear();
        return;
    }
    if let Some(last) = taker.and_then(|i| answer.payments.get_mut(i)) {
        last.amount = rest;
        // What is left is no fifth of the whole budget any more.
        let share = rest.and_then(|rest| budget::share_text(rest, total));
        if let Some(share) = share.and_then(|share| share.parse::<Percent>().ok()) {
            last.percent = share;
        }
    }
}
