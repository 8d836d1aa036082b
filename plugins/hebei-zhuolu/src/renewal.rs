//! The yearly evaluation and renewal (年度评估、续签): ZL-11 and ZL-12 within the cycle of ZL-10.

use liucheng_sdk::{Answer, Call, Finding, Message, Problem, msg};

/// The grade that decides: the annual one, else the final one.
fn grade_of<'a>(call: &'a Call<'_>) -> Result<Option<(&'static str, &'a str)>, Problem> {
    let annual = call.facts.text("eval.annual.grade")?;
    if let Some(grade) = annual {
        return Ok(Some(("eval.annual.grade", grade)));
    }
    let last = call.facts.text("eval.final.grade")?;
    Ok(last.map(|grade| ("eval.final.grade", grade)))
}

/// Whether a grade renews: 合格及以上的续签. `None` for a word that is no grade.
fn renews(grade: &str) -> Option<bool> {
    match grade {
        "fail" => Some(false),
        "pass" | "good" | "excellent" => Some(true),
        _ => None,
    }
}

/// ZL-12: 年度评估合格及以上的续签合同,不合格的不予续签; the cycle (ZL-10) ends with a new procurement.
pub fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
    let (cycle_years, cycle_rule) = call.parameters.int("cycle-years")?;
    let mut answer = Answer::new();
    let Some((key, grade)) = grade_of(call)? else {
        let message = msg(
            "缺少年度评估等级，不能决定是否续签",
            "the annual grade is missing; renewal cannot be decided",
        );
        answer.find(Finding::input_required(
            "ZL-12",
            "eval.annual.grade",
            message,
        ));
        return Ok(answer);
    };
    match (renews(grade), call.facts.int("contract.year")?) {
        (None, _) => answer.find(unknown(key, grade)),
        (Some(false), _) => {
            let reason = msg(
                "年度评估不合格，不予续签，按照政府采购程序重新确定承接机构",
                "the yearly evaluation failed: procure anew",
            );
            decide(&mut answer, "re-procure", ("ZL-12", reason));
        }
        (Some(true), None) => {
            let message = msg(
                format!("缺少合同年次，不能判断 {cycle_years} 年周期是否届满"),
                format!(
                    "the contract year is missing; whether the cycle of {cycle_years} years ends is unknown"
                ),
            );
            answer.find(Finding::input_required(
                cycle_rule,
                "contract.year",
                message,
            ));
        }
        (Some(true), Some(year)) if year >= cycle_years => {
            let reason = msg(
                format!("第 {year} 年为 {cycle_years} 年周期末年，周期届满须重新采购"),
                format!("year {year} ends the cycle of {cycle_years} years: procure anew"),
            );
            decide(&mut answer, "re-procure", (cycle_rule, reason));
        }
        (Some(true), Some(year)) => {
            let next = year.saturating_add(1);
            let reason = msg(
                format!("年度评估合格及以上，续签第 {next} 年（周期 {cycle_years} 年）"),
                format!("the yearly evaluation passed: renew for year {next} of {cycle_years}"),
            );
            decide(&mut answer, "renew", ("ZL-12", reason));
        }
    }
    Ok(answer)
}

/// ZL-11 and ZL-12: what the yearly grade means.
pub fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some((key, grade)) = grade_of(call)? else {
        // Before there is a contract nobody waits for a grade.
        if !call.facts.has("contract.signed") {
            return Ok(answer);
        }
        let message = msg(
            "缺少年度评估等级：每年年底前开展绩效评估，结果报市级民政部门",
            "the annual grade is missing: the evaluation is made by the end of the year and reported to the city",
        );
        answer.find(Finding::input_required(
            "ZL-11",
            "eval.annual.grade",
            message,
        ));
        return Ok(answer);
    };
    let finding = match renews(grade) {
        None => unknown(key, grade),
        Some(true) => {
            let message = msg(
                "评估合格及以上：可以续签",
                "passed: the contract may be renewed",
            );
            Finding::informative("ZL-12", message).on(&[key])
        }
        Some(false) => {
            let message = msg(
                "评估不合格：不予续签，须重新确定承接机构",
                "failed: the contract is not renewed, the contractor is procured anew",
            );
            Finding::deviation("ZL-12", message).on(&[key])
        }
    };
    answer.find(finding);
    Ok(answer)
}

fn unknown(key: &str, grade: &str) -> Finding {
    let message = msg(
        format!("评估等级“{grade}”不在合格、不合格之列，请填写"),
        format!("the grade {grade:?} is neither a pass nor a fail; give it"),
    );
    Finding::input_required("ZL-12", key, message)
}

fn decide(answer: &mut Answer, decision: &str, (rule, reason): (&str, Message)) {
    answer.set("renewal.decision", decision);
    answer.set("renewal.reason", reason.zh.clone());
    answer.find(Finding::informative(rule, reason));
}
