//! Hours of training.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Facts, Problem};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Value,
        staffing::tests::{facts, row},
    };

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
}
