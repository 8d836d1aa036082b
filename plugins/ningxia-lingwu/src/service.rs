//! What was delivered, against the catalogue: LW-19 to LW-24, LW-26 and LW-27.

use std::collections::BTreeMap;

use liucheng_sdk::{Answer, Call, Finding, Problem, msg};

/// Looks at what is recorded; what nobody has recorded is asked for when the project is evaluated.
pub fn delivered(call: &Call<'_>, answer: &mut Answer) -> Result<(), Problem> {
    let closing = call.facts.has("eval.final.grade") || call.facts.has("eval.final.passed");
    monthly(call, answer, closing)?;
    organisations(call, answer, closing)?;
    examination(call, answer)?;
    // 1.2万余名 is more than the number; 12人次 is the number itself.
    let supplies = (
        "supply-beneficiaries",
        "supplies.beneficiaries",
        ("领取棉衣棉被等的困难群众人数", "people given warm clothing"),
    );
    let workers = (
        "station-person-times",
        "station_service.person_times",
        ("购买驻站社工服务人次", "person-times of station workers"),
    );
    reached(call, answer, supplies, (true, closing))?;
    reached(call, answer, workers, (false, closing))
}

/// A number that should be reached, or be exceeded.
fn reached(
    call: &Call<'_>,
    answer: &mut Answer,
    (parameter, key, (zh, en)): (&str, &str, (&str, &str)),
    (exceed, closing): (bool, bool),
) -> Result<(), Problem> {
    let (wanted, rule) = call.parameters.int(parameter)?;
    let word = if exceed {
        ("超过", "more than")
    } else {
        ("达到", "at least")
    };
    match call.facts.int(key)? {
        Some(count) if count < wanted || (exceed && count == wanted) => {
            let message = msg(
                format!("{zh}应{} {wanted}，现为 {count}", word.0),
                format!("{en}: {} {wanted} are wanted, there were {count}", word.1),
            );
            answer.find(Finding::deviation(rule, message).on(&[key]));
        }
        None if closing => {
            let message = msg(
                format!("请填写{zh}（应{} {wanted}）", word.0),
                format!("enter the {en} ({} {wanted} are wanted)", word.1),
            );
            answer.find(Finding::input_required(rule, key, message));
        }
        _ => {}
    }
    Ok(())
}

/// LW-19 to LW-22: what is done for each person, or in each town, every month.
fn monthly(call: &Call<'_>, answer: &mut Answer, closing: bool) -> Result<(), Problem> {
    const KEY: &str = "service.log";
    let (minimum, rule) = call.parameters.rows("service-minimum")?;
    let Some(log) = call.facts.rows(KEY)? else {
        if closing {
            let message = msg(
                "缺少逐月服务记录，无法核对每月服务次数",
                "the monthly record of services is missing; their number cannot be checked",
            );
            answer.find(Finding::input_required(rule, KEY, message));
        }
        return Ok(());
    };
    let mut done: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for row in &log {
        let (Some(month), Some(item)) = (row.text("month")?, row.text("item")?) else {
            let place = row.place();
            let message = msg(
                format!("{place} 未填月份或项目"),
                format!("{place} lacks the month or the item"),
            );
            answer.find(Finding::input_required(rule, KEY, message));
            return Ok(());
        };
        *done.entry(month).or_default().entry(item).or_default() += row.int("times")?.unwrap_or(0);
    }
    for row in &minimum {
        let (Some(item), Some(times)) = (row.text("item")?, row.int("per_month")?) else {
            return Err(Problem::missing_field(&row.place(), "item, per_month"));
        };
        let rule = row.text("rule")?.unwrap_or(rule);
        let count = |items: &BTreeMap<&str, i64>| items.get(item).copied().unwrap_or(0);
        let short: Vec<String> = done
            .iter()
            .filter(|(_, items)| count(items) < times)
            .map(|(month, items)| format!("{month} {}", count(items)))
            .collect();
        if !short.is_empty() {
            let months = short.join("、");
            let message = msg(
                format!("“{item}”每月不少于 {times} 次，不足的月份：{months}"),
                format!("{item:?} is due {times} time(s) a month; short in: {months}"),
            );
            answer.find(Finding::deviation(rule, message).on(&[KEY]));
        }
    }
    Ok(())
}

/// LW-23: 每个乡镇(街道)巩固提升社会组织2家、新培育社会组织4家, an aim.
fn organisations(call: &Call<'_>, answer: &mut Answer, closing: bool) -> Result<(), Problem> {
    const KEY: &str = "incubation.towns";
    let (consolidate, rule) = call.parameters.int("orgs-consolidated")?;
    let (incubate, _) = call.parameters.int("orgs-incubated")?;
    let Some(towns) = call.facts.rows(KEY)? else {
        if closing {
            let message = msg(
                "缺少各乡镇（街道）巩固提升、新培育社会组织数",
                "the numbers of organisations strengthened and founded in each town are missing",
            );
            answer.find(Finding::input_required(rule, KEY, message));
        }
        return Ok(());
    };
    let mut short = Vec::new();
    for town in &towns {
        let strengthened = town.int("consolidated")?.unwrap_or(0);
        let founded = town.int("incubated")?.unwrap_or(0);
        if strengthened < consolidate || founded < incubate {
            let id = town.text("id")?.unwrap_or("?");
            short.push(format!("{id} {strengthened}/{founded}"));
        }
    }
    if !short.is_empty() {
        let list = short.join("、");
        let message = msg(
            format!(
                "每个乡镇（街道）巩固提升 {consolidate} 家、新培育 {incubate} 家，未达到：{list}"
            ),
            format!(
                "{consolidate} organisations strengthened and {incubate} founded in each town; short: {list}"
            ),
        );
        answer.find(Finding::deviation(rule, message).on(&[KEY]));
    }
    Ok(())
}

/// LW-24: 力争考试通过率达到20%.
fn examination(call: &Call<'_>, answer: &mut Answer) -> Result<(), Problem> {
    let (percent, rule) = call.parameters.percent("exam-pass-percent")?;
    let (Some(candidates), Some(passed)) = (
        call.facts.int("exam.candidates")?,
        call.facts.int("exam.passed")?,
    ) else {
        return Ok(());
    };
    if candidates <= 0 || passed < 0 || passed > candidates {
        let message = msg(
            format!("考试人数有误：参加 {candidates} 人，通过 {passed} 人"),
            format!(
                "the numbers of the examination cannot be: {candidates} took it, {passed} passed"
            ),
        );
        answer.find(Finding::input_required(rule, "exam.candidates", message));
        return Ok(());
    }
    let needed = liucheng_sdk::Fen(candidates).percent_ceil(percent).0;
    let reached = if passed >= needed {
        ("达到", "reached")
    } else {
        ("未达到", "missed")
    };
    let message = msg(
        format!(
            "职业水平考试 {candidates} 人参加，{passed} 人通过，{}力争目标 {percent}%（{needed} 人）",
            reached.0
        ),
        format!(
            "{passed} of {candidates} passed the examination; the aim of {percent} % ({needed}) is {}",
            reached.1
        ),
    );
    answer.find(Finding::informative(rule, message).on(&["exam.candidates", "exam.passed"]));
    Ok(())
}
