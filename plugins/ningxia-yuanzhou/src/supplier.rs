//! The contractor (承接主体): YZ-23, YZ-24 and YZ-25.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg};

/// A supplier has been chosen once one of these is known.
const CHOSEN: [&str; 3] = ["award.decided", "award.notice_issued", "contract.signed"];

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(supplier) = call.facts.row("supplier")? else {
        if CHOSEN.iter().any(|key| call.facts.has(key)) {
            let message = msg(
                "缺少承接主体信息，无法核对资格",
                "the contractor is missing; it cannot be checked",
            );
            answer.find(Finding::input_required("YZ-24", "supplier", message));
        }
        return Ok(answer);
    };
    // YZ-24 says 原则上应当: a deviation to justify, not a refusal.
    match supplier.flag("prior_pass")? {
        Some(true) => {}
        Some(false) => {
            let zh = "原则上应承接过政府购买社工服务项目且评估合格，该主体没有";
            let en = "in principle it should have passed an earlier purchase of social-work services; it has not";
            answer.find(Finding::deviation("YZ-24", msg(zh, en)).on(&["supplier"]));
        }
        None => {
            let message = msg(
                "未填以往项目评估结果（prior_pass）",
                "the result of earlier projects (prior_pass) is missing",
            );
            answer.find(Finding::input_required("YZ-24", "supplier", message));
        }
    }
    if supplier.flag("grade_3a")? == Some(true) && supplier.flag("party_org")? == Some(true) {
        let zh = "评估 3A 以上且成立党组织，可优先承接";
        let message = msg(
            zh,
            "graded 3A or above with a Party organisation: may be preferred",
        );
        answer.find(Finding::informative("YZ-25", message).on(&["supplier"]));
    }
    if call.facts.has("contract.signed") {
        let message = msg("严禁服务转包", "the service must not be subcontracted");
        answer.find(Finding::informative("YZ-23", message).on(&["supplier"]));
    }
    Ok(answer)
}
