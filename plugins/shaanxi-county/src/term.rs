//! The contract's term (合同期限): SX-05.

use liucheng_sdk::{Answer, Call, Date, Finding, Problem, msg};

use crate::dates;

/// The day the contract takes effect, from which SX-05 counts, and its last day.
///
/// Without a day of effect it is the day of signing, as everywhere.
pub fn of(call: &Call<'_>) -> Result<Option<(Date, Date)>, Problem> {
    let effective = match call.facts.date("contract.effective")? {
        Some(effective) => Some(effective),
        None => call.facts.date("contract.signed")?,
    };
    Ok(effective.zip(call.facts.date("contract.expiry")?))
}

/// Whether it lasts longer than the years that are usual.
pub fn is_long(call: &Call<'_>, (effective, expiry): (Date, Date)) -> Result<bool, Problem> {
    Ok(end(call, "term-years", effective)?.is_some_and(|end| expiry > end))
}

/// SX-05: 一般不超过一年; 在预算保障的前提下,购买内容相对固定的可以不超过三年.
pub fn judge(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let Some(term) = of(call)? else { return Ok(()) };
    let (effective, expiry) = term;
    let (years, rule) = call.parameters.int("term-years")?;
    let (most, _) = call.parameters.int("term-years-max")?;
    let on = ["contract.effective", "contract.expiry"];
    // Without a day of effect of its own the day of signing stands in for it.
    let start = call.facts.date("contract.start")?.unwrap_or(effective);
    let from_start = |key| end(call, key, start).map(|end| end.is_some_and(|end| expiry > end));
    if end(call, "term-years-max", effective)?.is_some_and(|end| expiry > end) {
        if !from_start("term-years-max")? {
            ask_effect(answer, rule, (effective, start, expiry), most);
            return Ok(());
        }
        let zh = format!("合同自 {effective} 生效，至 {expiry} 期满，超过 {most} 年");
        let en = format!(
            "the contract takes effect on {effective} and expires on {expiry}: more than {most} years"
        );
        answer.find(Finding::violation(rule, msg(zh, en)).on(&on));
        return Ok(());
    }
    if !is_long(call, term)? {
        return Ok(());
    }
    if !from_start("term-years")? {
        ask_effect(answer, rule, (effective, start, expiry), years);
        return Ok(());
    }
    yearly(answer, call, term)?;
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
        let zh = format!("自生效之日 {effective} 起期限超过 {years} 年，请填写{zh}");
        let en = format!(
            "the term from its effect on {effective} is longer than {years} year: enter {en}"
        );
        answer.find(Finding::input_required(rule, key, msg(zh, en)));
    }
    Ok(())
}

/// Too long from the day of effect and not from the first day: which day the contract takes effect on, decides.
fn ask_effect(
    answer: &mut Answer,
    rule: &str,
    (effective, start, expiry): (Date, Date, Date),
    years: i64,
) {
    let zh = format!(
        "自生效之日 {effective} 至期满 {expiry} 超过 {years} 年，自起始之日 {start} 则不超过：请填写或核对合同生效日"
    );
    let en = format!(
        "from its effect on {effective} to {expiry} it lasts more than {years} year(s), from its start on {start} it does not: enter or check the day of effect"
    );
    answer.find(Finding::input_required(
        rule,
        "contract.effective",
        msg(zh, en),
    ));
}

/// SX-A3: what the yearly evaluation is for in a contract of several years.
fn yearly(
    answer: &mut Answer,
    call: &Call<'_>,
    (effective, expiry): (Date, Date),
) -> Result<(), Problem> {
    let Some(decision) = call.facts.text("decision.sx_a3")? else {
        // The open point itself says what holds meanwhile.
        return Ok(());
    };
    let anniversaries: Vec<String> = (1..u16::MAX)
        .map_while(|years| dates::plus_years(effective, years).filter(|day| *day < expiry))
        .map(|day| day.to_string())
        .collect();
    let (zh, en) = match decision {
        "renew-yearly" => (
            format!(
                "已决定每年另行续签：{} 前评价合格方续签",
                anniversaries.join("、")
            ),
            format!(
                "decided: renewed every year after a pass, by {}",
                anniversaries.join(", ")
            ),
        ),
        _ => (
            format!("每年评价合格方继续履行，至 {expiry} 期满前不另续签"),
            format!("a yearly pass carries it on; nothing is renewed before {expiry}"),
        ),
    };
    answer.find(
        Finding::informative("SX-A3", msg(zh, en)).on(&["contract.effective", "contract.expiry"]),
    );
    Ok(())
}

fn end(call: &Call<'_>, key: &str, start: Date) -> Result<Option<Date>, Problem> {
    let (years, _) = call.parameters.int(key)?;
    Ok(u16::try_from(years)
        .ok()
        .and_then(|years| dates::plus_years(start, years)))
}
