//! People and stations (人员配备): what a roster and a table of training hours add up to.
//!
//! Nothing here knows a limit: numbers are parameters of the package, and so is how strict they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Answer, Call, Date, Facts, Fields, Finding, Message, Problem, Scalar, Value, msg};

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
    listed(&first, items.len(), (zh_unit, en_unit))
}

/// `甲、乙 等 7 人`: the first five by name, the rest counted; `None` for none.
#[must_use]
pub fn names(items: &[&str], (zh_unit, en_unit): (&str, &str)) -> Option<Message> {
    let first: Vec<String> = items
        .iter()
        .take(NAMED_MAX)
        .map(|id| (*id).to_owned())
        .collect();
    listed(&first, items.len(), (zh_unit, en_unit))
}

fn listed(first: &[String], total: usize, (zh_unit, en_unit): (&str, &str)) -> Option<Message> {
    let (mut zh, mut en) = (first.join("、"), first.join(", "));
    if total > first.len() {
        zh.push_str(&format!(" 等 {total} {zh_unit}"));
        en.push_str(&format!(" … ({total} {en_unit})"));
    }
    (total > 0).then(|| msg(zh, en))
}

/// A level of education (学历).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Education {
    /// 初中, 高中, 中专.
    Secondary,
    /// 大专.
    College,
    /// 本科.
    Bachelor,
    /// 硕士.
    Master,
    /// 博士.
    Doctor,
}

impl Education {
    /// Reads what people write; `None` for anything else, which is to be asked for.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "初中" | "高中" | "中专" | "职高" | "技校" | "secondary" | "high-school" => {
                Self::Secondary
            }
            "大专" | "专科" | "大学专科" | "高职" | "college" | "associate" | "junior-college" => {
                Self::College
            }
            "本科" | "大学本科" | "大学" | "学士" | "bachelor" | "undergraduate" => {
                Self::Bachelor
            }
            "硕士" | "研究生" | "硕士研究生" | "master" | "postgraduate" => Self::Master,
            "博士" | "博士研究生" | "doctor" | "phd" => Self::Doctor,
            _ => return None,
        })
    }
}

/// Limits of age and education (年龄、学历) for station workers.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The highest age that is allowed, in whole years.
    pub age_max: i64,
    /// Ages on the roster are those of the day on board; the years since then count too.
    pub ageing: bool,
    /// The lowest education that is allowed.
    pub education_min: Education,
    /// The rule that sets them.
    pub rule: &'a str,
    /// How binding they are.
    pub strictness: Strictness,
}

impl Limits<'_> {
    /// Holds people against the limits; what is missing is asked for.
    ///
    /// # Errors
    /// A [`Problem`] when a field or `staff.onboard` has another type.
    pub fn judge(
        &self,
        answer: &mut Answer,
        call: &Call<'_>,
        people: &[(String, &Fields<'_>)],
    ) -> Result<(), Problem> {
        let (mut old, mut low) = (Vec::new(), Vec::new());
        let (mut ageless, mut unknown) = (Vec::new(), Vec::new());
        for (id, person) in people {
            match person.int("age")? {
                None => ageless.push(id.as_str()),
                Some(age) => {
                    let since = if self.ageing {
                        onboard(call, id)?
                    } else {
                        None
                    };
                    let age =
                        age.saturating_add(since.map_or(0, |day| full_years(day, call.today)));
                    if age > self.age_max {
                        old.push((id.as_str(), age));
                    }
                }
            }
            match person.text("education")?.map(Education::read) {
                None | Some(None) => unknown.push(id.as_str()),
                Some(Some(level)) if level < self.education_min => low.push(id.as_str()),
                Some(Some(_)) => {}
            }
        }
        let unit = ("人", "people");
        if let Some(list) = named(&old, unit) {
            let zh = format!(
                "年龄不超过 {} 周岁，以下人员超过：{}",
                self.age_max, list.zh
            );
            let en = format!("older than {}: {}", self.age_max, list.en);
            self.find(answer, msg(zh, en));
        }
        if let Some(list) = names(&low, unit) {
            let zh = format!("以下人员学历不足：{}", list.zh);
            let en = format!("education below what is demanded: {}", list.en);
            self.find(answer, msg(zh, en));
        }
        if let Some(list) = names(&ageless, unit) {
            let message = msg(
                format!("未填年龄：{}", list.zh),
                format!("the age is missing: {}", list.en),
            );
            answer.find(Finding::input_required(self.rule, "staff.roster", message));
        }
        if let Some(list) = names(&unknown, unit) {
            let message = msg(
                format!("学历未填或无法识别：{}", list.zh),
                format!("the education is missing or not understood: {}", list.en),
            );
            answer.find(Finding::input_required(self.rule, "staff.roster", message));
        }
        Ok(())
    }

    fn find(&self, answer: &mut Answer, message: Message) {
        let finding = self.strictness.finding(self.rule, message);
        answer.find(finding.on(&["staff.roster"]));
    }
}

/// The level of education that a parameter of type text sets, and its rule.
///
/// # Errors
/// A [`Problem`] when the parameter is absent, no text or no level.
pub fn education_parameter<'c>(
    call: &'c Call<'_>,
    key: &str,
) -> Result<(Education, &'c str), Problem> {
    let parameter = call.parameters.get(key)?;
    let level = match &parameter.value {
        Value::One(Scalar::Text(text)) => Education::read(text),
        _ => None,
    };
    level
        .map(|level| (level, parameter.rule.as_str()))
        .ok_or_else(|| {
            Problem::wrong_parameter(key, "a level of education", parameter.value.kind())
        })
}

/// Whole years from one day to another, as ages are counted; none before the first day.
#[must_use]
pub fn full_years(from: Date, to: Date) -> i64 {
    let years = i64::from(to.year()) - i64::from(from.year());
    let reached = (to.month(), to.day()) >= (from.month(), from.day());
    (years - i64::from(!reached)).max(0)
}

/// The day a person came on board (到岗): the day of that id, or the one day given for all.
///
/// # Errors
/// A [`Problem`] when `staff.onboard` has another type.
pub fn onboard(call: &Call<'_>, id: &str) -> Result<Option<Date>, Problem> {
    let Some(Value::Rows(_)) = call.facts.get("staff.onboard") else {
        return call.facts.date("staff.onboard");
    };
    for row in call.facts.rows("staff.onboard")?.unwrap_or_default() {
        if row.text("id")? == Some(id) {
            return row.date("date");
        }
    }
    Ok(None)
}

/// Hours of training (学时), by person and year.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hours {
    rows: BTreeMap<String, BTreeMap<Option<i64>, i64>>,
    /// Rows that give no hours.
    pub incomplete: i64,
}

impl Hours {
    /// Reads a list of `{id, hours, year}`; `None` where there is none.
    ///
    /// # Errors
    /// A [`Problem`] when the fact or a field has another type, or a row has no id.
    pub fn read(facts: &Facts, key: &str) -> Result<Option<Self>, Problem> {
        let Some(rows) = facts.rows(key)? else {
            return Ok(None);
        };
        let mut hours = Self::default();
        for row in rows {
            let id = row
                .text("id")?
                .ok_or_else(|| Problem::missing_field(&row.place(), "id"))?;
            let Some(count) = row.int("hours")? else {
                hours.incomplete += 1;
                continue;
            };
            let year = row.int("year")?;
            let sum = hours.rows.entry(id.to_owned()).or_default();
            let sum = sum.entry(year).or_default();
            *sum = sum.saturating_add(count);
        }
        Ok(Some(hours))
    }

    /// All hours of a person.
    #[must_use]
    pub fn total(&self, id: &str) -> i64 {
        let years = self.rows.get(id);
        years.map_or(0, |years| {
            years.values().fold(0, |sum, n| sum.saturating_add(*n))
        })
    }

    /// The hours of a person in one year.
    #[must_use]
    pub fn in_year(&self, id: &str, year: i64) -> i64 {
        let years = self.rows.get(id);
        years
            .and_then(|years| years.get(&Some(year)))
            .copied()
            .unwrap_or_default()
    }

    /// The years for which anybody has hours.
    #[must_use]
    pub fn years(&self) -> BTreeSet<i64> {
        let years = self.rows.values().flat_map(BTreeMap::keys);
        years.filter_map(|year| *year).collect()
    }
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

/// Whether a text is one of those that a table of the overlay lists under `field`.
///
/// # Errors
/// A [`Problem`] when the parameter is absent or has another type.
pub fn is_listed(
    call: &Call<'_>,
    (parameter, field): (&str, &str),
    text: &str,
) -> Result<bool, Problem> {
    let (rows, _) = call.parameters.rows(parameter)?;
    Ok(rows
        .iter()
        .any(|row| matches!(row.get(field), Some(Scalar::Text(known)) if known == text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Row;

    fn row(fields: &[(&str, Scalar)]) -> Row {
        let fields = fields.iter();
        fields
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    fn facts(entries: Vec<(&str, Value)>) -> Facts {
        let entries = entries.into_iter();
        entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    fn day(text: &str) -> Result<Date, crate::NumberError> {
        text.parse()
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

    #[test]
    fn ages_are_counted_in_whole_years() -> Result<(), crate::NumberError> {
        assert_eq!(full_years(day("2021-09-01")?, day("2023-08-31")?), 1);
        assert_eq!(full_years(day("2021-09-01")?, day("2023-09-01")?), 2);
        assert_eq!(full_years(day("2024-02-29")?, day("2025-02-28")?), 0);
        assert_eq!(full_years(day("2024-02-29")?, day("2025-03-01")?), 1);
        assert_eq!(full_years(day("2024-02-29")?, day("2023-01-01")?), 0);
        Ok(())
    }

    #[test]
    fn hours_add_up_by_person_and_year() -> Result<(), Problem> {
        let entry = |id: &str, hours: i64, year: i64| {
            row(&[
                ("id", id.into()),
                ("hours", hours.into()),
                ("year", year.into()),
            ])
        };
        let facts = facts(vec![(
            "training",
            Value::Rows(vec![
                entry("a", 40, 2022),
                entry("a", 20, 2022),
                entry("a", 8, 2023),
                row(&[("id", "b".into())]),
            ]),
        )]);
        let hours = Hours::read(&facts, "training")?.unwrap_or_default();
        assert_eq!((hours.total("a"), hours.total("b")), (68, 0));
        assert_eq!(
            (hours.in_year("a", 2022), hours.in_year("a", 2021)),
            (60, 0)
        );
        assert_eq!(hours.years(), BTreeSet::from([2022, 2023]));
        assert_eq!(hours.incomplete, 1);
        assert_eq!(Hours::read(&facts, "other")?, None);
        Ok(())
    }

    #[test]
    fn levels_of_education_are_ordered() {
        let level = Education::read;
        assert!(level("大专") >= Some(Education::College));
        assert!(level("本科") > level("大专") && level("中专") < level("大专"));
        assert_eq!(level("?"), None);
    }
}
