//! People and stations (人员配备): what a roster and a table of training hours add up to.
//!
//! Nothing here knows a limit: numbers are parameters of the package, and so is how strict they are.

mod hours;
mod limits;
mod stated;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::{Answer, Call, Facts, Fields, Finding, Message, Problem, Scalar, Value, msg};

pub use hours::Hours;
pub use limits::{Education, Limits, Onboard, education_parameter, full_years};
pub use stated::{Range, without_roster};
pub use words::{Level, Role, ask_levels, ask_roles};

/// How many stations or people a message names; the rest is counted.
const NAMED_MAX: usize = 5;

/// The people of one station (站点).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Station {
    /// Station workers.
    pub staff: i64,
    /// Those of them who are known to be qualified.
    pub qualified: i64,
    /// Those of whom it is not known.
    pub unknown: i64,
}

/// What a person on the roster is to a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// A station worker (驻站社工); `None` while it is unknown whether qualified.
    Worker(Option<bool>),
    /// Somebody who works for the project but is no station worker, such as its manager.
    Elsewhere,
}

/// What is known of the stations beside the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// All are listed by id; each of them has to be staffed.
    Listed,
    /// Only their number.
    Counted(i64),
    /// Nothing.
    Nothing,
}

/// How binding a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// 应当, 不少于: an error.
    Binding,
    /// 原则上, 一般: a warning, to be justified.
    InPrinciple,
}

impl Strictness {
    /// The finding for a number that is not met.
    #[must_use]
    pub fn finding(self, rule: &str, message: Message) -> Finding {
        match self {
            Self::Binding => Finding::violation(rule, message),
            Self::InPrinciple => Finding::deviation(rule, message),
        }
    }
}

/// A roster, station by station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// By the station's id.
    pub stations: BTreeMap<String, Station>,
    /// Station workers without a station.
    pub homeless: i64,
    /// What is known of the stations beside the roster.
    pub known: Known,
}

impl Tally {
    /// Counts a roster; `member` says what a person is.
    ///
    /// # Errors
    /// A [`Problem`] when `stations` or a field has another type, or a listed station has no id.
    pub fn count(
        facts: &Facts,
        roster: &[Fields<'_>],
        mut member: impl FnMut(&Fields<'_>) -> Result<Member, Problem>,
    ) -> Result<Self, Problem> {
        let mut tally = Self::declared(facts)?;
        for person in roster {
            let Member::Worker(qualified) = member(person)? else {
                continue;
            };
            let Some(id) = person.text("station")? else {
                tally.homeless += 1;
                continue;
            };
            let station = tally.stations.entry(id.to_owned()).or_default();
            station.staff += 1;
            match qualified {
                Some(true) => station.qualified += 1,
                Some(false) => {}
                None => station.unknown += 1,
            }
        }
        Ok(tally)
    }

    fn declared(facts: &Facts) -> Result<Self, Problem> {
        let mut stations = BTreeMap::new();
        let known = match facts.get("stations") {
            None => Known::Nothing,
            Some(Value::Rows(_)) => {
                for row in facts.rows("stations")?.unwrap_or_default() {
                    let id = row
                        .text("id")?
                        .ok_or_else(|| Problem::missing_field(&row.place(), "id"))?;
                    stations.insert(id.to_owned(), Station::default());
                }
                Known::Listed
            }
            Some(_) => Known::Counted(facts.count("stations")?.unwrap_or_default()),
        };
        Ok(Self {
            stations,
            homeless: 0,
            known,
        })
    }

    /// Asks for stations that are unknown and for people without one.
    pub fn ask(&self, answer: &mut Answer, rule: &str) {
        if self.known == Known::Nothing {
            let message = msg(
                "缺少社工站名单或数量，只核对名册中的站点",
                "stations are missing; only those on the roster are checked",
            );
            answer.find(Finding::input_required(rule, "stations", message));
        }
        if self.homeless > 0 {
            let zh = format!("名册有 {} 人未填所在社工站", self.homeless);
            let en = format!("{} person(s) on the roster have no station", self.homeless);
            answer.find(Finding::input_required(rule, "staff.roster", msg(zh, en)));
        }
    }

    /// Reports stations with fewer than `min` workers, and stations that nobody on the roster is at.
    pub fn at_least(&self, answer: &mut Answer, min: i64, (rule, strictness): (&str, Strictness)) {
        let short = self.select(|station| (station.staff < min).then_some(station.staff));
        if let Some(list) = named(&short, ("站", "stations")) {
            let zh = format!("每站不少于 {min} 名：{}", list.zh);
            let en = format!("at least {min} staff a station: {}", list.en);
            answer.find(strictness.finding(rule, msg(zh, en)).on(&["staff.roster"]));
        }
        let staffed = i64::try_from(self.stations.len()).unwrap_or(i64::MAX);
        if let Known::Counted(total) = self.known
            && staffed < total
        {
            let zh = format!("共 {total} 站，名册只有 {staffed} 站有人");
            let en = format!("{total} stations, but the roster staffs only {staffed}");
            let finding = strictness.finding(rule, msg(zh, en));
            answer.find(finding.on(&["stations", "staff.roster"]));
        }
    }

    /// The stations for which `test` answers a number, in the order of their ids.
    pub fn select(&self, test: impl Fn(&Station) -> Option<i64>) -> Vec<(&str, i64)> {
        let stations = self.stations.iter();
        stations
            .filter_map(|(id, station)| Some((id.as_str(), test(station)?)))
            .collect()
    }
}

/// `甲站 1、乙站 4 等 7 站`: the first five by name and number, the rest counted; `None` for none.
#[must_use]
pub fn named(items: &[(&str, i64)], (zh_unit, en_unit): (&str, &str)) -> Option<Message> {
    let first: Vec<String> = items
        .iter()
        .take(NAMED_MAX)
        .map(|(id, number)| format!("{id} {number}"))
        .collect();
    join(&first, items.len(), (zh_unit, en_unit))
}

/// `甲、乙 等 7 人`: the first five by name, the rest counted; `None` for none.
#[must_use]
pub fn names(items: &[&str], (zh_unit, en_unit): (&str, &str)) -> Option<Message> {
    let first: Vec<String> = items
        .iter()
        .take(NAMED_MAX)
        .map(|id| (*id).to_owned())
        .collect();
    join(&first, items.len(), (zh_unit, en_unit))
}

fn join(first: &[String], total: usize, (zh_unit, en_unit): (&str, &str)) -> Option<Message> {
    let (mut zh, mut en) = (first.join("、"), first.join(", "));
    if total > first.len() {
        zh.push_str(&format!(" 等 {total} {zh_unit}"));
        en.push_str(&format!(" … ({total} {en_unit})"));
    }
    (total > 0).then(|| msg(zh, en))
}

/// Finds stations that are listed more than once: their people would be counted for each.
///
/// # Errors
/// A [`Problem`] when `stations` or an id has another type.
pub fn stations_once(answer: &mut Answer, call: &Call<'_>, rule: &str) -> Result<(), Problem> {
    if !matches!(call.facts.get("stations"), Some(Value::Rows(_))) {
        return Ok(());
    }
    let rows = call.facts.rows("stations")?.unwrap_or_default();
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for row in &rows {
        if let Some(id) = row.text("id")?
            && !seen.insert(id)
        {
            twice.insert(id);
        }
    }
    let twice: Vec<&str> = twice.into_iter().collect();
    if let Some(list) = names(&twice, ("站", "stations")) {
        let zh = format!("社工站名单中重复出现：{}", list.zh);
        let en = format!("stations listed more than once: {}", list.en);
        answer.find(Finding::violation(rule, msg(zh, en)).on(&["stations"]));
    }
    Ok(())
}

/// The id of a person on the roster; a running number where there is none.
///
/// # Errors
/// A [`Problem`] when the field has another type.
pub fn person_id(person: &Fields<'_>, index: usize) -> Result<String, Problem> {
    Ok(match person.text("id")? {
        Some(id) => id.to_owned(),
        None => format!("#{}", index + 1),
    })
}

/// The texts that a table of the overlay lists under `field`.
///
/// # Errors
/// A [`Problem`] when the parameter is absent or has another type.
pub fn listed<'c>(
    call: &'c Call<'_>,
    parameter: &str,
    field: &str,
) -> Result<BTreeSet<&'c str>, Problem> {
    let parameter_value = &call.parameters.get(parameter)?.value;
    let Value::Rows(rows) = parameter_value else {
        return Err(Problem::wrong_parameter(
            parameter,
            "rows",
            parameter_value.kind(),
        ));
    };
    let texts = rows.iter().filter_map(|row| match row.get(field) {
        Some(Scalar::Text(text)) => Some(text.as_str()),
        _ => None,
    });
    Ok(texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Row;

    pub(super) fn row(fields: &[(&str, Scalar)]) -> Row {
        let fields = fields.iter();
        fields
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    pub(super) fn facts(entries: Vec<(&str, Value)>) -> Facts {
        let entries = entries.into_iter();
        entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    #[test]
    fn listed_stations_count_even_without_people() -> Result<(), Problem> {
        let at = |station: &str| row(&[("station", station.into())]);
        let stations = vec![row(&[("id", "甲站".into())]), row(&[("id", "乙站".into())])];
        let facts = facts(vec![
            ("stations", Value::Rows(stations)),
            (
                "staff.roster",
                Value::Rows(vec![at("甲站"), at("甲站"), Row::new()]),
            ),
        ]);
        let roster = facts.rows("staff.roster")?.unwrap_or_default();
        let tally = Tally::count(&facts, &roster, |_| Ok(Member::Worker(None)))?;
        assert_eq!(tally.homeless, 1);
        assert_eq!(tally.stations["甲站"].staff, 2);
        let mut answer = Answer::new();
        tally.at_least(&mut answer, 2, ("X-1", Strictness::Binding));
        assert_eq!(answer.findings.len(), 1);
        assert_eq!(answer.findings[0].message.zh, "每站不少于 2 名：乙站 0");
        Ok(())
    }

    #[test]
    fn a_number_of_stations_needs_as_many_staffed_ones() -> Result<(), Problem> {
        let facts = facts(vec![("stations", 2.into())]);
        let tally = Tally::count(&facts, &[], |_| Ok(Member::Elsewhere))?;
        let mut answer = Answer::new();
        tally.at_least(&mut answer, 2, ("X-1", Strictness::InPrinciple));
        assert_eq!(answer.findings.len(), 1);
        assert_eq!(answer.findings[0].severity, crate::Severity::Warning);
        Ok(())
    }

    #[test]
    fn long_lists_are_cut() {
        let ids = ["a", "b", "c", "d", "e", "f", "g"];
        let cut = names(&ids, ("人", "people")).unwrap_or_default();
        assert_eq!(cut.zh, "a、b、c、d、e 等 7 人");
        assert_eq!(cut.en, "a, b, c, d, e … (7 people)");
        assert_eq!(names(&[], ("人", "people")), None);
        let all = named(&[("a", 1)], ("站", "stations")).unwrap_or_default();
        assert_eq!(all.zh, "a 1");
    }
}
