//! The contractor (承接主体): HN-22.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, msg, uscc};

const RULE: &str = "HN-22";

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
            answer.find(Finding::input_required(RULE, "supplier", message));
        }
        return Ok(answer);
    };
    if let Some(code) = supplier.text("uscc")?.filter(|code| !uscc::is_valid(code)) {
        let zh = format!("统一社会信用代码 {code} 校验不通过");
        let en = format!("the unified social credit code {code} fails its check");
        answer.find(Finding::violation(RULE, msg(zh, en)).on(&["supplier"]));
    }
    registration(&mut answer, call)?;
    origin(&mut answer, call, &supplier)?;
    Ok(answer)
}

fn registration(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    match call.facts.flag("contractor.registered")? {
        Some(true) => {}
        // 主要是…社会组织等合法主体: others are not excluded.
        Some(false) => {
            let message = msg(
                "承接主体主要是在民政部门登记成立的社会组织，该主体不是，请说明",
                "contractors are mainly organisations registered with civil affairs; this one is not: say why",
            );
            answer.find(Finding::deviation(RULE, message).on(&["contractor.registered"]));
        }
        None => {
            let message = msg(
                "未填是否在民政部门登记成立",
                "whether it is registered with civil affairs is missing",
            );
            answer.find(Finding::input_required(
                RULE,
                "contractor.registered",
                message,
            ));
        }
    }
    match call.facts.flag("contractor.scope_social_work")? {
        Some(true) => {}
        Some(false) => {
            let message = msg(
                "业务范围应含有社会工作内容，该主体没有",
                "its scope of business must include social work; it does not",
            );
            answer.find(Finding::violation(RULE, message).on(&["contractor.scope_social_work"]));
        }
        None => {
            let message = msg(
                "未填业务范围是否含有社会工作内容",
                "whether its scope of business includes social work is missing",
            );
            answer.find(Finding::input_required(
                RULE,
                "contractor.scope_social_work",
                message,
            ));
        }
    }
    Ok(())
}

/// 当地无相关承接主体的,可从外地引进社会组织评估等级为3a级以上.
fn origin(answer: &mut Answer, call: &Call<'_>, supplier: &Fields<'_>) -> Result<(), Problem> {
    match (
        call.facts.flag("contractor.local")?,
        supplier.flag("grade_3a")?,
    ) {
        (Some(true), _) => {}
        (Some(false), Some(true)) => {
            let message = msg(
                "外地机构，评估等级 3A 以上：仅限当地无相关承接主体的，鼓励逐步转为本地机构承接",
                "an organisation from elsewhere, graded 3A or above: only where there is no local one",
            );
            answer.find(Finding::informative(RULE, message).on(&["supplier"]));
        }
        (Some(false), Some(false)) => {
            let message = msg(
                "从外地引进的机构，社会组织评估等级须为 3A 以上",
                "an organisation from elsewhere must be graded 3A or above",
            );
            answer.find(Finding::violation(RULE, message).on(&["supplier"]));
        }
        (Some(false), None) => {
            let message = msg(
                "外地机构，未填社会组织评估等级（grade_3a）",
                "an organisation from elsewhere: its grade (grade_3a) is missing",
            );
            answer.find(Finding::input_required(RULE, "supplier", message));
        }
        (None, _) => {
            let message = msg(
                "未填承接主体是否为本地机构",
                "whether the contractor is a local organisation is missing",
            );
            answer.find(Finding::input_required(RULE, "contractor.local", message));
        }
    }
    Ok(())
}
