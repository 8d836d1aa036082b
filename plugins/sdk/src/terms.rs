//! Payments by the contract's own terms (合同约定的付款期次), where a text gives no shares.

use crate::{Answer, Call, Fen, Finding, Problem, msg, tranche};

const TERMS: &str = "contract.payment_terms";

/// Plans the payments of `contract.payment_terms` under `rule`; `false` when there are no terms.
///
/// The terms are the officer's input: a sum that is not 100 % is a finding to correct.
///
/// # Errors
/// A [`Problem`] when terms or price have another type.
pub fn plan(answer: &mut Answer, call: &Call<'_>, rule: &str) -> Result<bool, Problem> {
    let Some(rows) = call.facts.rows(TERMS)? else {
        return Ok(false);
    };
    let tranches = tranche::from_rows(&rows, rule)?;
    let price = call.facts.money("contract.amount")?;
    match tranche::plan(&tranches, price) {
        Ok(payments) => {
            answer.payments = payments;
            ask_price(answer, price, rule);
        }
        Err(problem) => {
            answer.find(Finding::violation(rule, problem.message).on(&[TERMS]));
        }
    }
    Ok(true)
}

/// Says that amounts stay open while the price is unknown.
pub fn ask_price(answer: &mut Answer, price: Option<Fen>, rule: &str) {
    if price.is_none() {
        let message = msg(
            "缺少合同金额，各期金额待定",
            "the contract's price is missing; the amounts stay open",
        );
        answer.find(Finding::input_required(rule, "contract.amount", message));
    }
}
