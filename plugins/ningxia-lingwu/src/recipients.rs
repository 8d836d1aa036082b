//! The common project (共性项目) shared out by the recipients of social assistance: LW-07.

use std::collections::{BTreeMap, BTreeSet};

use liucheng_sdk::{Answer, Call, Fen, Finding, Problem, Row, Scalar, Value, budget, msg};

use crate::allocation::{Budget, COMMON, Line, of_class};

/// LW-07: 根据各乡镇(街道)社会救助对象人数比例测算分配, to the fen by the largest remainder.
pub fn share_out(call: &Call<'_>, answer: &mut Answer, budget: &Budget) -> Result<(), Problem> {
    const KEY: &str = "assistance.recipients";
    let Some(class) = of_class(&budget.lines, COMMON) else {
        return Ok(());
    };
    let rule = if class.rule.is_empty() {
        &budget.rule
    } else {
        &class.rule
    };
    let planned: BTreeMap<&str, Fen> = budget
        .lines
        .iter()
        .filter(|line| line.class == COMMON && !line.town.is_empty())
        .map(|line| (line.town.as_str(), line.amount))
        .collect();
    let Some(rows) = call.facts.rows(KEY)? else {
        let message = msg(
            "缺少各乡镇（街道）社会救助对象人数，无法按比例测算共性项目经费",
            "the recipients of each town are missing; the common project cannot be shared out",
        );
        answer.find(Finding::input_required(rule, KEY, message));
        return Ok(());
    };
    let mut towns: Vec<(&str, i64)> = Vec::new();
    for row in &rows {
        let (Some(id), Some(count)) = (row.text("id")?, row.int("count")?) else {
            let place = row.place();
            let message = msg(
                format!("{place} 未填乡镇（街道）或人数"),
                format!("{place} lacks the town or the number"),
            );
            answer.find(Finding::input_required(rule, KEY, message));
            return Ok(());
        };
        towns.push((id, count));
    }
    let listed: BTreeSet<&str> = towns.iter().map(|(id, _)| *id).collect();
    let missing: Vec<&str> = planned
        .keys()
        .filter(|id| !listed.contains(*id))
        .copied()
        .collect();
    let unknown: Vec<&str> = listed
        .iter()
        .filter(|id| !planned.is_empty() && !planned.contains_key(*id))
        .copied()
        .collect();
    if !missing.is_empty() || !unknown.is_empty() || listed.len() != towns.len() {
        let (missing, unknown) = (named(&missing), named(&unknown));
        let message = msg(
            format!("救助对象人数与乡镇（街道）名单不符：缺 {missing}，多 {unknown}，每个只填一次"),
            format!(
                "recipients and towns do not match: missing {missing}, unknown {unknown}; each town once"
            ),
        );
        answer.find(Finding::input_required(rule, KEY, message));
        return Ok(());
    }
    let weights: Vec<i64> = towns.iter().map(|(_, count)| *count).collect();
    let Some(shares) = budget::proportional(class.amount, &weights) else {
        let message = msg(
            "救助对象人数不能为负，也不能全部为零",
            "numbers of recipients cannot be negative, nor all zero",
        );
        answer.find(Finding::violation(rule, message).on(&[KEY]));
        return Ok(());
    };
    let shared: Vec<Share<'_>> = towns
        .iter()
        .zip(shares)
        .map(|((id, count), amount)| Share {
            id,
            count: *count,
            amount,
            planned: planned.get(id).copied(),
        })
        .collect();
    report(answer, class, (rule, &shared));
    Ok(())
}

struct Share<'a> {
    id: &'a str,
    count: i64,
    amount: Fen,
    planned: Option<Fen>,
}

/// The shares as a finding and as the fact `allocation.towns`.
fn report(answer: &mut Answer, class: &Line, (rule, shares): (&str, &[Share<'_>])) {
    const NAMED: usize = 20;
    let list = |separator: &str| {
        let shown = shares.iter().take(NAMED);
        let shown = shown.map(|share| format!("{} {}", share.id, share.amount.grouped()));
        shown.collect::<Vec<_>>().join(separator)
    };
    let (total, towns) = (class.amount.grouped(), shares.len());
    let message = msg(
        format!(
            "共性项目 {total} 元按救助对象人数分配到 {towns} 个乡镇（街道）：{}",
            list("、")
        ),
        format!(
            "the common project's {total} yuan, shared by recipients among {towns} towns: {}",
            list(", ")
        ),
    );
    answer.find(Finding::informative(rule, message).on(&["assistance.recipients"]));
    let apart = |share: &&Share<'_>| {
        let planned = share.planned.unwrap_or(share.amount);
        planned.0.saturating_sub(share.amount.0).saturating_abs()
    };
    if let Some(furthest) = shares
        .iter()
        .max_by_key(apart)
        .filter(|share| apart(share) > 0)
    {
        let (id, planned) = (furthest.id, furthest.planned.unwrap_or_default().grouped());
        let (amount, off) = (furthest.amount.grouped(), Fen(apart(&furthest)).grouped());
        let message = msg(
            format!(
                "方案分配与人数比例相差最大的是{id}：方案 {planned} 元，按比例 {amount} 元，相差 {off} 元"
            ),
            format!(
                "the plan is furthest from the shares in {id}: {planned} yuan planned, {amount} yuan by recipients, {off} yuan apart"
            ),
        );
        answer.find(
            Finding::informative(rule, message).on(&["assistance.recipients", "budget.parts"]),
        );
    }
    let row = |share: &Share<'_>| {
        let mut row = Row::from([
            ("id".to_owned(), Scalar::from(share.id)),
            ("recipients".to_owned(), Scalar::Int(share.count)),
            ("amount".to_owned(), Scalar::Money(share.amount)),
        ]);
        if let Some(planned) = share.planned {
            row.insert("planned".to_owned(), Scalar::Money(planned));
        }
        row
    };
    answer.set(
        "allocation.towns",
        Value::Rows(shares.iter().map(row).collect()),
    );
}

fn named(ids: &[&str]) -> String {
    if ids.is_empty() {
        "0".to_owned()
    } else {
        ids.join("、")
    }
}
