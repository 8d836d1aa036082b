use super::*;
use crate::calendar::{Calendar, CalendarLayer};

type Outcome = Result<(), Box<dyn std::error::Error>>;
type Dates = (Option<NaiveDate>, Option<NaiveDate>, bool);

fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

fn run(
    anchor: &str,
    period: &str,
    roll: RollPolicy,
    pauses: &[(&str, &str)],
) -> Option<Computation> {
    let suspensions: Option<Vec<Suspension>> = pauses
        .iter()
        .map(|(from, until)| {
            Some(Suspension {
                from: from.parse().ok()?,
                until: until.parse().ok(),
            })
        })
        .collect();
    let calendar = Calendar::national().ok()?;
    let (anchor, period) = (anchor.parse().ok()?, period.parse().ok()?);
    Some(compute(anchor, period, roll, calendar, &suspensions?))
}

fn dates(computation: Option<Computation>) -> Option<Dates> {
    computation.map(|result| (result.unrolled, result.due, result.provisional))
}

fn settled(unrolled: &str, due: &str) -> Option<Dates> {
    Some((unrolled.parse().ok(), due.parse().ok(), false))
}

fn kinds(computation: Option<Computation>) -> Vec<StepKind> {
    let steps = computation.map(|result| result.derivation);
    steps
        .unwrap_or_default()
        .iter()
        .map(|step| step.kind)
        .collect()
}

#[test]
fn months_and_years_find_the_corresponding_day() {
    use RollPolicy::None as NoRoll;
    for (anchor, period, end) in [
        ("2021-08-30", "6 months", "2022-02-28"),
        ("2023-08-30", "6 months", "2024-02-29"),
        ("2024-02-29", "1 year", "2025-02-28"),
        ("2020-02-29", "4 years", "2024-02-29"),
        ("2024-02-29", "1 month", "2024-03-29"),
        ("2024-02-29", "1 year before", "2023-02-28"),
        ("2024-03-31", "1 month before", "2024-02-29"),
        ("2021-01-31", "1 month", "2021-02-28"),
        ("2021-12-31", "2 months", "2022-02-28"),
        ("2022-08-29", "1 month before", "2022-07-29"),
    ] {
        let result = run(anchor, period, NoRoll, &[]);
        assert_eq!(dates(result), settled(end, end), "{anchor} {period}");
    }
    let result = run("2024-02-29", "1 year", NoRoll, &[]);
    assert_eq!(
        kinds(result),
        [StepKind::Start, StepKind::MonthEnd, StepKind::Due]
    );
}

#[test]
fn the_three_policies_differ_where_their_articles_do() {
    use RollPolicy::{Civil, None as NoRoll, Order87, Order94};
    for (anchor, period, unrolled, expected) in [
        // A plain Sunday.
        (
            "2026-10-23",
            "30 days",
            "2026-11-22",
            ["2026-11-23", "2026-11-22", "2026-11-23"],
        ),
        // A holiday, followed by a working Thursday.
        (
            "2026-09-14",
            "20 days",
            "2026-10-04",
            ["2026-10-08", "2026-10-08", "2026-10-08"],
        ),
        // The holiday of 1 to 5 October 2025 goes on as Mid-Autumn; 9 October is worked.
        (
            "2025-09-25",
            "10 days",
            "2025-10-05",
            ["2025-10-09", "2025-10-09", "2025-10-09"],
        ),
        // Qingming 2023 is a single Wednesday.
        (
            "2023-03-26",
            "10 days",
            "2023-04-05",
            ["2023-04-06", "2023-04-06", "2023-04-06"],
        ),
        // Spring Festival 2024 ends on Saturday; Sunday the 18th is made up.
        (
            "2024-02-07",
            "10 days",
            "2024-02-17",
            ["2024-02-18", "2024-02-18", "2024-02-18"],
        ),
        // A made-up Saturday does not roll.
        (
            "2026-09-25",
            "15 days",
            "2026-10-10",
            ["2026-10-10", "2026-10-10", "2026-10-10"],
        ),
    ] {
        for (roll, due) in [Civil, Order87, Order94].into_iter().zip(expected) {
            let result = run(anchor, period, roll, &[]);
            assert_eq!(
                dates(result),
                settled(unrolled, due),
                "{anchor} {period} {roll:?}"
            );
        }
        let result = run(anchor, period, NoRoll, &[]);
        assert_eq!(dates(result), settled(unrolled, unrolled));
    }
}

/// 87号令 art. 85 speaks of holidays only: after one that ends on a Friday, Saturday is due.
#[test]
fn order_87_may_end_on_a_weekend_after_a_holiday() -> Outcome {
    let calendar = Calendar::parse(
        "schema=1\nid=\"cn\"\nversion=\"test\"\nlayer=\"national\"\n\
         [[year]]\nyear=2026\nnotice=\"通知\"\n\
         [[year.period]]\nname=\"劳动节\"\noff=[\"2026-05-01\"]",
    )?;
    let period = "10 days".parse()?;
    for (roll, due) in [
        (RollPolicy::Order87, ymd(2026, 5, 2)),
        (RollPolicy::Civil, ymd(2026, 5, 4)),
        (RollPolicy::Order94, ymd(2026, 5, 4)),
    ] {
        let result = compute(ymd(2026, 4, 21), period, roll, &calendar, &[]);
        assert_eq!(result.due, Some(due), "{roll:?}");
    }
    Ok(())
}

/// A provincial holiday is no holiday of the State Council.
#[test]
fn order_87_ignores_provincial_holidays() -> Outcome {
    let layer = CalendarLayer::parse(
        "schema=1\nid=\"nx\"\nversion=\"1\"\nlayer=\"province\"\nextends=\"cn\"\n\
         [[day]]\ndate=\"2026-03-20\"\nkind=\"holiday\"\nname=\"开斋节\"\nsource=\"通知\"",
    )?;
    let calendar = Calendar::national()?.with_layer(&layer)?;
    let period = "10 days".parse()?;
    for (roll, due) in [
        (RollPolicy::Order87, ymd(2026, 3, 20)),
        (RollPolicy::Civil, ymd(2026, 3, 23)),
        (RollPolicy::Order94, ymd(2026, 3, 23)),
    ] {
        let result = compute(ymd(2026, 3, 10), period, roll, &calendar, &[]);
        assert_eq!(result.due, Some(due), "{roll:?}");
    }
    Ok(())
}

#[test]
fn backward_periods_are_never_rolled() {
    // 15 days before Friday 2021-08-20 is a Thursday; 19 days before is Sunday 1 August.
    let result = run("2021-08-20", "19 days before", RollPolicy::Civil, &[]);
    assert_eq!(dates(result.clone()), settled("2021-08-01", "2021-08-01"));
    assert!(kinds(result).contains(&StepKind::NoteRestDay));
    let result = run(
        "2026-10-09",
        "at least 3 working-days before",
        RollPolicy::Civil,
        &[],
    );
    assert_eq!(dates(result), settled("2026-09-29", "2026-09-29"));
    // Outside the published years it is not known whether one has to act earlier.
    let result = run("2018-01-15", "1 day before", RollPolicy::Civil, &[]);
    let open = Some(("2018-01-14".parse().ok(), None, true));
    assert_eq!(dates(result.clone()), open);
    assert!(!kinds(result).contains(&StepKind::NoteRestDay));
}

#[test]
fn past_the_calendar_nothing_is_guessed() {
    use RollPolicy::{Civil, None as NoRoll};
    let open = |unrolled: &str| Some((unrolled.parse().ok(), None, true));
    // The counted day is known; whether it rolls is not.
    assert_eq!(
        dates(run("2026-12-10", "30 days", Civil, &[])),
        open("2027-01-09")
    );
    assert_eq!(
        dates(run("2026-12-10", "30 days", RollPolicy::Order87, &[])),
        open("2027-01-09")
    );
    assert_eq!(
        dates(run("2026-02-05", "1 year", Civil, &[])),
        open("2027-02-05")
    );
    assert_eq!(
        dates(run("2026-12-10", "30 days", NoRoll, &[])),
        open("2027-01-09")
    );
    // Working days cannot be counted at all.
    let result = run("2026-12-25", "10 working-days", Civil, &[]);
    assert_eq!(dates(result.clone()), Some((None, None, true)));
    let last = result.and_then(|result| result.derivation.last().cloned());
    assert_eq!(
        last.map(|step| (step.kind, step.date)),
        Some((StepKind::OutsideCalendar, ymd(2027, 1, 1)))
    );
    let result = run("2019-01-03", "5 working-days before", Civil, &[]);
    assert_eq!(dates(result), Some((None, None, true)));
    // The anchor itself does not count and needs no calendar.
    let result = run("2018-12-31", "1 working-day", Civil, &[]);
    assert_eq!(dates(result), settled("2019-01-02", "2019-01-02"));
}

#[test]
fn fixed_dates_are_never_rolled_and_never_provisional() -> Outcome {
    let calendar = Calendar::national()?;
    let sunday = Computation::fixed(ymd(2021, 8, 15), calendar);
    assert_eq!(
        dates(Some(sunday.clone())),
        settled("2021-08-15", "2021-08-15")
    );
    let expected = [StepKind::Fixed, StepKind::NoteRestDay, StepKind::Due];
    assert_eq!(kinds(Some(sunday)), expected);
    let unknown = Computation::fixed(ymd(2030, 1, 1), calendar);
    assert!(!unknown.provisional);
    assert_eq!(kinds(Some(unknown)), [StepKind::Fixed, StepKind::Due]);
    Ok(())
}

#[test]
fn suspended_days_do_not_count() {
    use RollPolicy::None as NoRoll;
    for (period, pauses, end) in [
        ("10 days", vec![("2026-03-05", "2026-03-07")], "2026-03-14"),
        // Overlapping, touching and inverted suspensions.
        (
            "10 days",
            vec![("2026-03-05", "2026-03-07"), ("2026-03-06", "2026-03-08")],
            "2026-03-15",
        ),
        (
            "10 days",
            vec![("2026-03-07", "2026-03-08"), ("2026-03-05", "2026-03-06")],
            "2026-03-15",
        ),
        ("10 days", vec![("2026-03-07", "2026-03-05")], "2026-03-11"),
        // A suspension on the last day itself, and one after it.
        ("10 days", vec![("2026-03-11", "2026-03-12")], "2026-03-13"),
        ("10 days", vec![("2026-03-12", "2026-03-20")], "2026-03-11"),
        // One that began before the anchor.
        ("10 days", vec![("2026-02-01", "2026-03-03")], "2026-03-13"),
        (
            "5 working-days",
            vec![("2026-03-03", "2026-03-04")],
            "2026-03-10",
        ),
        // The moved end of a month reaches the second suspension.
        ("1 month", vec![("2026-03-10", "2026-03-14")], "2026-04-06"),
        (
            "1 month",
            vec![("2026-03-10", "2026-03-14"), ("2026-04-03", "2026-04-04")],
            "2026-04-08",
        ),
        ("1 month", vec![("2026-03-30", "2026-04-08")], "2026-04-11"),
        ("1 month", vec![("2026-04-02", "2026-04-08")], "2026-04-01"),
    ] {
        let result = run("2026-03-01", period, NoRoll, &pauses);
        assert_eq!(dates(result), settled(end, end), "{period} {pauses:?}");
    }
}

#[test]
fn an_open_suspension_leaves_no_day() {
    for period in ["10 days", "8 working-days", "1 month"] {
        let result = run(
            "2026-03-01",
            period,
            RollPolicy::Civil,
            &[("2026-03-05", "")],
        );
        assert_eq!(dates(result.clone()), Some((None, None, true)), "{period}");
        let last = result.and_then(|result| result.derivation.last().cloned());
        let last = last.map(|step| (step.kind, step.date));
        assert_eq!(last, Some((StepKind::Paused, ymd(2026, 3, 5))), "{period}");
    }
    // The last day itself is suspended, so the period is not over.
    for (period, from) in [("10 days", "2026-03-11"), ("1 month", "2026-04-01")] {
        let result = run("2026-03-01", period, RollPolicy::None, &[(from, "")]);
        assert_eq!(dates(result), Some((None, None, true)), "{period}");
    }
    // One that begins after the end does not matter.
    let result = run(
        "2026-03-01",
        "10 days",
        RollPolicy::Civil,
        &[("2026-03-12", "")],
    );
    assert_eq!(dates(result), settled("2026-03-11", "2026-03-11"));
}

#[test]
fn a_rolled_end_is_not_a_suspended_day() {
    // The tenth day is Sunday 15 March.
    let result = run(
        "2026-03-05",
        "10 days",
        RollPolicy::Civil,
        &[("2026-03-16", "2026-03-17")],
    );
    assert_eq!(dates(result), settled("2026-03-15", "2026-03-18"));
    let result = run(
        "2026-03-05",
        "10 days",
        RollPolicy::Civil,
        &[("2026-03-16", "")],
    );
    assert_eq!(dates(result), Some((Some(ymd(2026, 3, 15)), None, true)));
}

#[test]
fn backward_periods_ignore_suspensions_and_say_so() {
    let result = run(
        "2026-03-20",
        "10 days before",
        RollPolicy::Civil,
        &[("2026-03-12", "")],
    );
    assert_eq!(dates(result.clone()), settled("2026-03-10", "2026-03-10"));
    assert!(kinds(result).contains(&StepKind::NoteSuspension));
}

#[test]
fn derivations_are_bounded() {
    let result = run("2026-03-01", "10000 days", RollPolicy::None, &[]);
    assert_eq!(kinds(result).len(), DERIVATION_DAYS_MAX + 2);
    let pauses = [("2026-03-05", "9000-01-01")];
    let result = run("2026-03-01", "10000 days", RollPolicy::None, &pauses);
    let due = result.as_ref().and_then(|result| result.unrolled);
    // 3 days ran before, 9 997 run after.
    assert_eq!(due, Some(ymd(9000, 1, 1) + chrono::Days::new(9_997)));
    let kinds = kinds(result);
    assert_eq!(kinds.len(), DERIVATION_DAYS_MAX + 3);
    assert!(kinds.contains(&StepKind::Truncated));
    let result = run("2026-03-01", "10000 years", RollPolicy::None, &pauses);
    assert!(result.is_some_and(|result| result.unrolled.is_some()));
}

#[test]
fn a_computation_is_stored_in_kebab_case() -> Outcome {
    let result = run("2026-10-23", "1 month", RollPolicy::Order94, &[]).ok_or("computed")?;
    let json = serde_json::to_string(&result)?;
    assert!(
        json.contains(r#""kind":"start","note":"1 month""#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Computation>(&json)?, result);
    assert_eq!(serde_json::to_string(&RollPolicy::Order87)?, r#""order87""#);
    assert_eq!(
        serde_json::to_string(&StepKind::SkippedWeekend)?,
        r#""skipped-weekend""#
    );
    Ok(())
}

#[test]
fn a_suspension_is_told() -> Outcome {
    let pauses = [("2026-09-29", "2026-09-30")];
    let result =
        run("2026-09-24", "2 working-days", RollPolicy::Civil, &pauses).ok_or("computed")?;
    assert_eq!(
        explain_text(&result),
        [
            "2026-09-24(周四) 起算日不计，2个工作日内",
            "逐个工作日: 9/28, 10/8",
            "跳过: 9/25–9/27(中秋), 10/1–10/7(国庆节)",
            "中止不计: 9/29–9/30",
            "→ 2026-10-08(周四)",
        ]
    );
    let result = run("2026-12-24", "1 month", RollPolicy::Civil, &[]).ok_or("computed")?;
    assert_eq!(
        explain_text(&result).last().map(String::as_str),
        Some("→ 未定: 2027-01-24(周日) 工作日历未覆盖")
    );
    Ok(())
}

fn candidate(label: &str, computation: Option<Computation>) -> Option<Candidate> {
    let label = label.to_owned();
    computation.map(|computation| Candidate { label, computation })
}

#[test]
fn the_earliest_and_latest_win_and_say_why() -> Outcome {
    let law = candidate("法定", run("2026-10-23", "30 days", RollPolicy::Civil, &[]));
    let contract = candidate(
        "合同约定",
        run("2026-10-23", "20 working-days", RollPolicy::Civil, &[]),
    );
    let both = [law.ok_or("law")?, contract.ok_or("contract")?];
    let first = earliest(&both).ok_or("chosen")?;
    assert_eq!(
        dates(Some(first.clone())),
        settled("2026-11-20", "2026-11-20")
    );
    let lines = explain_text(&first);
    assert_eq!(
        lines.first().map(String::as_str),
        Some("1. 法定: 2026-11-23(周一)")
    );
    assert_eq!(
        lines.last().map(String::as_str),
        Some("取最早：合同约定 → 2026-11-20(周五)")
    );
    let last = latest(&both);
    assert_eq!(dates(last), settled("2026-11-22", "2026-11-23"));
    assert_eq!(earliest(&[]), None);
    Ok(())
}

#[test]
fn a_choice_stays_open_while_an_unknown_could_win() -> Outcome {
    let known =
        candidate("甲", run("2026-10-23", "30 days", RollPolicy::Civil, &[])).ok_or("甲")?;
    let later =
        candidate("乙", run("2026-12-10", "30 days", RollPolicy::Civil, &[])).ok_or("乙")?;
    let paused = run(
        "2026-10-23",
        "5 days",
        RollPolicy::Civil,
        &[("2026-10-24", "")],
    );
    let paused = candidate("丙", paused).ok_or("丙")?;
    let open = Some((None, None, true));
    // A counted day in 2027 cannot be earlier, whatever its roll.
    let chosen = earliest(&[later.clone(), known.clone()]);
    assert_eq!(dates(chosen), settled("2026-11-22", "2026-11-23"));
    assert_eq!(dates(latest(&[later, known.clone()])), open);
    let result = earliest(&[known, paused]);
    assert_eq!(dates(result.clone()), open);
    assert_eq!(kinds(result).last(), Some(&StepKind::Paused));
    Ok(())
}
