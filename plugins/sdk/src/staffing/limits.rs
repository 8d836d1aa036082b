//! Ages and education of people, and when they came on board.

use std::collections::BTreeMap;

use super::{Strictness, named, names};
use crate::{Answer, Call, Date, Facts, Fields, Finding, Message, Problem, Scalar, Value, msg};

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
        let onboard = if self.ageing {
            Onboard::read(call.facts)?
        } else {
            Onboard::Together(None)
        };
        for (id, person) in people {
            match person.int("age")? {
                None => ageless.push(id.as_str()),
                Some(age) => {
                    let since = onboard.of(id);
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

/// The days on which people came on board (到岗), read once: rosters may be long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Onboard<'f> {
    /// One day for all; `None` while it is unknown.
    Together(Option<Date>),
    /// A day for each person.
    Each(BTreeMap<&'f str, Date>),
}

impl<'f> Onboard<'f> {
    /// Reads `staff.onboard`.
    ///
    /// # Errors
    /// A [`Problem`] when it has another type.
    pub fn read(facts: &'f Facts) -> Result<Self, Problem> {
        let Some(Value::Rows(rows)) = facts.get("staff.onboard") else {
            return facts.date("staff.onboard").map(Self::Together);
        };
        let days = rows
            .iter()
            .filter_map(|row| match (row.get("id"), row.get("date")) {
                (Some(Scalar::Text(id)), Some(Scalar::Date(date))) => Some((id.as_str(), *date)),
                _ => None,
            });
        Ok(Self::Each(days.collect()))
    }

    /// The day of a person.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<Date> {
        match self {
            Self::Together(day) => *day,
            Self::Each(days) => days.get(id).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Row,
        staffing::tests::{facts, row},
    };

    fn day(text: &str) -> Result<Date, crate::NumberError> {
        text.parse()
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
    fn levels_of_education_are_ordered() {
        let level = Education::read;
        assert!(level("大专") >= Some(Education::College));
        assert!(level("本科") > level("大专") && level("中专") < level("大专"));
        assert_eq!(level("?"), None);
    }

    #[test]
    fn people_come_on_board_together_or_one_by_one() -> Result<(), Box<dyn std::error::Error>> {
        let date = day("2021-09-01")?;
        let one = facts(vec![("staff.onboard", date.into())]);
        assert_eq!(Onboard::read(&one)?.of("a"), Some(date));
        let each = vec![
            row(&[("id", "a".into()), ("date", date.into())]),
            Row::new(),
        ];
        let each = facts(vec![("staff.onboard", Value::Rows(each))]);
        let each = Onboard::read(&each)?;
        assert_eq!((each.of("a"), each.of("b")), (Some(date), None));
        assert_eq!(Onboard::read(&facts(Vec::new()))?.of("a"), None);
        let wrong = facts(vec![("staff.onboard", 3.into())]);
        assert!(Onboard::read(&wrong).is_err());
        Ok(())
    }
}
