//! Who they are (人员条件): the age and education of ZL-07.

use liucheng_sdk::{
    Answer, Call, Finding, Problem, msg,
    staffing::{self, Limits, Strictness},
};

/// ZL-07: 年龄在35周岁以下,具备大专及以上学历. 以下 includes the number (民法典1259) unless ZL-A5 is decided.
pub fn check(call: &Call<'_>, answer: &mut Answer) -> Result<(), Problem> {
    let (age_max, rule) = call.parameters.int("age-max")?;
    let (education_min, _) = staffing::education_parameter(call, "education-min")?;
    let Some(roster) = call.facts.rows("staff.roster")? else {
        let message = msg(
            "缺少人员名册，无法核对年龄和学历",
            "the roster is missing; age and education cannot be checked",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        return Ok(());
    };
    let exclusive = call.facts.text("decision.zl_a5")? == Some("exclusive");
    let limits = Limits {
        age_max: age_max - i64::from(exclusive),
        // The age is that at hiring.
        ageing: false,
        education_min,
        rule,
        strictness: Strictness::Binding,
    };
    let mut people = Vec::with_capacity(roster.len());
    for (index, person) in roster.iter().enumerate() {
        people.push((staffing::person_id(person, index)?, person));
    }
    limits.judge(answer, call, &people)
}
