//! The contractor (承接主体): HN-22.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, msg, supplier};

const RULE: &str = "HN-22";

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(contractor) = supplier::known(&mut answer, call, RULE)? else {
        return Ok(answer);
    };
    // Not every lawful body has a code on file; one that is given has to be right.
    if contractor.has("uscc") {
        supplier::registered(&mut answer, &contractor, RULE)?;
    }
    registration(&mut answer, call)?;
    origin(&mut answer, call, &contractor)?;
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
fn origin(answer: &mut Answer, call: &Call<'_>, contractor: &Fields<'_>) -> Result<(), Problem> {
    match call.facts.flag("contractor.local")? {
        Some(true) => {}
        Some(false) => {
            supplier::graded_3a(answer, contractor, RULE)?;
            let message = msg(
                "外地机构：仅限当地无相关承接主体的，鼓励逐步转为本地机构承接",
                "an organisation from elsewhere: only where there is no local one",
            );
            answer.find(Finding::informative(RULE, message).on(&["supplier"]));
        }
        None => {
            let message = msg(
                "未填承接主体是否为本地机构",
                "whether the contractor is a local organisation is missing",
            );
            answer.find(Finding::input_required(RULE, "contractor.local", message));
        }
    }
    Ok(())
}
