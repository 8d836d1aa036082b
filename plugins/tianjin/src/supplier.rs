//! The contractor (承接主体): TJ-10, TJ-11 and TJ-12.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, Scalar, msg, uscc};

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
            answer.find(Finding::input_required("TJ-10", "supplier", message));
        }
        return Ok(answer);
    };
    registration(&mut answer, &supplier)?;
    kind(&mut answer, call, &supplier)?;
    let zh = "请核对财务和纳税资质、固定办公场所、专业队伍的证明";
    let message = msg(
        zh,
        "check the papers on finance and tax, fixed office and professional team",
    );
    answer.find(Finding::informative("TJ-11", message).on(&["supplier"]));
    record(&mut answer, &supplier)?;
    Ok(answer)
}

/// TJ-10: 依法注册登记. The code's check character tells a typing error from a registration.
fn registration(answer: &mut Answer, supplier: &Fields<'_>) -> Result<(), Problem> {
    match supplier.text("uscc")? {
        None => {
            let message = msg(
                "未填统一社会信用代码",
                "the unified social credit code is missing",
            );
            answer.find(Finding::input_required("TJ-10", "supplier", message));
        }
        Some(code) if !uscc::is_valid(code) => {
            let zh = format!("统一社会信用代码 {code} 校验不通过");
            let en = format!("the unified social credit code {code} fails its check");
            answer.find(Finding::violation("TJ-10", msg(zh, en)).on(&["supplier"]));
        }
        Some(_) => {}
    }
    Ok(())
}

/// TJ-10: 社会工作类社会组织. Which values of `supplier.kind` are such is the overlay's business.
fn kind(answer: &mut Answer, call: &Call<'_>, supplier: &Fields<'_>) -> Result<(), Problem> {
    let (accepted, rule) = call.parameters.rows("supplier-kinds")?;
    let Some(kind) = supplier.text("kind")? else {
        let message = msg("未填承接主体类别", "the kind of contractor is missing");
        answer.find(Finding::input_required(rule, "supplier", message));
        return Ok(());
    };
    for row in &accepted {
        if row.text("kind")? == Some(kind) {
            return Ok(());
        }
    }
    let zh = format!("承接主体应为社会工作类社会组织，现为“{kind}”");
    let en = format!("the contractor must be a social-work organisation; it is {kind:?}");
    answer.find(Finding::violation(rule, msg(zh, en)).on(&["supplier"]));
    Ok(())
}

/// TJ-12: 无违法违规记录. The record is a count or a yes or no.
fn record(answer: &mut Answer, supplier: &Fields<'_>) -> Result<(), Problem> {
    let message = match supplier.get("violations") {
        Some(Scalar::Bool(false) | Scalar::Int(0)) => return Ok(()),
        None => {
            let message = msg("未填违法违规记录", "the record of violations is missing");
            answer.find(Finding::input_required("TJ-12", "supplier", message));
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
    answer.find(Finding::violation("TJ-12", message).on(&["supplier"]));
    Ok(())
}
