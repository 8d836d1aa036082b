//! The contractor (承接主体): LW-09 and LW-11 to LW-15, by the class of the project.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, msg, supplier};

/// 大类三, which the towns buy themselves.
const PERSONALISED: &str = "personalised";

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let category = call.facts.text("project.category")?;
    purchaser(&mut answer, call, category)?;
    let rule = if category == Some(PERSONALISED) {
        "LW-13"
    } else {
        "LW-09"
    };
    let Some(contractor) = supplier::known(&mut answer, call, rule)? else {
        return Ok(answer);
    };
    supplier::registered(&mut answer, &contractor, rule)?;
    organisation(&mut answer, call, (&contractor, rule))?;
    if category == Some(PERSONALISED) {
        local(&mut answer, call)?;
    } else {
        if category.is_none() {
            let message = msg(
                "未填项目大类，按大类一、二核对承接主体",
                "the class of the project is missing; the contractor is checked as for classes 1 and 2",
            );
            answer.find(Finding::input_required(
                "LW-15",
                "project.category",
                message,
            ));
        }
        inspections(&mut answer, call, &contractor)?;
    }
    preferences(&mut answer, &contractor, category == Some(PERSONALISED))?;
    Ok(answer)
}

/// LW-15: who buys depends on the class.
fn purchaser(answer: &mut Answer, call: &Call<'_>, category: Option<&str>) -> Result<(), Problem> {
    if let Some(category) = category
        && !call.facts.has("contract.signed")
    {
        let message = if category == PERSONALISED {
            msg(
                "大类三由乡镇人民政府（城区街道办事处）组织实施",
                "class 3 is bought by the township or the sub-district office",
            )
        } else {
            msg(
                "大类一、二由市民政局组织实施",
                "classes 1 and 2 are bought by the city's civil affairs bureau",
            )
        };
        answer.find(Finding::informative("LW-15", message).on(&["project.category"]));
    }
    Ok(())
}

/// 社会组织. Which values of `supplier.kind` are one is the overlay's business; others are looked at.
fn organisation(
    answer: &mut Answer,
    call: &Call<'_>,
    (supplier, rule): (&Fields<'_>, &str),
) -> Result<(), Problem> {
    let (kinds, _) = call.parameters.rows("supplier-kinds")?;
    let Some(kind) = supplier.text("kind")? else {
        let message = msg("未填承接主体类别", "the kind of contractor is missing");
        answer.find(Finding::input_required(rule, "supplier", message));
        return Ok(());
    };
    for row in &kinds {
        if row.text("kind")? != Some(kind) {
            continue;
        }
        if row.flag("social")? != Some(true) {
            let message = msg(
                format!("承接主体应为社会组织，现为“{kind}”"),
                format!("the contractor must be a social organisation; it is {kind:?}"),
            );
            answer.find(Finding::violation(rule, message).on(&["supplier"]));
        }
        return Ok(());
    }
    let message = msg(
        format!("请核对承接主体类别“{kind}”是否为社会组织"),
        format!("check whether {kind:?} is a social organisation"),
    );
    answer.find(Finding::input_required(rule, "supplier", message));
    Ok(())
}

/// LW-09: 连续3年年检合格.
fn inspections(answer: &mut Answer, call: &Call<'_>, supplier: &Fields<'_>) -> Result<(), Problem> {
    let (years, rule) = call.parameters.int("inspection-years")?;
    match supplier.int("years_inspected")? {
        None => {
            let message = msg(
                format!("未填年检连续合格年数（须 {years} 年）"),
                format!(
                    "the number of inspections passed in a row is missing ({years} years are needed)"
                ),
            );
            answer.find(Finding::input_required(rule, "supplier", message));
        }
        Some(passed) if passed < years => {
            let message = msg(
                format!("须连续 {years} 年年检合格，现为 {passed} 年"),
                format!("{years} yearly inspections in a row must be passed; {passed} were"),
            );
            answer.find(Finding::violation(rule, message).on(&["supplier"]));
        }
        Some(_) => {}
    }
    Ok(())
}

/// LW-13: registered in Lingwu, and in principle an organisation filed in the town.
fn local(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    const REGISTERED: &str = "contractor.registered_locally";
    const FILED: &str = "contractor.filed_in_town";
    match call.facts.flag(REGISTERED)? {
        Some(true) => {}
        Some(false) => {
            let message = msg(
                "大类三的承接主体须在灵武市登记或备案",
                "for class 3 the contractor has to be registered or filed in Lingwu",
            );
            answer.find(Finding::violation("LW-13", message).on(&[REGISTERED]));
        }
        None => {
            let message = msg(
                "请填写承接主体是否在灵武市登记或备案",
                "say whether the contractor is registered or filed in Lingwu",
            );
            answer.find(Finding::input_required("LW-13", REGISTERED, message));
        }
    }
    // 原则上: to be justified, not refused.
    if call.facts.flag(FILED)? == Some(false) {
        let message = msg(
            "原则上由乡镇（街道）本土备案类社会组织申报，该主体不是",
            "in principle an organisation filed in the town applies; this one is not",
        );
        answer.find(Finding::deviation("LW-13", message).on(&[FILED]));
    }
    Ok(())
}

/// LW-11 and LW-12 for classes 1 and 2, LW-14 for class 3: 优先.
fn preferences(
    answer: &mut Answer,
    supplier: &Fields<'_>,
    personalised: bool,
) -> Result<(), Problem> {
    let graded = supplier.flag("grade_3a")? == Some(true);
    let (rule, message) = if personalised {
        let zh = "社会组织等级评估3A以上，同等条件下优先";
        let en = "graded 3A or above: preferred among equals";
        ("LW-14", graded.then(|| msg(zh, en)))
    } else {
        let zh = "评估3A以上且成立党组织，可优先承接";
        let en = "graded 3A or above with a Party organisation: may be preferred";
        let both = graded && supplier.flag("party_org")? == Some(true);
        ("LW-12", both.then(|| msg(zh, en)))
    };
    if let Some(message) = message {
        answer.find(Finding::informative(rule, message).on(&["supplier"]));
    }
    if supplier.flag("prior_pass")? == Some(true) {
        let message = msg(
            "承接过政府购买社工服务项目且审计评估合格以上，优先考虑",
            "earlier projects passed their audit and evaluation: preferred",
        );
        answer.find(Finding::informative("LW-11", message).on(&["supplier"]));
    }
    Ok(())
}
