//! Money as whole fen (分).

use std::{fmt, str::FromStr};

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An amount of money in fen (分), 1/100 yuan.
///
/// Stored as an integer so that sums are exact on every database.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

/// Why a text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("{0:?} is not an amount in yuan")]
    NotANumber(String),
    /// Below zero.
    #[error("{0} yuan is negative")]
    Negative(String),
    /// More than two decimals.
    #[error("{0} yuan has parts of a fen")]
    TooFine(String),
    /// Beyond ten trillion yuan.
    #[error("{0} yuan is too large")]
    TooLarge(String),
}

impl MoneyError {
    /// The stable code of this refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotANumber(_) => "E-MONEY-FORMAT",
            Self::Negative(_) => "E-MONEY-NEGATIVE",
            Self::TooFine(_) => "E-MONEY-PRECISION",
            Self::TooLarge(_) => "E-MONEY-RANGE",
        }
    }

    /// What to type instead.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "write yuan as a decimal string with at most two decimals, such as \"2988180.00\""
    }
}

/// The largest amount: 10^13 yuan, so that sums of many amounts stay within the number.
pub const FEN_MAX: i64 = 1_000_000_000_000_000;

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount in yuan.
    #[must_use]
    pub fn yuan(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// The given percentage of this amount, whole fen, parts of a fen dropped.
    ///
    /// Dropping never pays out more than the percentage allows; the last tranche of a
    /// plan takes what is left. `None` when the result leaves the range.
    #[must_use]
    pub fn percent_floor(self, percent: Decimal) -> Option<Self> {
        let share = Decimal::from(self.0).checked_mul(percent)? / Decimal::ONE_HUNDRED;
        let whole = share.round_dp_with_strategy(0, RoundingStrategy::ToNegativeInfinity);
        i64::try_from(whole).ok().map(Self)
    }

    /// The sum, `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, `None` on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl FromStr for Fen {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let plain = !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
        let yuan: Decimal = Some(text)
            .filter(|_| plain)
            .and_then(|t| t.parse().ok())
            .ok_or_else(|| MoneyError::NotANumber(text.to_owned()))?;
        if yuan.is_sign_negative() && !yuan.is_zero() {
            return Err(MoneyError::Negative(text.to_owned()));
        }
        if yuan.normalize().scale() > 2 {
            return Err(MoneyError::TooFine(text.to_owned()));
        }
        let fen = yuan.checked_mul(Decimal::ONE_HUNDRED);
        fen.and_then(|fen| i64::try_from(fen.normalize()).ok())
            .filter(|fen| *fen <= FEN_MAX)
            .map(Self)
            .ok_or_else(|| MoneyError::TooLarge(text.to_owned()))
    }
}

impl fmt::Display for Fen {
    /// Yuan with two decimals, such as `2725000.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_round_trips() {
        for (text, fen) in [
            ("5450000", 545_000_000),
            ("2988180.00", 298_818_000),
            ("0.5", 50),
            ("0", 0),
        ] {
            assert_eq!(text.parse::<Fen>(), Ok(Fen(fen)));
        }
        assert_eq!(Fen(272_500_000).to_string(), "2725000.00");
        assert_eq!(Fen(-5).to_string(), "-0.05");
    }

    #[test]
    fn bad_amounts_have_codes() {
        for (text, code) in [
            ("-1", "E-MONEY-NEGATIVE"),
            ("1.005", "E-MONEY-PRECISION"),
            ("1e3", "E-MONEY-FORMAT"),
            ("", "E-MONEY-FORMAT"),
            ("五百", "E-MONEY-FORMAT"),
            ("99999999999999999999", "E-MONEY-RANGE"),
            ("79228162514264337593543950335", "E-MONEY-RANGE"),
        ] {
            assert_eq!(
                text.parse::<Fen>().map_err(|e| e.code()),
                Err(code),
                "{text}"
            );
        }
        assert_eq!("1.100".parse::<Fen>(), Ok(Fen(110)));
    }

    #[test]
    fn a_percentage_never_rounds_up() {
        assert_eq!(Fen(100).percent_floor(Decimal::new(333, 1)), Some(Fen(33)));
        assert_eq!(
            Fen(545_000_000).percent_floor(Decimal::from(50)),
            Some(Fen(272_500_000))
        );
    }
}
