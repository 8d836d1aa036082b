//! What can be wrong with a calendar file, and where.

use std::fmt;

use chrono::NaiveDate;
use thiserror::Error;

use super::Layer;

/// A place in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

impl Place {
    /// Finds the place of a byte offset. An offset past the end is the end.
    pub(super) fn of(text: &str, offset_bytes: usize) -> Self {
        let mut place = Self { line: 1, column: 1 };
        for (at, character) in text.char_indices() {
            if at >= offset_bytes {
                break;
            }
            if character == '\n' {
                place.line += 1;
                place.column = 1;
            } else {
                place.column += 1;
            }
        }
        place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A calendar file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {problem}")]
pub struct CalendarError {
    /// Where in the file.
    pub place: Place,
    /// What is wrong there.
    pub problem: CalendarProblem,
}

impl CalendarError {
    /// Returns the stable code of the problem.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// Returns one sentence that says what to do.
    pub fn hint(&self) -> &'static str {
        self.problem.hint()
    }
}

/// The kinds of mistakes in a calendar file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalendarProblem {
    /// The text is not TOML, or a key is missing, unknown or of the wrong type.
    #[error("the file does not have the form of a calendar: {message}")]
    Syntax {
        /// What the TOML reader says.
        message: String,
    },
    /// The file is of a form that this program does not know.
    #[error("schema {found} is not known")]
    Schema {
        /// The number in the file.
        found: i64,
    },
    /// The file belongs to another layer than the one asked for.
    #[error("layer `{found}` does not belong here")]
    Layer {
        /// The word in the file.
        found: String,
    },
    /// An id or version has characters that would make the composed version ambiguous.
    #[error("`{found}` cannot be an id or a version")]
    Name {
        /// The text in the file.
        found: String,
    },
    /// A text that must say something is empty.
    #[error("`{key}` is empty")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// The national layer lists no year, or a year lists no holiday.
    #[error("{what} has no entries")]
    NoEntries {
        /// What is without entries.
        what: String,
    },
    /// A year lies outside the years for which calendars are kept.
    #[error("the year {found} is out of range")]
    YearRange {
        /// The number in the file.
        found: i64,
    },
    /// The years are not consecutive.
    #[error("the year {found} does not follow {previous}")]
    YearGap {
        /// The year before this one in the file.
        previous: i32,
        /// The year found.
        found: i32,
    },
    /// A text is not a date of the calendar.
    #[error("`{found}` is not a date")]
    Date {
        /// The text in the file.
        found: String,
    },
    /// A range of days ends before it begins, or is too long for one holiday.
    #[error("`{found}` is not a range of days of one holiday")]
    Range {
        /// The text in the file.
        found: String,
    },
    /// A day does not belong to the year under which it stands.
    #[error("{day} does not belong to the year {year}")]
    OutsideYear {
        /// The day.
        day: NaiveDate,
        /// The year under which it stands.
        year: i32,
    },
    /// A day is listed twice.
    #[error("{day} is already listed in line {first_line}")]
    DuplicateDay {
        /// The day.
        day: NaiveDate,
        /// Where it is listed first.
        first_line: usize,
    },
    /// A make-up working day is a Monday to Friday.
    #[error("{day} is a plain weekday and needs no make-up entry")]
    WorkOnWeekday {
        /// The day.
        day: NaiveDate,
    },
    /// The kind of a layer's day is neither `holiday` nor `workday`.
    #[error("`{found}` is not a kind of day")]
    Kind {
        /// The word in the file.
        found: String,
    },
    /// A layer extends a calendar other than the one it is put on.
    #[error("the layer extends `{extends}`, not `{base}`")]
    Extends {
        /// What the layer extends.
        extends: String,
        /// The version of the calendar it was put on.
        base: String,
    },
    /// A wider layer is put on a narrower one, or a layer is put on twice.
    #[error("layer `{id}` ({layer}) cannot be put on {base}")]
    Order {
        /// The id of the layer.
        id: String,
        /// How wide the layer is.
        layer: Layer,
        /// The version of the calendar it was put on.
        base: String,
    },
    /// A layer speaks about a day that the national layer does not cover.
    #[error("{day} is not covered by {base}")]
    OutsideCoverage {
        /// The day.
        day: NaiveDate,
        /// The version of the calendar below.
        base: String,
    },
    /// A layer repeats what the calendar below says already.
    #[error("{day} is {already} in {base} already")]
    NoChange {
        /// The day.
        day: NaiveDate,
        /// What the day is.
        already: &'static str,
        /// The version of the calendar below.
        base: String,
    },
}

impl CalendarProblem {
    fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "E-CALENDAR-SYNTAX",
            Self::Schema { .. } => "E-CALENDAR-SCHEMA",
            Self::Layer { .. } => "E-CALENDAR-LAYER",
            Self::Name { .. } => "E-CALENDAR-NAME",
            Self::Empty { .. } => "E-CALENDAR-EMPTY",
            Self::NoEntries { .. } => "E-CALENDAR-NO-ENTRIES",
            Self::YearRange { .. } => "E-CALENDAR-YEAR-RANGE",
            Self::YearGap { .. } => "E-CALENDAR-YEAR-GAP",
            Self::Date { .. } => "E-CALENDAR-DATE",
            Self::Range { .. } => "E-CALENDAR-RANGE",
            Self::OutsideYear { .. } => "E-CALENDAR-OUTSIDE-YEAR",
            Self::DuplicateDay { .. } => "E-CALENDAR-DUPLICATE-DAY",
            Self::WorkOnWeekday { .. } => "E-CALENDAR-WORK-ON-WEEKDAY",
            Self::Kind { .. } => "E-CALENDAR-KIND",
            Self::Extends { .. } => "E-CALENDAR-EXTENDS",
            Self::Order { .. } => "E-CALENDAR-ORDER",
            Self::OutsideCoverage { .. } => "E-CALENDAR-OUTSIDE-COVERAGE",
            Self::NoChange { .. } => "E-CALENDAR-NO-CHANGE",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => {
                "Compare the file with workflows/calendars/cn.toml; dates are written in quotes."
            }
            Self::Schema { .. } => "Write `schema = 1`.",
            Self::Layer { .. } => {
                "A national file says `layer = \"national\"`; a file put on it says \"province\" or \"agency\"."
            }
            Self::Name { .. } => {
                "Use 1 to 40 letters, digits, dots, underscores and hyphens, for example `cn` and `2026.1`."
            }
            Self::Empty { .. } => "Write the text, or remove the entry.",
            Self::NoEntries { .. } => {
                "Enter the holidays of the State Council's notice; leave the year out until the notice is published."
            }
            Self::YearRange { .. } => "Use a year from 1949 to 2199.",
            Self::YearGap { .. } => "List the years in order, each once, without a gap.",
            Self::Date { .. } => "Write a date that exists as `2026-02-17`.",
            Self::Range { .. } => {
                "Write `2026-02-15..2026-02-23`: both days included, the first day first, at most 31 days."
            }
            Self::OutsideYear { .. } => {
                "Move the day to its own year; only the December before may stand under the next year."
            }
            Self::DuplicateDay { .. } => "Keep one of the two entries.",
            Self::WorkOnWeekday { .. } => {
                "A make-up day is a Saturday or Sunday; correct the date or remove the entry."
            }
            Self::Kind { .. } => "Write `holiday` or `workday`.",
            Self::Extends { .. } => "Put the layer on the calendar whose id `extends` names.",
            Self::Order { .. } => {
                "Put layers on once each: national first, then province, then agency."
            }
            Self::OutsideCoverage { .. } => {
                "Add the year to the national file first, from the State Council's notice."
            }
            Self::NoChange { .. } => "Remove the entry: it changes nothing.",
        }
    }
}
