//! The contractor (承接主体): LF-18.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, staffing::listed, supplier};

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let (_, rule) = call.parameters.rows("supplier-kinds")?;
    let mut answer = Answer::new();
    let Some(contractor) = supplier::known(&mut answer, call, rule)? else {
        return Ok(answer);
    };
    supplier::registered(&mut answer, &contractor, rule)?;
    match contractor.text("kind")? {
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
