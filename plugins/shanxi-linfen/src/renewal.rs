//! Renewal (续签): LF-06 within the cycle of LF-05.

use liucheng_sdk::{
    Answer, Call, Problem,
    renewal::{Terms, decide, first_grade},
};

/// LF-06: 年度评估合格后续签,评估不合格的不予续签.
pub fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
    let terms = Terms {
        rule: "LF-06",
        cycle: "cycle-years",
        renews: &["pass", "good", "excellent"],
        open: &[],
    };
    let grade = first_grade(call, &["eval.annual.grade", "eval.final.grade"])?;
    decide(call, &terms, grade)
}
