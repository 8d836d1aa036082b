//! Payments: the report has no terms (SP-A2), so that only the contract's own can be planned.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, terms};

/// By the contract's own terms, or not at all.
pub fn plan(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    if !terms::plan(&mut answer, call, "SP-A2")? {
        let message = msg(
            "试点报道未载付款条款，请按合同填写",
            "the report on the pilot has no payment terms; enter those of the contract",
        );
        answer.find(Finding::input_required(
            "SP-A2",
            "contract.payment_terms",
            message,
        ));
    }
    Ok(answer)
}
