//! What the evaluations mean (中期、末期绩效考核): LW-16 and LW-17, with what was delivered beside them.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg};

use crate::service;

/// LW-17: 严格依据考核评估结果按程序兑付购买服务资金. The text ties no share to a grade.
pub fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let mid = call.facts.text("eval.mid.grade")?;
    let last = call.facts.text("eval.final.grade")?;
    // Before there is a contract nobody waits for a grade.
    if mid.is_none() && last.is_none() && call.facts.has("contract.signed") {
        let message = msg(
            "缺少中期、末期考核评估等级，不能兑付",
            "the grades of the mid-term and final evaluations are missing; nothing can be paid on them",
        );
        answer.find(Finding::input_required("LW-16", "eval.mid.grade", message));
    }
    for (key, zh, en, grade) in [
        ("eval.mid.grade", "中期", "mid-term", mid),
        ("eval.final.grade", "末期", "final", last),
    ] {
        match grade {
            None => {}
            Some("fail") => {
                let message = msg(
                    format!("{zh}考核评估不合格：资金严格依据评估结果兑付，整改合格前不得按期兑付"),
                    format!(
                        "the {en} evaluation failed: money follows the result and is not paid until it is put right"
                    ),
                );
                answer.find(Finding::deviation("LW-17", message).on(&[key]));
            }
            Some(_) => {
                let message = msg(
                    format!("{zh}考核评估合格：可按合同约定的期次兑付"),
                    format!("the {en} evaluation passed: the contract's instalment may be paid"),
                );
                answer.find(Finding::informative("LW-17", message).on(&[key]));
            }
        }
    }
    service::delivered(call, &mut answer)?;
    Ok(answer)
}
