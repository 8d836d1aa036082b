//! The contract's term (合同期限): SX-05.

use liucheng_sdk::{Answer, Call, Date, Finding, Problem, msg};

use crate::dates;

/// First and last day of the contract.
///
/// Start and effect stand at the day of signing where they are not given, so that the later one is
/// the one somebody entered.
pub fn of(call: &Call<'_>) -> Result<Option<(Date, Date)>, Problem> {
    let mut start = None;
    for key in ["contract.start", "contract.effective"] {
        start = start.max(call.facts.date(key)?);
    }
    let start = match start {
        Some(start) => Some(start),
        None => call.facts.date("contract.signed")?,
    };
    Ok(start.zip(call.facts.date("contract.expiry")?))
}

/// Whether it lasts longer than the years that are usual.
pub fn is_long(call: &Call<'_>, (start, expiry): (Date, Date)) -> Result<bool, Problem> {
    Ok(end(call, "term-years", start)?.is_some_and(|end| expiry > end))
}

/// SX-05: 一般不超过一年; 在预算保障的前提下,购买内容相对固定的可以不超过三年.
pub fn judge(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let Some(term) = of(call)? else { return Ok(()) };
    let (start, expiry) = term;
    let (years, rule) = call.parameters.int("term-years")?;
    let (most, _) = call.parameters.int("term-years-max")?;
    let on = ["contract.start", "contract.expiry"];
    if end(call, "term-years-max", start)?.is_some_and(|end| expiry > end) {
        let zh = format!("合同期限 {start} 至 {expiry} 超过 {most} 年");
        let en = format!("the contract from {start} to {expiry} lasts more than {most} years");
        answer.find(Finding::violation(rule, msg(zh, en)).on(&on));
        return Ok(());
    }
    if !is_long(call, term)? {
        return Ok(());
    }
    let conditions = [
        (
            "contract.content_fixed",
            "购买内容是否相对固定",
            "whether the content is fixed",
        ),
        (
            "contract.budget_assured",
            "预算是否有保障",
            "whether the budget is assured",
        ),
    ];
    let mut unknown = Vec::new();
    for (key, zh, en) in conditions {
        match call.facts.flag(key)? {
            Some(true) => {}
            Some(false) => {
                let zh = format!(
                    "期限一般不超过 {years} 年；超过的须内容相对固定且预算有保障，现不具备"
                );
                let en = format!(
                    "the term is normally {years} year at most; a longer one needs fixed content and an assured budget, which is not the case"
                );
                answer.find(Finding::deviation(rule, msg(zh, en)).on(&[key]).on(&on));
                return Ok(());
            }
            None => unknown.push((key, zh, en)),
        }
    }
    if unknown.is_empty() {
        let zh = format!("内容相对固定且预算有保障，期限可以不超过 {most} 年");
        let en = format!("content fixed and budget assured: the term may be up to {most} years");
        answer.find(Finding::informative(rule, msg(zh, en)).on(&on));
    }
    for (key, zh, en) in unknown {
        let zh = format!("期限超过 {years} 年，请填写{zh}");
        let en = format!("the term is longer than {years} year: enter {en}");
        answer.find(Finding::input_required(rule, key, msg(zh, en)));
    }
    Ok(())
}

fn end(call: &Call<'_>, key: &str, start: Date) -> Result<Option<Date>, Problem> {
    let (years, _) = call.parameters.int(key)?;
    Ok(u16::try_from(years)
        .ok()
        .and_then(|years| dates::plus_years(start, years)))
}
