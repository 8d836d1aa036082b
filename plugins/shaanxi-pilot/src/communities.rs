//! Organisations in the communities (社区社会组织): SP-03, by the end of 2023.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, Value, msg};

use crate::staffing::shorten;

/// What one kind of community is to have.
struct Aim<'a> {
    kind: &'static str,
    zh: &'static str,
    min: i64,
    rule: &'a str,
}

/// SP-03: 每个城市社区社会组织达到10个以上,每个农村社区社会组织达到5个以上.
pub fn judge(call: &Call<'_>) -> Result<Answer, Problem> {
    let (urban, rule) = call.parameters.int("urban-orgs-min")?;
    let (rural, _) = call.parameters.int("rural-orgs-min")?;
    // 以上 includes the number itself (民法典 art. 1259) unless a person decided otherwise (SP-A3).
    let more = i64::from(call.facts.text("decision.sp_a3")? == Some("exclusive"));
    let aim = |kind, zh, min: i64| Aim {
        kind,
        zh,
        min: min + more,
        rule,
    };
    let aims = [
        aim("urban", "城市社区", urban),
        aim("rural", "农村社区", rural),
    ];
    let mut answer = Answer::new();
    let rows = match call.facts.get("communities") {
        Some(Value::Rows(_)) => call.facts.rows("communities")?.unwrap_or_default(),
        other => {
            if other.is_some() {
                call.facts.int("communities")?;
            }
            let message = msg(
                "缺少社区名单（类别、社会组织数），无法核对",
                "the list of communities with kind and organisations is missing; nothing can be checked",
            );
            answer.find(Finding::input_required(rule, "communities", message));
            return Ok(answer);
        }
    };
    let mut open = Vec::new();
    for aim in &aims {
        one_kind(&mut answer, &rows, aim)?;
    }
    for row in &rows {
        let known = ["urban", "rural"].map(Some).contains(&row.text("kind")?);
        if !known || row.int("orgs")?.is_none() {
            open.push(name(row)?);
        }
    }
    if !open.is_empty() {
        let list = shorten(&open);
        let zh = format!("以下社区未填类别或社会组织数：{}", list.zh);
        let en = format!(
            "communities whose kind or organisations are missing: {}",
            list.en
        );
        answer.find(Finding::input_required(rule, "communities", msg(zh, en)));
    }
    Ok(answer)
}

/// Judges the communities of one kind whose number is known.
fn one_kind(answer: &mut Answer, rows: &[Fields<'_>], aim: &Aim<'_>) -> Result<(), Problem> {
    let mut few = Vec::new();
    let mut total = 0_usize;
    for row in rows {
        if row.text("kind")? != Some(aim.kind) {
            continue;
        }
        let Some(orgs) = row.int("orgs")? else {
            continue;
        };
        total += 1;
        if orgs < aim.min {
            few.push(format!("{} {orgs}", name(row)?));
        }
    }
    let (kind, zh, min) = (aim.kind, aim.zh, aim.min);
    if !few.is_empty() {
        let (list, short) = (shorten(&few), few.len());
        let zh = format!(
            "{zh} {total} 个中 {short} 个社会组织不足 {min} 个：{}",
            list.zh
        );
        let en = format!(
            "{short} of {total} {kind} communities with fewer than {min} organisations: {}",
            list.en
        );
        answer.find(Finding::deviation(aim.rule, msg(zh, en)).on(&["communities"]));
    } else if total > 0 {
        let zh = format!("{zh} {total} 个，社会组织均达到 {min} 个");
        let en = format!("all {total} {kind} communities have at least {min} organisations");
        answer.find(Finding::informative(aim.rule, msg(zh, en)).on(&["communities"]));
    }
    Ok(())
}

fn name(row: &Fields<'_>) -> Result<String, Problem> {
    Ok(row.text("id")?.map_or_else(|| row.place(), str::to_owned))
}
