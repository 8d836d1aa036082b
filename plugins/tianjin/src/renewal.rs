//! Renewal (续签): the grades of TJ-16 within the cycle of TJ-15.

use liucheng_sdk::{Answer, Call, Finding, Message, Problem, msg};

/// TJ-16: 良好或合格的续签,不合格的不予续签. 优秀 is not mentioned (TJ-A1): a person decides, once or case by case.
pub fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
    let (cycle_years, cycle_rule) = call.parameters.int("cycle-years")?;
    let mut answer = Answer::new();
    let annual = call
        .facts
        .text("eval.annual.grade")?
        .map(|grade| ("eval.annual.grade", grade));
    let last = call
        .facts
        .text("eval.final.grade")?
        .map(|grade| ("eval.final.grade", grade));
    let Some((key, grade)) = annual.or(last) else {
        let message = msg(
            "缺少年度评估等级，不能决定是否续签",
            "the annual grade is missing; renewal cannot be decided",
        );
        answer.find(Finding::input_required(
            "TJ-16",
            "eval.annual.grade",
            message,
        ));
        return Ok(answer);
    };
    if grade == "fail" {
        let reason = msg(
            "年度评估不合格，不予续签，按政府购买程序重新确定承接主体",
            "the grade is a fail: procure anew",
        );
        decide(&mut answer, "re-procure", ("TJ-16", reason));
        return Ok(answer);
    }
    if !matches!(grade, "pass" | "good" | "excellent") {
        let zh = format!("评估等级“{grade}”不在优秀、良好、合格、不合格之列，请填写");
        let en = format!("the grade {grade:?} is not one of excellent, good, pass, fail; give it");
        answer.find(Finding::input_required("TJ-16", key, msg(zh, en)));
        return Ok(answer);
    }
    let Some(year) = call.facts.int("contract.year")? else {
        let zh = format!("缺少合同年次，不能判断 {cycle_years} 年周期是否届满");
        let en = format!(
            "the contract year is missing; whether the cycle of {cycle_years} years ends is unknown"
        );
        answer.find(Finding::input_required(
            cycle_rule,
            "contract.year",
            msg(zh, en),
        ));
        return Ok(answer);
    };
    if year >= cycle_years {
        let zh = format!("第 {year} 年为 {cycle_years} 年周期末年，周期届满须重新采购");
        let en = format!("year {year} ends the cycle of {cycle_years} years: procure anew");
        decide(&mut answer, "re-procure", (cycle_rule, msg(zh, en)));
    } else if grade == "excellent" {
        let (decision, reason) = excellent(call.facts.text("decision.tj_a1")?, year + 1);
        decide(&mut answer, decision, ("TJ-A1", reason));
    } else {
        let name = if grade == "good" { "良好" } else { "合格" };
        let zh = format!(
            "年度评估{name}，续签第 {} 年（周期 {cycle_years} 年）",
            year + 1
        );
        let en = format!(
            "the grade is {grade}: renew for year {} of {cycle_years}",
            year + 1
        );
        decide(&mut answer, "renew", ("TJ-16", msg(zh, en)));
    }
    Ok(answer)
}

/// TJ-A1: 优秀 is not mentioned. What was decided about it, for the following year; else a person decides.
fn excellent(decided: Option<&str>, next: i64) -> (&'static str, Message) {
    match decided {
        Some("as-good") => (
            "renew",
            msg(
                format!("年度评估优秀，已决定视为不低于良好，续签第 {next} 年"),
                format!(
                    "the grade is excellent, decided to be at least good: renew for year {next}"
                ),
            ),
        ),
        Some("not-listed") => (
            "re-procure",
            msg(
                "年度评估优秀，已决定不在续签之列，重新确定承接主体",
                "the grade is excellent, decided not to renew: procure anew",
            ),
        ),
        _ => (
            "human",
            msg(
                "年度评估优秀：通知只规定良好或合格续签，未写优秀，由人工决定",
                "the grade is excellent: the notice renews good and pass and does not mention it; a person decides",
            ),
        ),
    }
}

fn decide(answer: &mut Answer, decision: &str, (rule, reason): (&str, Message)) {
    answer.set("renewal.decision", decision);
    answer.set("renewal.reason", reason.zh.clone());
    answer.find(Finding::informative(rule, reason));
}
