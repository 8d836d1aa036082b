//! Renewal (续签): the yearly evaluation of SX-06, within a contract of several years (SX-A3).

use liucheng_sdk::{Answer, Call, Finding, Message, Problem, msg};

use crate::term;

/// SX-06: 每年进行绩效评价,评价合格后续签,评价不合格的不予续签.
pub fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let mut grade = None;
    for key in ["eval.annual.grade", "eval.final.grade"] {
        if grade.is_none() {
            grade = call.facts.text(key)?.map(|grade| (key, grade));
        }
    }
    let Some((key, grade)) = grade else {
        let message = msg(
            "缺少年度绩效评价等级，不能决定是否续签",
            "the annual grade is missing; renewal cannot be decided",
        );
        answer.find(Finding::input_required(
            "SX-06",
            "eval.annual.grade",
            message,
        ));
        return Ok(answer);
    };
    match grade {
        "fail" => {
            let reason = msg(
                "绩效评价不合格，不予续签，按政府采购程序重新确定承接主体",
                "the evaluation failed: procure anew",
            );
            decide(&mut answer, "re-procure", ("SX-06", reason));
        }
        "pass" | "good" | "excellent" => passed(&mut answer, call)?,
        other => {
            let zh = format!("评价等级“{other}”不在合格、不合格之列，请填写");
            let en = format!("the grade {other:?} is neither a pass nor a fail; give it");
            answer.find(Finding::input_required("SX-06", key, msg(zh, en)));
        }
    }
    Ok(answer)
}

/// Within a contract of several years there is nothing to sign: the contractor carries on (SX-A3).
fn passed(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let on = call.facts.date("eval.annual.passed")?.unwrap_or(call.today);
    let carries_on = call.facts.text("decision.sx_a3")? != Some("renew-yearly");
    if let Some(term) = term::of(call)?
        && carries_on
        && on < term.1
        && term::is_long(call, term)?
    {
        let expiry = term.1;
        let zh = format!("年度评价合格，多年期合同继续履行至 {expiry}，期内不另续签");
        let en = format!(
            "the evaluation passed: the contract of several years runs on to {expiry}, nothing is renewed before"
        );
        decide(answer, "human", ("SX-A3", msg(zh, en)));
        return Ok(());
    }
    let reason = msg("绩效评价合格，续签", "the evaluation passed: renew");
    decide(answer, "renew", ("SX-06", reason));
    Ok(())
}

fn decide(answer: &mut Answer, decision: &str, (rule, reason): (&str, Message)) {
    answer.set("renewal.decision", decision);
    answer.set("renewal.reason", reason.zh.clone());
    answer.find(Finding::informative(rule, reason));
}
