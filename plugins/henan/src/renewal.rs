//! Renewal (续签): HN-04 within the cycle of HN-02.

use liucheng_sdk::{
    Answer, Call, Problem,
    renewal::{Terms, decide, first_grade},
};

use crate::evaluation::combined;

/// HN-04: 年度评估合格后续签,评估不合格的不予续签.
pub fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
    let terms = Terms {
        rule: "HN-04",
        cycle: "cycle-years",
        renews: &["pass", "good", "excellent"],
        open: &[],
    };
    let grade = match first_grade(call, &["eval.annual.grade"])? {
        Some(grade) => Some(grade),
        None => combined(call)?.map(|grade| ("eval.combined_grade", grade)),
    };
    decide(call, &terms, grade)
}
