//! The worked examples: every expected deadline of the two reference cases.

use std::error::Error;

use chrono::NaiveDate;
use liucheng_model::calendar::Calendar;
use liucheng_model::deadline::{Computation, Period, RollPolicy, compute, explain_text};

/// One row of a worked example. An empty period means a date that the document names.
struct Row {
    id: &'static str,
    anchor: &'static str,
    period: &'static str,
    unrolled: &'static str,
    due: &'static str,
}

const fn row(id: &'static str, [anchor, period, unrolled, due]: [&'static str; 4]) -> Row {
    Row {
        id,
        anchor,
        period,
        unrolled,
        due,
    }
}

/// Ningxia Yuanzhou, 2021–2022.
const YUANZHOU: [Row; 16] = [
    row("site", ["2021-08-15", "", "2021-08-15", "2021-08-15"]),
    row("fund", ["2021-08-20", "", "2021-08-20", "2021-08-20"]),
    row("procure", ["2021-08-31", "", "2021-08-31", "2021-08-31"]),
    row(
        "law.contract",
        ["2021-08-27", "30 days", "2021-09-26", "2021-09-26"],
    ),
    row(
        "law.bond.losers",
        ["2021-08-27", "5 working-days", "2021-09-03", "2021-09-03"],
    ),
    row(
        "law.contract.publicity",
        ["2021-08-30", "2 working-days", "2021-09-01", "2021-09-01"],
    ),
    row(
        "law.bond.winner",
        ["2021-08-30", "5 working-days", "2021-09-06", "2021-09-06"],
    ),
    row(
        "law.contract.filing",
        ["2021-08-30", "7 working-days", "2021-09-08", "2021-09-08"],
    ),
    row(
        "pay.1",
        ["2021-08-30", "15 working-days", "2021-09-18", "2021-09-18"],
    ),
    row(
        "pay.2",
        ["2022-01-18", "15 working-days", "2022-02-11", "2022-02-11"],
    ),
    row(
        "pay.3",
        ["2022-08-12", "15 working-days", "2022-09-02", "2022-09-02"],
    ),
    row(
        "newplan",
        ["2022-08-29", "1 month before", "2022-07-29", "2022-07-29"],
    ),
    row(
        "cert",
        ["2021-09-01", "2 years", "2023-09-01", "2023-09-01"],
    ),
    // Reports by project half-year: 30 August has no corresponding day in February.
    row(
        "half-year.1",
        ["2021-08-30", "6 months", "2022-02-28", "2022-02-28"],
    ),
    row(
        "half-year.2",
        ["2021-08-30", "12 months", "2022-08-30", "2022-08-30"],
    ),
    // Before the tender: documents issued on 2021-08-20 allow no deadline before 2021-09-09.
    row(
        "preflight.bid",
        ["2021-08-20", "at least 20 days", "2021-09-09", "2021-09-09"],
    ),
];

/// A national open tender, 2026.
const TENDER: [Row; 8] = [
    row(
        "docs.offer.min",
        [
            "2026-09-14",
            "at least 5 working-days",
            "2026-09-20",
            "2026-09-20",
        ],
    ),
    row(
        "bid.min",
        ["2026-09-14", "at least 20 days", "2026-10-04", "2026-10-08"],
    ),
    row(
        "clarify.newmin",
        ["2026-09-25", "at least 15 days", "2026-10-10", "2026-10-10"],
    ),
    row(
        "report.deliver",
        ["2026-10-12", "2 working-days", "2026-10-14", "2026-10-14"],
    ),
    row(
        "award.decide",
        ["2026-10-14", "5 working-days", "2026-10-21", "2026-10-21"],
    ),
    row(
        "award.publish",
        ["2026-10-21", "2 working-days", "2026-10-23", "2026-10-23"],
    ),
    row(
        "contract",
        ["2026-10-23", "30 days", "2026-11-22", "2026-11-23"],
    ),
    row(
        "pay.sme",
        ["2026-11-20", "30 days", "2026-12-20", "2026-12-21"],
    ),
];

fn computed(row: &Row) -> Result<Computation, Box<dyn Error>> {
    let calendar = Calendar::national()?;
    let anchor: NaiveDate = row.anchor.parse()?;
    if row.period.is_empty() {
        return Ok(Computation::fixed(anchor, calendar));
    }
    let period: Period = row.period.parse()?;
    Ok(compute(anchor, period, RollPolicy::Civil, calendar, &[]))
}

fn check(rows: &[Row]) -> Result<(), Box<dyn Error>> {
    for row in rows {
        let result = computed(row)?;
        assert_eq!(result.due, Some(row.due.parse()?), "{}", row.id);
        assert_eq!(result.unrolled, Some(row.unrolled.parse()?), "{}", row.id);
        assert!(!result.provisional, "{}", row.id);
    }
    Ok(())
}

fn told(id: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let row = YUANZHOU.iter().chain(&TENDER).find(|row| row.id == id);
    let row = row.ok_or_else(|| format!("no row {id}"))?;
    Ok(explain_text(&computed(row)?))
}

#[test]
fn yuanzhou_2021() -> Result<(), Box<dyn Error>> {
    check(&YUANZHOU)
}

#[test]
fn tender_2026() -> Result<(), Box<dyn Error>> {
    check(&TENDER)
}

/// The derivations of the examples list these days; ours must tell the same ones.
#[test]
fn derivations_tell_the_days_of_the_examples() -> Result<(), Box<dyn Error>> {
    assert_eq!(
        told("pay.1")?,
        [
            "2021-08-30(周一) 起算日不计，15个工作日内",
            "逐个工作日: 8/31, 9/1, 9/2, 9/3, 9/6, 9/7, 9/8, 9/9, 9/10, 9/13, 9/14, 9/15, 9/16, 9/17, 9/18",
            "跳过: 9/4(周六), 9/5(周日), 9/11(周六), 9/12(周日)",
            "→ 2021-09-18(周六，调休上班)",
        ]
    );
    assert_eq!(
        told("pay.2")?,
        [
            "2022-01-18(周二) 起算日不计，15个工作日内",
            "逐个工作日: 1/19, 1/20, 1/21, 1/24, 1/25, 1/26, 1/27, 1/28, 1/29, 1/30, 2/7, 2/8, 2/9, 2/10, 2/11",
            "跳过: 1/22(周六), 1/23(周日), 1/31–2/6(春节)",
            "→ 2022-02-11(周五)",
        ]
    );
    assert_eq!(
        told("bid.min")?,
        [
            "2026-09-14(周一) 起算日不计，不少于20日",
            "逐日计数: 9/15 至 10/4，共 20 日",
            "末日 2026-10-04(周日) 为休息日，依民法典第203条顺延",
            "顺延经过: 10/4–10/7(国庆节)",
            "→ 2026-10-08(周四)",
        ]
    );
    assert_eq!(
        told("newplan")?,
        [
            "2022-08-29(周一) 起倒推，期前1个月",
            "2022-07-29(周五) 对应日（民法典第202条）",
            "→ 2022-07-29(周五)",
        ]
    );
    assert_eq!(
        told("site")?,
        [
            "文件明列日期 2021-08-15(周日，周末)",
            "注意: 2021-08-15(周日) 休息日，不顺延，请提前办理",
            "→ 2021-08-15(周日，周末)",
        ]
    );
    Ok(())
}

/// The example's check: 13 days lie between clarification and deadline, 15 are needed.
#[test]
fn a_late_clarification_moves_the_bid_deadline() -> Result<(), Box<dyn Error>> {
    let calendar = Calendar::national()?;
    let deadline: NaiveDate = "2026-10-08".parse()?;
    let clarified: NaiveDate = "2026-09-25".parse()?;
    let period: Period = "at least 15 days before".parse()?;
    let latest = compute(deadline, period, RollPolicy::Civil, calendar, &[]).due;
    assert_eq!(latest, Some("2026-09-23".parse()?));
    assert!(latest.is_some_and(|latest| clarified > latest));
    Ok(())
}
