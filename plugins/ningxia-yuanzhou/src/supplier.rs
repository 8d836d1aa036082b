//! The contractor (承接主体): YZ-23, YZ-24 and YZ-25.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, supplier};

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(contractor) = supplier::known(&mut answer, call, "YZ-24")? else {
        return Ok(answer);
    };
    supplier::passed_before(&mut answer, &contractor, "YZ-24")?;
    supplier::preferred(&mut answer, &contractor, "YZ-25")?;
    if call.facts.has("contract.signed") {
        let message = msg("严禁服务转包", "the service must not be subcontracted");
        answer.find(Finding::informative("YZ-23", message).on(&["supplier"]));
    }
    Ok(answer)
}
