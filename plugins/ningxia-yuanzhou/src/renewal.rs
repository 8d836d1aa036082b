//! Renewal (续签): YZ-03 within the cycle of YZ-01.

use liucheng_sdk::{Answer, Call, Finding, Message, Problem, msg};

/// YZ-03: 年度评估合格后续签,评估不合格的不予续签; the cycle (YZ-01) ends with a new procurement.
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
            "YZ-03",
            "eval.annual.grade",
            message,
        ));
        return Ok(answer);
    };
    let passed = match grade {
        "fail" => false,
        "pass" | "good" | "excellent" => true,
        other => {
            let zh = format!("评估等级“{other}”不在合格、不合格之列，请填写");
            let en = format!("the grade {other:?} is neither a pass nor a fail; give it");
            answer.find(Finding::input_required("YZ-03", key, msg(zh, en)));
            return Ok(answer);
        }
    };
    if !passed {
        let year = call.facts.int("contract.year")?;
        let early = year.is_some_and(|year| year < cycle_years);
        let (zh, en) = if early {
            ("，服务周期提前终止", "; the cycle ends before its time")
        } else {
            ("", "")
        };
        let reason = msg(
            format!("评估不合格，不予续签{zh}，按政府采购程序重新确定承接机构"),
            format!("the evaluation failed{en}: procure anew"),
        );
        decide(&mut answer, "re-procure", ("YZ-03", reason));
        return Ok(answer);
    }
    match call.facts.int("contract.year")? {
        None => {
            let zh = format!("缺少合同年次，不能判断 {cycle_years} 年周期是否届满");
            let en = format!(
                "the contract year is missing; whether the cycle of {cycle_years} years ends is unknown"
            );
            answer.find(Finding::input_required(
                cycle_rule,
                "contract.year",
                msg(zh, en),
            ));
        }
        // YZ-A4: decided to be left to a person.
        Some(year)
            if year >= cycle_years && call.facts.text("decision.yz_a4")? == Some("by-hand") =>
        {
            let zh =
                format!("评估合格，第 {year} 年为 {cycle_years} 年周期末年，是否续签由人工决定");
            let en = format!(
                "the evaluation passed and year {year} ends the cycle of {cycle_years} years: a person decides"
            );
            decide(&mut answer, "human", (cycle_rule, msg(zh, en)));
        }
        Some(year) if year >= cycle_years => {
            let zh = format!("评估合格，但第 {year} 年为 {cycle_years} 年周期末年，须重新采购");
            let en = format!(
                "the evaluation passed, but year {year} ends the cycle of {cycle_years} years: procure anew"
            );
            decide(&mut answer, "re-procure", (cycle_rule, msg(zh, en)));
        }
        Some(year) => {
            let zh = format!("评估合格，续签第 {} 年（周期 {cycle_years} 年）", year + 1);
            let en = format!(
                "the evaluation passed: renew for year {} of {cycle_years}",
                year + 1
            );
            decide(&mut answer, "renew", ("YZ-03", msg(zh, en)));
        }
    }
    Ok(answer)
}

fn decide(answer: &mut Answer, decision: &str, (rule, reason): (&str, Message)) {
    answer.set("renewal.decision", decision);
    answer.set("renewal.reason", reason.zh.clone());
    answer.find(Finding::informative(rule, reason));
}
