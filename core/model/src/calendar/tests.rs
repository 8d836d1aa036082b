use proptest::prelude::*;

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A national file of two years, small enough to break on purpose.
const SMALL: &str = r#"schema = 1
id = "cn"
version = "1"
layer = "national"

[[year]]
year = 2022
notice = "甲"

[[year.period]]
name = "国庆节"
off = ["2022-10-01..2022-10-07"]
work = ["2022-10-08", "2022-10-09"]

[[year]]
year = 2023
notice = "乙"
amendments = ["丙"]

[[year.period]]
name = "元旦"
off = ["2022-12-31..2023-01-02"]
"#;

const NINGXIA: &str = r#"schema = 1
id = "ningxia"
version = "1"
layer = "province"
extends = "cn"

[[day]]
date = "2022-05-03"
kind = "holiday"
name = "开斋节"
source = "宁夏回族自治区人民政府通知"

[[day]]
date = "2022-05-07"
kind = "workday"
name = "开斋节"
source = "宁夏回族自治区人民政府通知"
"#;

fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// Returns code, line and column of the refusal.
fn refused<T>(result: Result<T, CalendarError>) -> Option<(&'static str, usize, usize)> {
    let error = result.err()?;
    assert!(error.hint().ends_with('.'), "{error}");
    Some((error.code(), error.place.line, error.place.column))
}

#[test]
fn the_shipped_file_is_right() -> Outcome {
    let calendar = Calendar::national()?;
    assert_eq!(calendar.id(), "cn");
    assert_eq!(calendar.version(), "cn@2026.1");
    assert_eq!(calendar.coverage(), ymd(2019, 1, 1)..=ymd(2026, 12, 31));
    Ok(())
}

#[test]
fn days_carry_their_name_and_notice() -> Outcome {
    let calendar = Calendar::national()?;
    let day = calendar.day(ymd(2026, 9, 20)).ok_or("covered")?;
    assert_eq!(
        (day.kind, day.name),
        (DayKind::MakeUpWorkday, Some("国庆节"))
    );
    assert_eq!(day.remark(), Some("调休上班"));
    let source = day.source.ok_or("a notice")?;
    assert!(source.contains("国办发明电〔2025〕7号"));
    // The second notice of 2020 turned this day into a day off.
    let day = calendar.day(ymd(2020, 2, 1)).ok_or("covered")?;
    assert!(day.is_national_holiday());
    assert!(
        day.source
            .is_some_and(|source| source.contains("延长2020年春节假期"))
    );
    let day = calendar.day(ymd(2026, 9, 21)).ok_or("covered")?;
    assert_eq!(
        (day.kind, day.name, day.remark()),
        (DayKind::Workday, None, None)
    );
    Ok(())
}

#[test]
fn new_year_may_begin_in_the_december_before() -> Outcome {
    let calendar = Calendar::parse(SMALL)?;
    let day = calendar.day(ymd(2022, 12, 31)).ok_or("covered")?;
    assert_eq!((day.kind, day.source), (DayKind::Holiday, Some("乙；丙")));
    assert_eq!(calendar.is_working(ymd(2021, 12, 31)), None);
    Ok(())
}

#[test]
fn national_refusals_name_code_and_place() {
    for (from, to, expected) in [
        ("schema = 1", "schema = 2", ("E-CALENDAR-SCHEMA", 1, 10)),
        ("schema = 1", "schema = ", ("E-CALENDAR-SYNTAX", 1, 10)),
        ("\"national\"", "\"agency\"", ("E-CALENDAR-LAYER", 4, 9)),
        ("id = \"cn\"", "id = \"c@n\"", ("E-CALENDAR-NAME", 2, 6)),
        ("id = \"cn\"", "id = \"\"", ("E-CALENDAR-NAME", 2, 6)),
        (
            "version = \"1\"",
            "version = \"1+2\"",
            ("E-CALENDAR-NAME", 3, 11),
        ),
        ("\"甲\"", "\" \"", ("E-CALENDAR-EMPTY", 8, 10)),
        (
            "notice = \"甲\"",
            "notce = \"甲\"",
            ("E-CALENDAR-SYNTAX", 8, 1),
        ),
        ("\"国庆节\"", "\"\"", ("E-CALENDAR-EMPTY", 11, 8)),
        (
            "year = 2022",
            "year = 1900",
            ("E-CALENDAR-YEAR-RANGE", 7, 8),
        ),
        (
            "year = 2022",
            "year = 99999999999",
            ("E-CALENDAR-YEAR-RANGE", 7, 8),
        ),
        ("year = 2022", "year = 2021", ("E-CALENDAR-YEAR-GAP", 16, 8)),
        ("year = 2023", "year = 2022", ("E-CALENDAR-YEAR-GAP", 16, 8)),
        ("2022-10-08", "2022-02-30", ("E-CALENDAR-DATE", 13, 9)),
        ("2022-10-08", "2022-10-8", ("E-CALENDAR-DATE", 13, 9)),
        ("..2022-10-07", "..2022-10-32", ("E-CALENDAR-DATE", 12, 8)),
        ("..2022-10-07", "...2022-10-07", ("E-CALENDAR-DATE", 12, 8)),
        ("..2022-10-07", "..2022-09-30", ("E-CALENDAR-RANGE", 12, 8)),
        ("..2022-10-07", "..9999-12-31", ("E-CALENDAR-RANGE", 12, 8)),
        (
            "2022-10-08",
            "2021-12-11",
            ("E-CALENDAR-OUTSIDE-YEAR", 13, 9),
        ),
        (
            "2022-10-08",
            "2023-01-07",
            ("E-CALENDAR-OUTSIDE-YEAR", 13, 9),
        ),
        (
            "\"2022-12-31..2023-01-02\"",
            "\"2022-11-30\"",
            ("E-CALENDAR-OUTSIDE-YEAR", 22, 8),
        ),
        (
            "2022-10-09",
            "2022-10-08",
            ("E-CALENDAR-DUPLICATE-DAY", 13, 23),
        ),
        (
            "2022-10-08",
            "2022-10-02",
            ("E-CALENDAR-DUPLICATE-DAY", 13, 9),
        ),
        (
            "2022-10-08",
            "2022-10-10",
            ("E-CALENDAR-WORK-ON-WEEKDAY", 13, 9),
        ),
        (
            "[\"2022-10-01..2022-10-07\"]",
            "[]",
            ("E-CALENDAR-EMPTY", 12, 7),
        ),
        ("\"2022-10-08\"", "2022-10-08", ("E-CALENDAR-SYNTAX", 13, 9)),
        ("\"2022-10-08\"", "2022-02-30", ("E-CALENDAR-SYNTAX", 13, 9)),
    ] {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL);
        assert_eq!(
            refused(Calendar::parse(&text)),
            Some(expected),
            "{from} → {to}"
        );
    }
    let header = SMALL.split("[[year]]").next().unwrap_or_default();
    let bare_year = format!("{header}[[year]]\nyear = 2022\nnotice = \"甲\"\n");
    assert_eq!(
        refused(Calendar::parse(header)),
        Some(("E-CALENDAR-NO-ENTRIES", 4, 9))
    );
    assert_eq!(
        refused(Calendar::parse(&bare_year)),
        Some(("E-CALENDAR-NO-ENTRIES", 7, 8))
    );
    assert_eq!(
        refused(Calendar::parse("")),
        Some(("E-CALENDAR-SYNTAX", 1, 1))
    );
}

#[test]
fn a_message_says_what_where_and_how() -> Outcome {
    let text = SMALL.replacen("2022-10-09", "2022-10-02", 1);
    let error = Calendar::parse(&text).err().ok_or("refused")?;
    assert_eq!(
        error.to_string(),
        "13:23: 2022-10-02 is already listed in line 12"
    );
    assert_eq!(error.hint(), "Keep one of the two entries.");
    Ok(())
}

#[test]
fn a_province_adds_and_removes_days() -> Outcome {
    let national = Calendar::national()?;
    let layer = CalendarLayer::parse(NINGXIA)?;
    assert_eq!(
        (layer.id(), layer.version(), layer.extends()),
        ("ningxia", "1", "cn")
    );
    // In 2022 both days were decided by the State Council already.
    let error = national.with_layer(&layer);
    assert_eq!(refused(error), Some(("E-CALENDAR-NO-CHANGE", 8, 8)));
    let text = NINGXIA
        .replace("2022-05-03", "2022-05-05")
        .replace("05-07", "05-08");
    let calendar = national.with_layer(&CalendarLayer::parse(&text)?)?;
    assert_eq!(calendar.id(), "ningxia");
    assert_eq!(calendar.version(), "cn@2026.1+ningxia@1");
    let holiday = calendar.day(ymd(2022, 5, 5)).ok_or("covered")?;
    assert_eq!(
        (holiday.kind, holiday.name),
        (DayKind::Holiday, Some("开斋节"))
    );
    assert_eq!(holiday.layer, Layer::Province);
    assert!(!holiday.is_national_holiday());
    assert_eq!(calendar.is_working(ymd(2022, 5, 8)), Some(true));
    assert_eq!(national.is_working(ymd(2022, 5, 8)), Some(false));
    Ok(())
}

#[test]
fn an_agency_goes_on_top_of_its_province() -> Outcome {
    let text = NINGXIA
        .replace("2022-05-03", "2022-05-05")
        .replace("05-07", "05-08");
    let province = CalendarLayer::parse(&text)?;
    let agency = text
        .replace("\"province\"", "\"agency\"")
        .replace("\"ningxia\"", "\"yuanzhou-mzj\"")
        .replace("\"cn\"", "\"ningxia\"")
        .replace("2022-05-05", "2022-05-06")
        .replace("2022-05-08", "2022-05-15");
    let agency = CalendarLayer::parse(&agency)?;
    let national = Calendar::national()?;
    let both = national.with_layer(&province)?.with_layer(&agency)?;
    assert_eq!(both.version(), "cn@2026.1+ningxia@1+yuanzhou-mzj@1");
    let missing = national.with_layer(&agency);
    assert_eq!(refused(missing), Some(("E-CALENDAR-EXTENDS", 5, 11)));
    let twice = both.with_layer(&province);
    assert_eq!(refused(twice), Some(("E-CALENDAR-ORDER", 5, 11)));
    Ok(())
}

#[test]
fn layer_refusals_name_code_and_place() -> Outcome {
    for (from, to, expected) in [
        ("\"province\"", "\"national\"", ("E-CALENDAR-LAYER", 4, 9)),
        ("extends = \"cn\"", "", ("E-CALENDAR-SYNTAX", 1, 1)),
        ("\"holiday\"", "\"rest\"", ("E-CALENDAR-KIND", 9, 8)),
        ("2022-05-03", "2021-02-30", ("E-CALENDAR-DATE", 8, 8)),
        (
            "2022-05-03",
            "2022-05-07",
            ("E-CALENDAR-DUPLICATE-DAY", 14, 8),
        ),
        ("\"开斋节\"", "\"\"", ("E-CALENDAR-EMPTY", 10, 8)),
    ] {
        let text = NINGXIA.replacen(from, to, 1);
        assert_eq!(
            refused(CalendarLayer::parse(&text)),
            Some(expected),
            "{from} → {to}"
        );
    }
    for (day, expected) in [
        ("2027-05-03", "E-CALENDAR-OUTSIDE-COVERAGE"),
        ("2022-10-01", "E-CALENDAR-NO-CHANGE"),
    ] {
        let layer = CalendarLayer::parse(&NINGXIA.replacen("2022-05-03", day, 1))?;
        let refusal = refused(Calendar::national()?.with_layer(&layer));
        assert_eq!(refusal, Some((expected, 8, 8)));
    }
    Ok(())
}

/// Cuts a text at a character and puts another text there.
fn mutate(text: &str, at: usize, cut_chars: usize, insert: &str) -> String {
    let head = text.chars().take(at);
    let tail = text.chars().skip(at + cut_chars);
    head.chain(insert.chars()).chain(tail).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = refused(Calendar::parse(&text));
        let _ = refused(CalendarLayer::parse(&text));
    }

    #[test]
    fn no_mutation_of_the_shipped_file_panics(
        at in 0_usize..9_000, cut_chars in 0_usize..12, insert in "[0-9\"\\[\\]=.a-z年\n-]{0,4}"
    ) {
        let text = mutate(NATIONAL_TEXT, at, cut_chars, &insert);
        if let Err(error) = Calendar::parse(&text) {
            prop_assert!(error.place.line <= text.lines().count() + 1);
        }
    }

    #[test]
    fn no_mutation_of_a_layer_panics(
        at in 0_usize..400, cut_chars in 0_usize..12, insert in "[0-9\"\\[\\]=.a-z年\n-]{0,4}"
    ) {
        if let Ok(layer) = CalendarLayer::parse(&mutate(NINGXIA, at, cut_chars, &insert)) {
            let national = Calendar::national();
            let _ = national.map(|national| refused(national.with_layer(&layer)));
        }
    }
}
