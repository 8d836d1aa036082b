//! Payment by the contract's own terms (合同约定的付款期次), asked for where there are none.

use crate::{Answer, Call, Finding, Problem, msg, terms};

/// Plans the payments by `contract.payment_terms`, where the document gives no shares.
///
/// A share that the text does not give is never assumed: without terms they are asked for.
///
/// # Errors
/// A [`Problem`] when a fact has another type.
pub fn by_contract(call: &Call<'_>, rule: &str) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    if !terms::plan(&mut answer, call, rule)? {
        let message = msg(
            "文件未规定付款比例，请按合同填写付款条款",
            "the document gives no payment shares; enter the contract's payment terms",
        );
        answer.find(Finding::input_required(
            rule,
            "contract.payment_terms",
            message,
        ));
    }
    Ok(answer)
}
