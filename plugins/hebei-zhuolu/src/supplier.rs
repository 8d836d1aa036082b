//! The contractor (承接机构): ZL-13, ZL-14 and ZL-15.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, Scalar, msg, uscc};

/// A supplier has been chosen once one of these is known.
const CHOSEN: [&str; 3] = ["award.decided", "award.notice_issued", "contract.signed"];

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
    let Some(supplier) = call.facts.row("supplier")? else {
        if CHOSEN.iter().any(|key| call.facts.has(key)) {
            let message = msg(
                "缺少承接机构信息，无法核对资格",
                "the contractor is missing; it cannot be checked",
            );
            answer.find(Finding::input_required("ZL-13", "supplier", message));
        }
        return Ok(answer);
    };
    registration(&mut answer, &supplier)?;
    organisation(&mut answer, call, &supplier)?;
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
    record(&mut answer, &supplier)?;
    Ok(answer)
}

/// ZL-13: 依法登记. The code's check character tells a typing error from a registration.
fn registration(answer: &mut Answer, supplier: &Fields<'_>) -> Result<(), Problem> {
    match supplier.text("uscc")? {
        None => {
            let message = msg(
                "未填统一社会信用代码",
                "the unified social credit code is missing",
            );
            answer.find(Finding::input_required("ZL-13", "supplier", message));
        }
        Some(code) if !uscc::is_valid(code) => {
            let message = msg(
                format!("统一社会信用代码 {code} 校验不通过"),
                format!("the unified social credit code {code} fails its check"),
            );
            answer.find(Finding::violation("ZL-13", message).on(&["supplier"]));
        }
        Some(_) => {}
    }
    Ok(())
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

/// ZL-15: 无违法违规记录.
fn record(answer: &mut Answer, supplier: &Fields<'_>) -> Result<(), Problem> {
    let message = match supplier.get("violations") {
        Some(Scalar::Bool(false) | Scalar::Int(0)) => return Ok(()),
        None => {
            let message = msg("未填违法违规记录", "the record of violations is missing");
            answer.find(Finding::input_required("ZL-15", "supplier", message));
            return Ok(());
        }
        Some(Scalar::Int(count)) => msg(
            format!("有违法违规记录 {count} 条"),
            format!("{count} violation(s) on record"),
        ),
        Some(Scalar::Bool(true)) => msg("有违法违规记录", "violations on record"),
        Some(other) => {
            return Err(Problem::wrong_type(
                "supplier.violations",
                "int or bool",
                other.kind(),
            ));
        }
    };
    answer.find(Finding::violation("ZL-15", message).on(&["supplier"]));
    Ok(())
}
