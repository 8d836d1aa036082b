//! Two evaluations a year (HN-03), and what they make together (HN-A5).

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, renewal::grade_name};

/// Grades from the worst to the best.
const ORDER: [&str; 4] = ["fail", "pass", "good", "excellent"];

/// HN-03: 每年进行两次集中评估; the mid-term and the final evaluation of the base definition.
pub fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
    let (wanted, rule) = call.parameters.int("evaluations-per-year")?;
    let mut answer = Answer::new();
    let first = call.facts.text("eval.mid.grade")?;
    let second = call.facts.text("eval.final.grade")?;
    let held = i64::from(first.is_some()) + i64::from(second.is_some());
    if held == 0 {
        return Ok(answer);
    }
    if held < wanted {
        let zh = format!("每年集中评估 {wanted} 次，本年度已登记 {held} 次");
        let en = format!("{wanted} evaluations a year; {held} recorded this year");
        let facts = ["eval.mid.grade", "eval.final.grade"];
        answer.find(Finding::informative(rule, msg(zh, en)).on(&facts));
    }
    if first == Some("fail") || second == Some("fail") {
        let message = msg(
            "评估不合格：目标偏离的应及时纠正，情况严重的要暂缓或停止项目执行",
            "an evaluation failed: correct it, and pause or stop the project where it is serious",
        );
        answer.find(Finding::informative("HN-07", message));
    }
    if let Some(combined) = combined(call)? {
        answer.set("eval.combined_grade", combined);
        let name = grade_name(combined).unwrap_or(combined);
        let zh = format!("按已作的决定，两次评估合成的年度结论为{name}");
        let en = format!("as decided, both evaluations together make {combined} for the year");
        answer.find(Finding::informative(rule, msg(zh, en)));
    } else if held >= wanted && !call.facts.has("eval.annual.grade") {
        let message = msg(
            "两次集中评估已完成，原文没有写如何合成年度结论：请登记年度评估等级",
            "both evaluations are there; the text does not say what they make together: enter the annual grade",
        );
        answer.find(Finding::input_required(rule, "eval.annual.grade", message));
    }
    Ok(answer)
}

/// The conclusion of the year by the decision on HN-A5; `None` while undecided or incomplete.
pub fn combined<'c>(call: &'c Call<'_>) -> Result<Option<&'c str>, Problem> {
    let first = call.facts.text("eval.mid.grade")?;
    let second = call.facts.text("eval.final.grade")?;
    let rank = |grade: &str| ORDER.iter().position(|known| *known == grade);
    Ok(match (call.facts.text("decision.hn_a5")?, first, second) {
        (Some("last"), _, Some(second)) => Some(second),
        (Some("both"), Some("fail"), _) | (Some("both"), _, Some("fail")) => Some("fail"),
        (Some("both"), Some(first), Some(second)) => Some(if rank(first) < rank(second) {
            first
        } else {
            second
        }),
        _ => None,
    })
}
