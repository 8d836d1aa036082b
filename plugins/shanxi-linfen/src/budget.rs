//! Payments by the contract's own terms: the plan gives neither shares nor dates (LF-A6).

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, tranche};

/// Plans the terms of the contract.
pub fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
    const ISSUE: &str = "LF-A6";
    let mut answer = Answer::new();
    let Some(rows) = call.facts.rows("contract.payment_terms")? else {
        let message = msg(
            "方案未规定付款比例和期限，请按合同的资金结算方式填写付款条款",
            "the plan gives neither shares nor dates of payment; enter the contract's terms",
        );
        let finding = Finding::input_required(ISSUE, "contract.payment_terms", message);
        answer.find(finding);
        return Ok(answer);
    };
    let tranches = tranche::from_rows(&rows, ISSUE)?;
    let price = call.facts.money("contract.amount")?;
    match tranche::plan(&tranches, price) {
        Ok(payments) => answer.payments = payments,
        // The terms are the officer's input, so that a wrong sum is a finding to correct.
        Err(problem) => {
            let finding = Finding::violation(ISSUE, problem.message);
            answer.find(finding.on(&["contract.payment_terms"]));
            return Ok(answer);
        }
    }
    if price.is_none() {
        let message = msg(
            "缺少合同金额，各期金额待定",
            "the contract's price is missing; the amounts stay open",
        );
        answer.find(Finding::input_required(ISSUE, "contract.amount", message));
    }
    Ok(answer)
}
