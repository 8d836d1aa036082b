//! The contractor (承接主体): LF-18.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, staffing::listed, uscc};

/// A supplier has been chosen once one of these is known.
const CHOSEN: [&str; 3] = ["award.decided", "award.notice_issued", "contract.signed"];

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let (_, rule) = call.parameters.rows("supplier-kinds")?;
    let mut answer = Answer::new();
    let Some(supplier) = call.facts.row("supplier")? else {
        if CHOSEN.iter().any(|key| call.facts.has(key)) {
            let message = msg(
                "缺少承接主体信息，无法核对资格",
                "the contractor is missing; it cannot be checked",
            );
            answer.find(Finding::input_required(rule, "supplier", message));
        }
        return Ok(answer);
    };
    match supplier.text("uscc")? {
        None => {
            let message = msg(
                "未填统一社会信用代码，无法核对登记",
                "the unified social credit code is missing; the registration cannot be checked",
            );
            answer.find(Finding::input_required(rule, "supplier", message));
        }
        Some(code) if !uscc::is_valid(code) => {
            let zh = format!("统一社会信用代码 {code} 校验不通过");
            let en = format!("the unified social credit code {code} fails its check");
            answer.find(Finding::violation(rule, msg(zh, en)).on(&["supplier"]));
        }
        Some(_) => {}
    }
    match supplier.text("kind")? {
        None => {
            let message = msg("未填承接主体类别", "the kind of contractor is missing");
            answer.find(Finding::input_required(rule, "supplier", message));
        }
        Some(kind) if !listed(call, "supplier-kinds", "kind")?.contains(kind) => {
            // 主要是: others are not excluded.
            let zh = format!(
                "承接主体主要是社会组织、公益二类或生产经营类事业单位、企业和机构，现为“{kind}”，请说明"
            );
            let en = format!(
                "contractors are mainly social organisations, public institutions of two classes and companies; this one is {kind:?}: say why"
            );
            answer.find(Finding::deviation(rule, msg(zh, en)).on(&["supplier"]));
        }
        Some(_) => {}
    }
    let message = msg(
        "请核对设施、人员、专业团队、内部治理、财务会计和资产管理制度的证明",
        "check the papers on facilities, staff, professional team, governance and accounting",
    );
    answer.find(Finding::informative(rule, message).on(&["supplier"]));
    Ok(answer)
}
