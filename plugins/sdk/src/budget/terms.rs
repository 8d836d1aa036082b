//! Payment by the contract's own terms (合同约定的付款期次).

use crate::{Answer, Call, Finding, Problem, msg, tranche};

/// Plans the payments by `contract.payment_terms`, where the document gives no shares.
///
/// A share that the text does not give is never assumed: without terms they are asked for. Terms that do
/// not make a whole are the officer's input, so a finding to correct.
///
/// # Errors
/// A [`Problem`] when a fact has another type.
pub fn by_contract(call: &Call<'_>, rule: &str) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(rows) = call.facts.rows("contract.payment_terms")? else {
        let message = msg(
            "文件未规定付款比例，请按合同填写付款条款",
            "the document gives no payment shares; enter the contract's payment terms",
        );
        answer.find(Finding::input_required(
            rule,
            "contract.payment_terms",
            message,
        ));
        return Ok(answer);
    };
    let price = call.facts.money("contract.amount")?;
    let planned =
        tranche::from_rows(&rows, rule).and_then(|tranches| tranche::plan(&tranches, price));
    match planned {
        Ok(payments) => answer.payments = payments,
        Err(problem) => {
            answer.find(Finding::violation(rule, problem.message).on(&["contract.payment_terms"]));
            return Ok(answer);
        }
    }
    if price.is_none() {
        let message = msg(
            "缺少合同金额，各期金额待定",
            "the contract's price is missing; the amounts stay open",
        );
        answer.find(Finding::input_required(rule, "contract.amount", message));
    }
    Ok(answer)
}
