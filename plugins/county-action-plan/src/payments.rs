//! Payments: the preview of the plan ends before any terms (XC-A6).

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, terms};

/// By the contract's own terms, or not at all.
pub fn plan(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    if !terms::plan(&mut answer, call, "XC-A6")? {
        let message = msg(
            "方案预览截断，未载付款条款，请按合同填写",
            "the preview of the plan has no payment terms; enter those of the contract",
        );
        answer.find(Finding::input_required(
            "XC-A6",
            "contract.payment_terms",
            message,
        ));
    }
    Ok(answer)
}
