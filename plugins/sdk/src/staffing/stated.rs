//! Numbers of staff where there is no roster: what the stations' own entries and the total say.

use super::{Strictness, named, names};
use crate::{Answer, Call, Fields, Finding, Message, Problem, Value, msg};

/// How many people a station has (每站人数).
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// At least.
    pub min: i64,
    /// At most, where the text says so.
    pub max: Option<i64>,
}

impl Range {
    fn message(self) -> Message {
        let min = self.min;
        match self.max {
            Some(max) => msg(
                format!("每站 {min}—{max} 名"),
                format!("{min} to {max} staff a station"),
            ),
            None => msg(
                format!("每站不少于 {min} 名"),
                format!("at least {min} staff a station"),
            ),
        }
    }

    fn contains(self, staff: i64) -> bool {
        staff >= self.min && self.max.is_none_or(|max| staff <= max)
    }

    /// The same for several stations together; `None` where the number is out of all bounds.
    fn times(self, stations: i64) -> Option<Self> {
        let max = match self.max {
            Some(max) => Some(max.checked_mul(stations)?),
            None => None,
        };
        let min = self.min.checked_mul(stations)?;
        Some(Self { min, max })
    }
}

/// Holds what is known without a roster against the numbers of a station.
///
/// `stations[].staff` tells station by station. Where stations have no numbers of their own, `staff.total`
/// tells whether it can be enough for all. Where neither is known nothing is said: the roster is asked for.
///
/// # Errors
/// A [`Problem`] when a fact has another type.
pub fn without_roster(
    answer: &mut Answer,
    call: &Call<'_>,
    range: Range,
    (rule, strictness): (&str, Strictness),
) -> Result<(), Problem> {
    if let Some(Value::Rows(_)) = call.facts.get("stations") {
        let stations = call.facts.rows("stations")?.unwrap_or_default();
        if each(answer, &stations, range, (rule, strictness))? {
            return Ok(());
        }
    }
    let stations = call.facts.count("stations")?.filter(|count| *count > 0);
    let Some((stations, total)) = stations.zip(call.facts.int("staff.total")?) else {
        return Ok(());
    };
    let all = range
        .times(stations)
        .ok_or_else(|| Problem::bad_request("stations"))?;
    let each = range.message();
    let (sum_zh, sum_en) = match all.max {
        Some(max) => (
            format!("共 {}—{max} 名", all.min),
            format!("{} to {max} in all", all.min),
        ),
        None => (
            format!("共须 {} 名", all.min),
            format!("{} in all", all.min),
        ),
    };
    let zh = format!("{stations} 站{}，{sum_zh}，现有 {total} 名", each.zh);
    let en = format!(
        "{stations} stations, {}, {sum_en}; there are {total}",
        each.en
    );
    let finding = if all.contains(total) {
        let (zh, en) = (
            format!("{zh}；各站人数请按名册核对"),
            format!("{en}; check each station by the roster"),
        );
        Finding::informative(rule, msg(zh, en))
    } else {
        strictness.finding(rule, msg(zh, en))
    };
    answer.find(finding.on(&["stations", "staff.total"]));
    Ok(())
}

/// Station by station; false where no station says how many it has.
fn each(
    answer: &mut Answer,
    stations: &[Fields<'_>],
    range: Range,
    (rule, strictness): (&str, Strictness),
) -> Result<bool, Problem> {
    let (mut outside, mut open) = (Vec::new(), Vec::new());
    for station in stations {
        let id = station
            .text("id")?
            .ok_or_else(|| Problem::missing_field(&station.place(), "id"))?;
        match station.int("staff")? {
            None => open.push(id),
            Some(staff) if !range.contains(staff) => outside.push((id, staff)),
            Some(_) => {}
        }
    }
    if open.len() == stations.len() {
        return Ok(false);
    }
    let unit = ("站", "stations");
    let wanted = range.message();
    if let Some(list) = named(&outside, unit) {
        let zh = format!("{}：{}", wanted.zh, list.zh);
        let en = format!("{}: {}", wanted.en, list.en);
        answer.find(strictness.finding(rule, msg(zh, en)).on(&["stations"]));
    }
    if let Some(list) = names(&open, unit) {
        let zh = format!("以下社工站未填人数：{}", list.zh);
        let en = format!("stations whose staff is missing: {}", list.en);
        answer.find(Finding::input_required(rule, "stations", msg(zh, en)));
    }
    if outside.is_empty() && open.is_empty() {
        let zh = format!("{} 站均符合{}", stations.len(), wanted.zh);
        let en = format!("all {} stations have {}", stations.len(), wanted.en);
        answer.find(Finding::informative(rule, msg(zh, en)).on(&["stations"]));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Facts, Parameters, Severity,
        staffing::tests::{facts, row},
        testing::PlainCalendar,
    };

    fn judged(facts: &Facts, range: Range) -> Result<Vec<(Severity, String)>, Problem> {
        let call = Call {
            today: "2022-03-01"
                .parse()
                .map_err(|_| Problem::bad_request("today"))?,
            transition: "",
            facts,
            parameters: &Parameters::default(),
            host: &PlainCalendar::default(),
        };
        let mut answer = Answer::new();
        without_roster(&mut answer, &call, range, ("X-1", Strictness::Binding))?;
        let findings = answer.findings.into_iter();
        Ok(findings.map(|f| (f.severity, f.message.zh)).collect())
    }

    #[test]
    fn each_station_counts_where_it_says_how_many() -> Result<(), Problem> {
        let station = |id: &str, staff: i64| row(&[("id", id.into()), ("staff", staff.into())]);
        let rows = vec![
            station("甲站", 1),
            station("乙站", 4),
            row(&[("id", "丙站".into())]),
        ];
        let facts = facts(vec![
            ("stations", Value::Rows(rows)),
            ("staff.total", 9.into()),
        ]);
        let max = Some(3);
        let found = judged(&facts, Range { min: 2, max })?;
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[0],
            (Severity::Error, "每站 2—3 名：甲站 1、乙站 4".to_owned())
        );
        assert_eq!(found[1].1, "以下社工站未填人数：丙站");
        let found = judged(&facts, Range { min: 1, max: None })?;
        assert_eq!(found.len(), 1, "{found:?}");
        Ok(())
    }

    #[test]
    fn a_total_tells_only_whether_it_can_be_enough() -> Result<(), Problem> {
        for (total, severity) in [
            (9, Severity::Error),
            (10, Severity::Info),
            (15, Severity::Info),
            (16, Severity::Error),
        ] {
            let facts = facts(vec![("stations", 5.into()), ("staff.total", total.into())]);
            let range = Range {
                min: 2,
                max: Some(3),
            };
            let found = judged(&facts, range)?;
            assert_eq!(found[0].0, severity, "{total}");
        }
        let nothing = facts(vec![("stations", 5.into())]);
        let found = judged(&nothing, Range { min: 2, max: None })?;
        assert!(found.is_empty(), "{found:?}");
        Ok(())
    }
}
