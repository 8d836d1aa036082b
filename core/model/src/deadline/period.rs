//! The grammar of periods: `15 working-days`, `at least 20 days`, `1 month before`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The longest period that can be written; longer ones are slips of the pen.
pub const COUNT_MAX: u32 = 10_000;

/// How much of a wrong word a message repeats.
const QUOTE_CHARS_MAX: usize = 24;

/// The unit in which a period is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Calendar days (日).
    Days,
    /// Working days (工作日).
    WorkingDays,
    /// Calendar months (月), 民法典 art. 202.
    Months,
    /// Calendar years (年), 民法典 art. 202.
    Years,
}

/// On which side of its anchor a period lies, and what its end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Act on the computed day or earlier: `30 days` (…日内).
    WithinAfter,
    /// Act on the computed day or later: `at least 20 days` (不得少于…日).
    AtLeastAfter,
    /// Act on the computed day or earlier, counted back: `1 month before` (期满前1个月).
    Before,
    /// Act on the computed day or earlier, counted back: `at least 15 days before` (至少…日前).
    AtLeastBefore,
}

impl Direction {
    /// Tells whether the period is counted back from its anchor.
    pub fn is_backward(self) -> bool {
        matches!(self, Self::Before | Self::AtLeastBefore)
    }

    /// Tells whether the period is a minimum.
    pub fn is_minimum(self) -> bool {
        matches!(self, Self::AtLeastAfter | Self::AtLeastBefore)
    }
}

/// A period of time (期间), as a rule states it.
///
/// It is written and stored as text: `30 days`, `15 working-days`, `2 years`,
/// `at least 5 working-days`, `1 month before`, `at least 15 days before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    count: u32,
    unit: Unit,
    direction: Direction,
}

impl Period {
    /// Makes a period; the count must be from 1 to [`COUNT_MAX`].
    pub fn new(count: u32, unit: Unit, direction: Direction) -> Result<Self, PeriodError> {
        let column = 1;
        let found = count.to_string();
        match count {
            0 => Err(PeriodError::Zero { column, found }),
            1..=COUNT_MAX => Ok(Self {
                count,
                unit,
                direction,
            }),
            _ => Err(PeriodError::TooLarge { column, found }),
        }
    }

    /// Returns how many units, from 1 to [`COUNT_MAX`].
    pub fn count(self) -> u32 {
        self.count
    }

    /// Returns the unit.
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// Returns the direction.
    pub fn direction(self) -> Direction {
        self.direction
    }

    /// Returns the period in Chinese, for example `15个工作日内`.
    pub fn in_chinese(self) -> String {
        let unit = match self.unit {
            Unit::Days => "日",
            Unit::WorkingDays => "个工作日",
            Unit::Months => "个月",
            Unit::Years => "年",
        };
        let (before, after) = match self.direction {
            Direction::WithinAfter => ("", "内"),
            Direction::AtLeastAfter => ("不少于", ""),
            Direction::Before => ("期前", ""),
            Direction::AtLeastBefore => ("至少提前", ""),
        };
        format!("{before}{}{unit}{after}", self.count)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, many) = match self.unit {
            Unit::Days => ("day", "days"),
            Unit::WorkingDays => ("working-day", "working-days"),
            Unit::Months => ("month", "months"),
            Unit::Years => ("year", "years"),
        };
        if self.direction.is_minimum() {
            f.write_str("at least ")?;
        }
        let unit = if self.count == 1 { one } else { many };
        write!(f, "{} {unit}", self.count)?;
        if self.direction.is_backward() {
            f.write_str(" before")?;
        }
        Ok(())
    }
}

/// A text that is not a period. Columns are counted in characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// The text is empty.
    #[error("column {column}: the period is empty")]
    Empty {
        /// Where.
        column: usize,
    },
    /// A word other than the number, the unit, `at least` or `before`.
    #[error("column {column}: expected {expected}, found `{found}`")]
    Unexpected {
        /// Where the word begins.
        column: usize,
        /// What belongs there.
        expected: &'static str,
        /// The word.
        found: String,
    },
    /// The text ends too early.
    #[error("column {column}: expected {expected}, but the text ends")]
    Unfinished {
        /// Where the text ends.
        column: usize,
        /// What is missing.
        expected: &'static str,
    },
    /// The number is zero.
    #[error("column {column}: a period of `{found}` has no length")]
    Zero {
        /// Where the number begins.
        column: usize,
        /// The number.
        found: String,
    },
    /// The number is negative.
    #[error("column {column}: `{found}` is negative")]
    Negative {
        /// Where the number begins.
        column: usize,
        /// The number.
        found: String,
    },
    /// The number is larger than [`COUNT_MAX`].
    #[error("column {column}: `{found}` is more than {COUNT_MAX}")]
    TooLarge {
        /// Where the number begins.
        column: usize,
        /// The number.
        found: String,
    },
}

impl PeriodError {
    /// Returns the stable code of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "E-PERIOD-EMPTY",
            Self::Unexpected { .. } => "E-PERIOD-UNEXPECTED",
            Self::Unfinished { .. } => "E-PERIOD-UNFINISHED",
            Self::Zero { .. } => "E-PERIOD-ZERO",
            Self::Negative { .. } => "E-PERIOD-NEGATIVE",
            Self::TooLarge { .. } => "E-PERIOD-TOO-LARGE",
        }
    }

    /// Returns the column, in characters from 1.
    pub fn column(&self) -> usize {
        match self {
            Self::Empty { column }
            | Self::Unexpected { column, .. }
            | Self::Unfinished { column, .. }
            | Self::Zero { column, .. }
            | Self::Negative { column, .. }
            | Self::TooLarge { column, .. } => *column,
        }
    }

    /// Returns one sentence that says what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Negative { .. } => {
                "Write a number from 1 to 10000; to count back, write `15 days before`."
            }
            Self::Zero { .. } | Self::TooLarge { .. } => "Write a number from 1 to 10000.",
            _ => {
                "Write `30 days`, `15 working-days`, `1 month` or `2 years`; put `at least` in front for a minimum and `before` behind to count back."
            }
        }
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let mut words = Words { text, column: 1 };
        let mut word = words.next_word().ok_or(PeriodError::Empty { column: 1 })?;
        let is_minimum = word.text == "at";
        if is_minimum {
            let least = words.require("`least`")?;
            if least.text != "least" {
                return Err(least.unexpected("`least`"));
            }
            word = words.require("a number")?;
        }
        let count = word.count()?;
        let unit = words.require("a unit")?.unit()?;
        let is_backward = match words.next_word() {
            None => false,
            Some(word) if word.text == "before" => true,
            Some(word) => return Err(word.unexpected("`before` or the end")),
        };
        if let Some(word) = words.next_word() {
            return Err(word.unexpected("the end"));
        }
        let direction = match (is_minimum, is_backward) {
            (false, false) => Direction::WithinAfter,
            (true, false) => Direction::AtLeastAfter,
            (false, true) => Direction::Before,
            (true, true) => Direction::AtLeastBefore,
        };
        Ok(Self {
            count,
            unit,
            direction,
        })
    }
}

/// The words of a text with their columns.
struct Words<'t> {
    text: &'t str,
    column: usize,
}

/// One word and where it begins.
#[derive(Clone, Copy)]
struct Word<'t> {
    text: &'t str,
    column: usize,
}

impl<'t> Words<'t> {
    fn next_word(&mut self) -> Option<Word<'t>> {
        let trimmed = self.text.trim_start_matches(' ');
        self.column += self.text.len() - trimmed.len();
        let length = trimmed.find(' ').unwrap_or(trimmed.len());
        let (text, rest) = trimmed.split_at(length);
        let word = Word {
            text,
            column: self.column,
        };
        self.column += text.chars().count();
        self.text = rest;
        (!text.is_empty()).then_some(word)
    }

    fn require(&mut self, expected: &'static str) -> Result<Word<'t>, PeriodError> {
        let word = self.next_word();
        let column = self.column;
        word.ok_or(PeriodError::Unfinished { column, expected })
    }
}

impl Word<'_> {
    fn quote(self) -> String {
        match self.text.char_indices().nth(QUOTE_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &self.text[..end]),
            None => self.text.to_owned(),
        }
    }

    fn unexpected(self, expected: &'static str) -> PeriodError {
        PeriodError::Unexpected {
            column: self.column,
            expected,
            found: self.quote(),
        }
    }

    fn count(self) -> Result<u32, PeriodError> {
        let column = self.column;
        let digits = self.text.strip_prefix('-').unwrap_or(self.text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected("a number"));
        }
        let found = self.quote();
        if digits.len() < self.text.len() {
            return Err(PeriodError::Negative { column, found });
        }
        match digits.parse::<u32>() {
            Ok(0) => Err(PeriodError::Zero { column, found }),
            Ok(count) if count <= COUNT_MAX => Ok(count),
            // Only digits are left, so a failure means a number too long for 32 bits.
            Ok(_) | Err(_) => Err(PeriodError::TooLarge { column, found }),
        }
    }

    fn unit(self) -> Result<Unit, PeriodError> {
        match self.text {
            "day" | "days" => Ok(Unit::Days),
            "working-day" | "working-days" => Ok(Unit::WorkingDays),
            "month" | "months" => Ok(Unit::Months),
            "year" | "years" => Ok(Unit::Years),
            _ => Err(self.unexpected("`days`, `working-days`, `months` or `years`")),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: PeriodError| {
            serde::de::Error::custom(format!("{}: {error}. {}", error.code(), error.hint()))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn every_form_is_read_and_written_back() -> Outcome {
        for text in [
            "30 days",
            "1 day",
            "15 working-days",
            "1 working-day",
            "1 month",
            "2 years",
            "1 month before",
            "15 days before",
            "5 working-days before",
            "at least 20 days",
            "at least 5 working-days",
            "at least 15 days before",
            "10000 days",
        ] {
            assert_eq!(text.parse::<Period>()?.to_string(), text);
        }
        assert_eq!("  1   days ".parse::<Period>()?.to_string(), "1 day");
        assert_eq!("2 month".parse::<Period>()?.to_string(), "2 months");
        Ok(())
    }

    #[test]
    fn refusals_name_place_and_code() {
        for (text, code, column) in [
            ("", "E-PERIOD-EMPTY", 1),
            ("   ", "E-PERIOD-EMPTY", 1),
            ("0 days", "E-PERIOD-ZERO", 1),
            ("at least 000 days", "E-PERIOD-ZERO", 10),
            ("-3 days", "E-PERIOD-NEGATIVE", 1),
            ("10001 days", "E-PERIOD-TOO-LARGE", 1),
            ("99999999999999999999 days", "E-PERIOD-TOO-LARGE", 1),
            ("days", "E-PERIOD-UNEXPECTED", 1),
            ("+5 days", "E-PERIOD-UNEXPECTED", 1),
            ("1.5 days", "E-PERIOD-UNEXPECTED", 1),
            ("５ days", "E-PERIOD-UNEXPECTED", 1),
            ("5", "E-PERIOD-UNFINISHED", 2),
            ("at least", "E-PERIOD-UNFINISHED", 9),
            ("at most 5 days", "E-PERIOD-UNEXPECTED", 4),
            ("5 weeks", "E-PERIOD-UNEXPECTED", 3),
            ("5 Days", "E-PERIOD-UNEXPECTED", 3),
            ("5 工作日", "E-PERIOD-UNEXPECTED", 3),
            ("5 days after", "E-PERIOD-UNEXPECTED", 8),
            ("5 days before noon", "E-PERIOD-UNEXPECTED", 15),
            ("5\tdays", "E-PERIOD-UNEXPECTED", 1),
        ] {
            let error = text.parse::<Period>().err();
            let found = error.as_ref().map(|error| (error.code(), error.column()));
            assert_eq!(found, Some((code, column)), "{text:?}");
            assert!(error.is_some_and(|error| error.hint().contains("Write")));
        }
    }

    #[test]
    fn is_stored_as_text() -> Outcome {
        let period: Period = serde_json::from_str(r#""at least 15 days before""#)?;
        assert_eq!(period.direction(), Direction::AtLeastBefore);
        assert_eq!(
            serde_json::to_string(&period)?,
            r#""at least 15 days before""#
        );
        let error = serde_json::from_str::<Period>(r#""0 days""#).err();
        assert!(error.is_some_and(|error| error.to_string().starts_with("E-PERIOD-ZERO")));
        Ok(())
    }

    #[test]
    fn a_period_made_in_code_has_the_same_limits() {
        let direction = Direction::WithinAfter;
        assert!(Period::new(1, Unit::Days, direction).is_ok());
        assert!(Period::new(0, Unit::Days, direction).is_err());
        assert!(Period::new(COUNT_MAX + 1, Unit::Days, direction).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_panics(text in any::<String>()) {
            if let Err(error) = text.parse::<Period>() {
                prop_assert!(error.column() <= text.chars().count() + 1);
            }
        }

        #[test]
        fn nearly_right_texts_never_panic_and_round_trip(
            text in "(at )?(least )?-?[0-9]{0,6} ?(working-)?(day|month|year|日)?s?( before)?"
        ) {
            if let Ok(period) = text.parse::<Period>() {
                prop_assert_eq!(period.to_string().parse::<Period>(), Ok(period));
            }
        }
    }
}
