//! Renewal (续签): from a grade to a decision within a cycle of yearly contracts.

use crate::{Answer, Call, Finding, Message, Problem, msg};

/// What a document says about renewal.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The rule that ties renewal to the evaluation.
    pub rule: &'a str,
    /// The parameter with the years of a cycle; its rule is named where the cycle ends.
    pub cycle: &'a str,
    /// Grades that renew; `fail` never does.
    pub renews: &'a [&'a str],
    /// Grades that the text does not mention, with the ambiguity recorded for each: a person decides.
    pub open: &'a [(&'a str, &'a str)],
}

/// The grades of the common vocabulary, with their Chinese names.
const GRADES: [(&str, &str); 4] = [
    ("excellent", "优秀"),
    ("good", "良好"),
    ("pass", "合格"),
    ("fail", "不合格"),
];

/// The Chinese name of a grade; `None` for one that does not exist.
#[must_use]
pub fn grade_name(grade: &str) -> Option<&'static str> {
    let known = GRADES.iter().find(|(id, _)| *id == grade);
    known.map(|(_, name)| *name)
}

/// The first of these facts that is there, as key and grade.
///
/// # Errors
/// A [`Problem`] when one has another type.
pub fn first_grade<'c>(
    call: &'c Call<'_>,
    keys: &[&'c str],
) -> Result<Option<(&'c str, &'c str)>, Problem> {
    for key in keys {
        if let Some(grade) = call.facts.text(key)? {
            return Ok(Some((key, grade)));
        }
    }
    Ok(None)
}

/// Decides: sets `renewal.decision` and `renewal.reason`, or asks for what is missing.
///
/// # Errors
/// A [`Problem`] when a fact or the parameter has another type.
pub fn decide(
    call: &Call<'_>,
    terms: &Terms<'_>,
    grade: Option<(&str, &str)>,
) -> Result<Answer, Problem> {
    let (years, cycle_rule) = call.parameters.int(terms.cycle)?;
    let mut answer = Answer::new();
    let Some((key, grade)) = grade else {
        let message = msg(
            "缺少年度评估等级，不能决定是否续签",
            "the annual grade is missing; renewal cannot be decided",
        );
        answer.find(Finding::input_required(
            terms.rule,
            "eval.annual.grade",
            message,
        ));
        return Ok(answer);
    };
    let Some(name) = grade_name(grade) else {
        let zh = format!("评估等级“{grade}”不在优秀、良好、合格、不合格之列，请填写");
        let en = format!("the grade {grade:?} is not one of excellent, good, pass, fail; give it");
        answer.find(Finding::input_required(terms.rule, key, msg(zh, en)));
        return Ok(answer);
    };
    if grade == "fail" {
        let reason = msg(
            "评估不合格，不予续签，按照政府采购程序重新采购",
            "the evaluation failed: procure anew",
        );
        set(&mut answer, "re-procure", (terms.rule, reason));
        return Ok(answer);
    }
    let Some(year) = call.facts.int("contract.year")? else {
        let zh = format!("缺少合同年次，不能判断 {years} 年周期是否届满");
        let en = format!(
            "the contract year is missing; whether the cycle of {years} years ends is unknown"
        );
        answer.find(Finding::input_required(
            cycle_rule,
            "contract.year",
            msg(zh, en),
        ));
        return Ok(answer);
    };
    if year >= years {
        let zh = format!("评估{name}，但第 {year} 年为 {years} 年周期末年，须重新采购");
        let en = format!(
            "the grade is {grade}, but year {year} ends the cycle of {years} years: procure anew"
        );
        set(&mut answer, "re-procure", (cycle_rule, msg(zh, en)));
    } else if let Some((_, issue)) = terms.open.iter().find(|(open, _)| *open == grade) {
        let zh = format!("评估{name}：原文没有写这一等级是否续签，由人工决定");
        let en = format!("the text does not say whether {grade} renews; a person decides");
        let reason = msg(zh, en);
        record(&mut answer, "human", &reason);
        answer.find(Finding::needs_decision(issue, reason).on(&[key]));
    } else if terms.renews.contains(&grade) {
        let zh = format!("评估{name}，续签第 {} 年（周期 {years} 年）", year + 1);
        let en = format!(
            "the grade is {grade}: renew for year {} of {years}",
            year + 1
        );
        set(&mut answer, "renew", (terms.rule, msg(zh, en)));
    } else {
        let zh = format!("评估{name}，不在续签的等级之列，须重新采购");
        let en = format!("the grade {grade} does not renew: procure anew");
        set(&mut answer, "re-procure", (terms.rule, msg(zh, en)));
    }
    Ok(answer)
}

/// Sets a decision with its reason, which is also a finding.
pub fn set(answer: &mut Answer, decision: &str, (rule, reason): (&str, Message)) {
    record(answer, decision, &reason);
    answer.find(Finding::informative(rule, reason));
}

fn record(answer: &mut Answer, decision: &str, reason: &Message) {
    answer.set("renewal.decision", decision);
    answer.set("renewal.reason", reason.zh.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, Parameter, Parameters, Value, testing::PlainCalendar};

    const TERMS: Terms<'static> = Terms {
        rule: "X-2",
        cycle: "cycle-years",
        renews: &["pass", "good"],
        open: &[("excellent", "X-A1")],
    };

    fn decision(
        grade: Option<&str>,
        year: Option<i64>,
    ) -> Result<(Option<String>, String), Box<dyn std::error::Error>> {
        let facts: Facts = year
            .map(|year| ("contract.year".to_owned(), Value::from(year)))
            .into_iter()
            .collect();
        let cycle = Parameter {
            value: 3.into(),
            rule: "X-1".to_owned(),
        };
        let parameters: Parameters = [("cycle-years".to_owned(), cycle)].into_iter().collect();
        let call = Call {
            today: "2022-08-20".parse()?,
            transition: "",
            facts: &facts,
            parameters: &parameters,
            host: &PlainCalendar::default(),
        };
        let answer = decide(
            &call,
            &TERMS,
            grade.map(|grade| ("eval.annual.grade", grade)),
        )?;
        let found = answer
            .facts
            .iter()
            .find(|(key, _)| key == "renewal.decision");
        let found = found.and_then(|(_, value)| match value {
            Value::One(crate::Scalar::Text(text)) => Some(text.clone()),
            _ => None,
        });
        Ok((found, answer.findings[0].rule.clone()))
    }

    #[test]
    fn grade_and_cycle_decide() -> Result<(), Box<dyn std::error::Error>> {
        for (grade, year, expected, rule) in [
            (Some("pass"), Some(1), Some("renew"), "X-2"),
            (Some("good"), Some(2), Some("renew"), "X-2"),
            (Some("good"), Some(3), Some("re-procure"), "X-1"),
            (Some("excellent"), Some(1), Some("human"), "X-A1"),
            (Some("excellent"), Some(3), Some("re-procure"), "X-1"),
            (Some("fail"), None, Some("re-procure"), "X-2"),
            (Some("pass"), None, None, "X-1"),
            (Some("A"), Some(1), None, "X-2"),
            (None, Some(1), None, "X-2"),
        ] {
            let found = decision(grade, year)?;
            let found = (found.0.as_deref(), found.1.as_str());
            assert_eq!(found, (expected, rule), "{grade:?} {year:?}");
        }
        Ok(())
    }
}
