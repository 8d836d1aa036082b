//! The work calendar (工作日历): which days are working days.
//!
//! A working day is a weekday that is no holiday, or a weekend day worked instead (调休).
//! The calendar is layered: the State Council's notices first, then what a province or an
//! agency adds (全国年节及纪念日放假办法 art. 4). It never guesses: outside the years whose
//! notice is entered the answer is `None`.
//!
//! A notice for the next year may still change the last days of December.

mod error;
mod layer;
mod parse;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

pub use error::{CalendarError, CalendarProblem, Place};
pub use layer::CalendarLayer;

/// The text of the national layer, as shipped.
const NATIONAL_TEXT: &str = include_str!("../../../../workflows/calendars/cn.toml");

/// What a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DayKind {
    /// Monday to Friday, no holiday.
    Workday,
    /// A day that is worked although it would be a rest day (调休上班).
    MakeUpWorkday,
    /// A plain Saturday or Sunday.
    Weekend,
    /// A day of an official holiday (节假日), whatever its weekday.
    Holiday,
}

impl DayKind {
    /// Tells whether people work on such a day.
    pub fn is_working(self) -> bool {
        matches!(self, Self::Workday | Self::MakeUpWorkday)
    }
}

/// Who decided about a day: the wider layer comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The State Council.
    National,
    /// A province, autonomous region or municipality.
    Province,
    /// One agency, for its own offices.
    Agency,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::National => "national",
            Self::Province => "province",
            Self::Agency => "agency",
        })
    }
}

/// One day as the calendar sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day<'a> {
    /// The day.
    pub date: NaiveDate,
    /// What the day is.
    pub kind: DayKind,
    /// The holiday, or the holiday for which the day is made up.
    pub name: Option<&'a str>,
    /// The notice or rule that says so; `None` for plain weekdays and weekends.
    pub source: Option<&'a str>,
    /// The layer that says so; plain weekdays and weekends are national.
    pub layer: Layer,
}

impl<'a> Day<'a> {
    /// Tells whether people work on this day.
    pub fn is_working(&self) -> bool {
        self.kind.is_working()
    }

    /// Tells whether this is a holiday of the State Council (国家法定节假日).
    pub fn is_national_holiday(&self) -> bool {
        self.kind == DayKind::Holiday && self.layer == Layer::National
    }

    /// Returns the words to show beside the date; `None` for a plain weekday.
    pub fn remark(&self) -> Option<&'a str> {
        match self.kind {
            DayKind::Workday => None,
            DayKind::MakeUpWorkday => Some("调休上班"),
            DayKind::Weekend => Some("周末"),
            DayKind::Holiday => Some(self.name.unwrap_or("节假日")),
        }
    }
}

/// A day on which the calendar differs from the plain week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Exception {
    works: bool,
    #[serde(with = "shared")]
    name: Arc<str>,
    #[serde(with = "shared")]
    source: Arc<str>,
    layer: Layer,
}

/// A layer that was put into a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LayerId {
    id: String,
    layer: Layer,
}

/// A work calendar: the national layer and the layers put on it.
///
/// Its JSON form is kept with the projects that went by it, so that what was computed can be computed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    layers: Vec<LayerId>,
    top_id: String,
    version: String,
    first: NaiveDate,
    last: NaiveDate,
    exceptions: BTreeMap<NaiveDate, Exception>,
}

impl Calendar {
    /// Returns the national calendar shipped with the program.
    ///
    /// An error here would be a mistake in the shipped file; a test proves there is none.
    pub fn national() -> Result<&'static Self, CalendarError> {
        static NATIONAL: OnceLock<Result<Calendar, CalendarError>> = OnceLock::new();
        NATIONAL
            .get_or_init(|| Self::parse(NATIONAL_TEXT))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Reads a national calendar file.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        parse::national(text)
    }

    /// Puts a layer on top and returns the new calendar.
    ///
    /// The layer must extend a calendar that is part of this one, must not be wider than
    /// the layers below, and every one of its days must change something.
    pub fn with_layer(&self, layer: &CalendarLayer) -> Result<Self, CalendarError> {
        layer.check_base(self)?;
        let mut layered = self.clone();
        for entry in &layer.days {
            layer.check_day(self, entry)?;
            let exception = Exception {
                works: entry.works,
                name: Arc::clone(&entry.name),
                source: Arc::clone(&entry.source),
                layer: layer.layer,
            };
            layered.exceptions.insert(entry.date, exception);
        }
        layered.layers.push(LayerId {
            id: layer.id.clone(),
            layer: layer.layer,
        });
        layered.top_id.clone_from(&layer.id);
        layered.version = format!("{}+{}@{}", self.version, layer.id, layer.version);
        Ok(layered)
    }

    /// Returns the id of the topmost layer, for example `cn` or `ningxia`.
    pub fn id(&self) -> &str {
        &self.top_id
    }

    /// Returns the version with all layers, for example `cn@2026.1+ningxia@1`.
    ///
    /// A deadline stored with this text can be computed again the same way.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the first and the last day the calendar knows.
    pub fn coverage(&self) -> RangeInclusive<NaiveDate> {
        self.first..=self.last
    }

    /// Tells whether the calendar knows this day.
    pub fn covers(&self, date: NaiveDate) -> bool {
        self.first <= date && date <= self.last
    }

    /// Returns what a day is; `None` outside the coverage.
    pub fn day(&self, date: NaiveDate) -> Option<Day<'_>> {
        if !self.covers(date) {
            return None;
        }
        let plain = Day {
            date,
            kind: if is_weekend(date) {
                DayKind::Weekend
            } else {
                DayKind::Workday
            },
            name: None,
            source: None,
            layer: Layer::National,
        };
        let Some(exception) = self.exceptions.get(&date) else {
            return Some(plain);
        };
        let kind = if exception.works {
            DayKind::MakeUpWorkday
        } else {
            DayKind::Holiday
        };
        Some(Day {
            kind,
            name: Some(&exception.name),
            source: Some(&exception.source),
            layer: exception.layer,
            ..plain
        })
    }

    /// Tells whether a day is worked; `None` outside the coverage.
    pub fn is_working(&self, date: NaiveDate) -> Option<bool> {
        self.day(date).map(|day| day.is_working())
    }
}

/// Texts that many days share.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

/// Tells whether a date is a Saturday or Sunday.
fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests;
