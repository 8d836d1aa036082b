//! The cap of 2 % (HN-14), and payments by the contract's own terms (HN-21).

use liucheng_sdk::{Answer, Call, Fen, Finding, Percent, Problem, msg, tranche};

/// HN-14: 困难群众救助补助资金按照不高于2%安排. Of which year, the text does not say (HN-A3).
pub fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
    let (percent, rule) = call.parameters.percent("cap-percent")?;
    let mut answer = Answer::new();
    let (key, amount) = match call.facts.money("budget.from_fund")? {
        Some(amount) => ("budget.from_fund", Some(amount)),
        None => ("budget.total", call.facts.money("budget.total")?),
    };
    if amount.is_none() {
        let message = msg(
            "缺少安排金额，无法核对上限",
            "the planned amount is missing; the cap cannot be checked",
        );
        answer.find(Finding::input_required(rule, "budget.total", message));
    }
    let base = call.facts.money("budget.fund_base")?;
    if base.is_none() {
        let zh = format!("缺少困难群众救助补助资金总额，无法核对 {percent}% 上限");
        let en = format!(
            "the subsidy fund for people in need is missing; the cap of {percent} % cannot be checked"
        );
        answer.find(Finding::input_required(
            rule,
            "budget.fund_base",
            msg(zh, en),
        ));
    }
    if !right_year(&mut answer, call, rule)? {
        return Ok(answer);
    }
    if let (Some(amount), Some(base)) = (amount, base) {
        answer.find(judge(rule, percent, (amount, base)).on(&[key, "budget.fund_base"]));
    }
    Ok(answer)
}

fn judge(rule: &str, percent: Percent, (amount, base): (Fen, Fen)) -> Finding {
    let limit = base.percent_floor(percent);
    let over = amount > limit;
    let (amount, base, limit) = (amount.grouped(), base.grouped(), limit.grouped());
    if over {
        let zh = format!("不得高于 {base} 元的 {percent}%（{limit} 元），现安排 {amount} 元");
        let en = format!(
            "at most {percent} % of {base} yuan ({limit} yuan) may be used; planned are {amount} yuan"
        );
        Finding::violation(rule, msg(zh, en))
    } else {
        let zh = format!("安排 {amount} 元，不高于 {base} 元的 {percent}%（{limit} 元）");
        let en = format!("{amount} yuan are within {percent} % of {base} yuan ({limit} yuan)");
        Finding::informative(rule, msg(zh, en))
    }
}

/// Whether the base is that of the year which the decision on HN-A3 names.
///
/// Undecided, the base is taken as it is, and another year than the one before is pointed out.
fn right_year(answer: &mut Answer, call: &Call<'_>, rule: &str) -> Result<bool, Problem> {
    let decision = call.facts.text("decision.hn_a3")?;
    let Some(base_year) = call.facts.int("budget.fund_base_year")? else {
        if decision.is_some() {
            let message = msg(
                "已确定基数年度，请填写资金基数是哪一年的",
                "the year of the base is decided: enter which year the base is of",
            );
            answer.find(Finding::input_required(
                rule,
                "budget.fund_base_year",
                message,
            ));
        }
        return Ok(true);
    };
    let mut budget_year = i64::from(call.today.year());
    if let Some(confirmed) = call.facts.date("budget.confirmed")? {
        budget_year = i64::from(confirmed.year());
    }
    let current = decision.is_some_and(|option| option.starts_with("current-year"));
    let wanted = if current {
        budget_year
    } else {
        budget_year - 1
    };
    if base_year == wanted {
        return Ok(true);
    }
    if decision.is_some() {
        let zh = format!(
            "基数年度已确定为 {wanted} 年，所填基数为 {base_year} 年：请填写 {wanted} 年的资金总额"
        );
        let en = format!(
            "the base is decided to be that of {wanted}; given is that of {base_year}: enter the fund of {wanted}"
        );
        let finding = Finding::input_required(rule, "budget.fund_base", msg(zh, en));
        answer.find(finding.on(&["budget.fund_base_year"]));
        return Ok(false);
    }
    let zh = format!("基数为 {base_year} 年；未作决定前以上年（{wanted} 年）为准，请核对年度");
    let en =
        format!("the base is of {base_year}; undecided, that of {wanted} is meant: check the year");
    answer.find(Finding::informative(rule, msg(zh, en)).on(&["budget.fund_base_year"]));
    Ok(true)
}

/// The plan gives no shares: only the contract's own terms can be planned.
pub fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
    const RULE: &str = "HN-21";
    let mut answer = Answer::new();
    let Some(rows) = call.facts.rows("contract.payment_terms")? else {
        let message = msg(
            "方案未规定付款比例，按协议内容支付：请按合同填写付款条款",
            "the plan gives no payment shares; enter the contract's payment terms",
        );
        let finding = Finding::input_required(RULE, "contract.payment_terms", message);
        answer.find(finding);
        return Ok(answer);
    };
    let tranches = tranche::from_rows(&rows, RULE)?;
    let price = call.facts.money("contract.amount")?;
    match tranche::plan(&tranches, price) {
        Ok(payments) => answer.payments = payments,
        // The terms are the officer's input, so that a wrong sum is a finding to correct.
        Err(problem) => {
            let finding = Finding::violation(RULE, problem.message);
            answer.find(finding.on(&["contract.payment_terms"]));
            return Ok(answer);
        }
    }
    if price.is_none() {
        let message = msg(
            "缺少合同金额，各期金额待定",
            "the contract's price is missing; the amounts stay open",
        );
        answer.find(Finding::input_required(RULE, "contract.amount", message));
    }
    Ok(answer)
}
