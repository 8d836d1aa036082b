//! The yearly evaluation and renewal (年度评估、续签): ZL-11 and ZL-12 within the cycle of ZL-10.

use liucheng_sdk::{
    Answer, Call, Finding, Problem, msg,
    renewal::{Terms, decide, first_grade, grade_name},
};

/// The grade that decides: the annual one, else the final one.
const GRADES: [&str; 2] = ["eval.annual.grade", "eval.final.grade"];

/// ZL-12: 年度评估合格及以上的续签合同,不合格的不予续签; the cycle (ZL-10) ends with a new procurement.
pub fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
    let terms = Terms {
        rule: "ZL-12",
        cycle: "cycle-years",
        renews: &["pass", "good", "excellent"],
        open: &[],
    };
    decide(call, &terms, first_grade(call, &GRADES)?)
}

/// ZL-11 and ZL-12: what the yearly grade means.
pub fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some((key, grade)) = first_grade(call, &GRADES)? else {
        // Before there is a contract nobody waits for a grade.
        if call.facts.has("contract.signed") {
            let message = msg(
                "缺少年度评估等级：每年年底前开展绩效评估，结果报市级民政部门",
                "the annual grade is missing: the evaluation is made by the end of the year and reported to the city",
            );
            answer.find(Finding::input_required("ZL-11", GRADES[0], message));
        }
        return Ok(answer);
    };
    let finding = match grade_name(grade) {
        None => {
            let message = msg(
                format!("评估等级“{grade}”不在优秀、良好、合格、不合格之列，请填写"),
                format!("the grade {grade:?} is not one of excellent, good, pass, fail; give it"),
            );
            Finding::input_required("ZL-12", key, message)
        }
        Some(name) if grade == "fail" => {
            let message = msg(
                format!("评估{name}：不予续签，须重新确定承接机构"),
                "failed: the contract is not renewed, the contractor is procured anew",
            );
            // What follows from the grade, not a rule that was broken.
            Finding::informative("ZL-12", message).on(&[key])
        }
        Some(name) => {
            let message = msg(
                format!("评估{name}：可以续签"),
                "passed: the contract may be renewed",
            );
            Finding::informative("ZL-12", message).on(&[key])
        }
    };
    answer.find(finding);
    Ok(answer)
}
