//! The contractor (承接机构): ZL-13, ZL-14 and ZL-15.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, msg, supplier};

/// What the papers have to show: the fact, its rule, and what to say where it is not so.
const PAPERS: [(&str, &str, &str, &str); 3] = [
    (
        "contractor.charter_scope",
        "ZL-13",
        "章程应有明确的社会工作宗旨、业务范围",
        "the charter has to name social work as purpose and scope",
    ),
    (
        "contractor.finance_tax",
        "ZL-14",
        "应有规范的财务和纳税资质",
        "the contractor needs proper accounts and tax registration",
    ),
    (
        "contractor.fixed_office",
        "ZL-14",
        "应有固定的办公场所和专业队伍",
        "the contractor needs a fixed office and a professional team",
    ),
];

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(contractor) = supplier::known(&mut answer, call, "ZL-13")? else {
        return Ok(answer);
    };
    supplier::registered(&mut answer, &contractor, "ZL-13")?;
    organisation(&mut answer, call, &contractor)?;
    for (key, rule, zh, en) in PAPERS {
        match call.facts.flag(key)? {
            Some(true) => {}
            Some(false) => answer.find(Finding::violation(rule, msg(zh, en)).on(&[key])),
            None => {
                let message = msg(
                    format!("请核对证明：{zh}"),
                    format!("check the papers: {en}"),
                );
                answer.find(Finding::input_required(rule, key, message));
            }
        }
    }
    supplier::clean_record(&mut answer, &contractor, "ZL-15")?;
    Ok(answer)
}

/// ZL-13: 社工服务机构等社会组织. Which values of `supplier.kind` are one is the overlay's business.
fn organisation(
    answer: &mut Answer,
    call: &Call<'_>,
    supplier: &Fields<'_>,
) -> Result<(), Problem> {
    let (kinds, rule) = call.parameters.rows("supplier-kinds")?;
    let Some(kind) = supplier.text("kind")? else {
        let message = msg("未填承接机构类别", "the kind of contractor is missing");
        answer.find(Finding::input_required(rule, "supplier", message));
        return Ok(());
    };
    for row in &kinds {
        if row.text("kind")? != Some(kind) {
            continue;
        }
        if row.flag("social")? != Some(true) {
            let message = msg(
                format!("承接机构应为社工服务机构等社会组织，现为“{kind}”"),
                format!("the contractor must be a social organisation; it is {kind:?}"),
            );
            answer.find(Finding::violation(rule, message).on(&["supplier"]));
        }
        return Ok(());
    }
    let message = msg(
        format!("请核对承接机构类别“{kind}”是否为社会组织"),
        format!("check whether {kind:?} is a social organisation"),
    );
    answer.find(Finding::input_required(rule, "supplier", message));
    Ok(())
}
