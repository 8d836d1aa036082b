//! Exact money and percentages.

use std::{fmt, str::FromStr};

/// Why a text is not a number or date of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberError {
    /// Not a day that exists.
    Date(String),
    /// Not an amount in yuan with at most two decimals.
    Money(String),
    /// Not a percentage from 0 to 100 with at most six decimals.
    Percent(String),
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(text) => write!(f, "{text:?} is not a date YYYY-MM-DD that exists"),
            Self::Money(text) => write!(f, "{text:?} is not an amount in yuan"),
            Self::Percent(text) => write!(f, "{text:?} is not a percentage from 0 to 100"),
        }
    }
}

impl std::error::Error for NumberError {}

/// An amount of money in fen (分), 1/100 yuan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fen(pub i64);

/// A percentage from 0 to 100, exact to 1/1,000,000 of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent {
    micro: u32,
}

const MICRO: u32 = 1_000_000;
/// 100 % in micro-percent, the divisor of every percentage.
const WHOLE: i128 = 100 * MICRO as i128;

impl Fen {
    /// Whole yuan.
    #[must_use]
    pub const fn from_yuan(yuan: i64) -> Self {
        Self(yuan.saturating_mul(100))
    }

    /// The given percentage, parts of a fen dropped: it never pays more than the percentage allows.
    #[must_use]
    pub fn percent_floor(self, percent: Percent) -> Self {
        let share = i128::from(self.0) * i128::from(percent.micro);
        Self(clamp(share.div_euclid(WHOLE)))
    }

    /// The smallest amount that is not less than the given percentage: what a floor demands.
    #[must_use]
    pub fn percent_ceil(self, percent: Percent) -> Self {
        let share = i128::from(self.0) * i128::from(percent.micro);
        Self(clamp(-(-share).div_euclid(WHOLE)))
    }

    /// The largest base of which this amount is still the given percentage; `None` for 0 %.
    #[must_use]
    pub fn largest_base(self, percent: Percent) -> Option<Self> {
        let divisor = i128::from(percent.micro);
        (divisor != 0).then(|| Self(clamp((i128::from(self.0) * WHOLE).div_euclid(divisor))))
    }

    /// The difference, `None` on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The amount divided by a count, parts of a fen dropped; `None` for a count below 1.
    #[must_use]
    pub fn per(self, count: i64) -> Option<Self> {
        (count > 0).then(|| Self(self.0.div_euclid(count)))
    }

    /// The amount times a count, `None` on overflow.
    #[must_use]
    pub fn checked_mul(self, count: i64) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }

    /// Yuan for people, with separators: `5,450,000.00`.
    #[must_use]
    pub fn grouped(self) -> String {
        let plain = self.to_string();
        let (sign, digits) = plain
            .strip_prefix('-')
            .map_or(("", &*plain), |rest| ("-", rest));
        let (yuan, fen) = digits.split_once('.').unwrap_or((digits, "00"));
        let mut grouped = String::from(sign);
        for (i, digit) in yuan.chars().enumerate() {
            if i > 0 && (yuan.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        format!("{grouped}.{fen}")
    }
}

fn clamp(wide: i128) -> i64 {
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

impl fmt::Display for Fen {
    /// Yuan with two decimals: `5450000.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

impl FromStr for Fen {
    type Err = NumberError;

    /// Reads yuan with at most two decimals.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        fixed(text, 2)
            .and_then(|fen| i64::try_from(fen).ok())
            .map(Self)
            .ok_or_else(|| NumberError::Money(text.chars().take(40).collect()))
    }
}

impl Percent {
    /// The whole, 100 %.
    pub const HUNDRED: Self = Self { micro: 100 * MICRO };

    /// A whole percentage, clamped to 100 %.
    #[must_use]
    pub const fn whole(percent: u32) -> Self {
        if percent >= 100 {
            Self::HUNDRED
        } else {
            Self {
                micro: percent * MICRO,
            }
        }
    }

    /// In millionths of a percent.
    pub(crate) const fn micro(self) -> u32 {
        self.micro
    }

    /// The sum, `None` above 100 %.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let micro = self.micro.checked_add(other.micro)?;
        (micro <= Self::HUNDRED.micro).then_some(Self { micro })
    }

    /// The difference, `None` below 0 %.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.micro
            .checked_sub(other.micro)
            .map(|micro| Self { micro })
    }
}

impl fmt::Display for Percent {
    /// The shortest decimal form: `50`, `2.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.micro / MICRO, self.micro % MICRO);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{rest:06}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Percent {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        fixed(text, 6)
            .and_then(|micro| u32::try_from(micro).ok())
            .filter(|micro| *micro <= Self::HUNDRED.micro)
            .map(|micro| Self { micro })
            .ok_or_else(|| NumberError::Percent(text.chars().take(40).collect()))
    }
}

/// Reads an unsigned decimal as a whole number of `10^-scale`; trailing zeros beyond it are harmless.
fn fixed(text: &str, scale: usize) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || text.ends_with('.') {
        return None;
    }
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > scale {
        return None;
    }
    format!("{whole}{decimals:0<scale$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(text: &str) -> Percent {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn amounts_round_trip_and_group() {
        assert_eq!("5450000".parse(), Ok(Fen(545_000_000)));
        assert_eq!("0.5".parse(), Ok(Fen(50)));
        assert_eq!("1.100".parse(), Ok(Fen(110)));
        assert_eq!(Fen(18_166_666_666).grouped(), "181,666,666.66");
        assert_eq!(Fen(-100_000).grouped(), "-1,000.00");
        assert_eq!(Fen(12_345).grouped(), "123.45");
        for bad in [
            "",
            "-1",
            "1.005",
            "1.",
            ".5",
            "1e3",
            "五",
            "99999999999999999999",
            "1.2.3",
            "+1",
        ] {
            assert!(bad.parse::<Fen>().is_err(), "{bad}");
        }
    }

    #[test]
    fn percentages_are_exact() {
        assert_eq!(percent("2.50").to_string(), "2.5");
        assert_eq!(percent("100"), Percent::HUNDRED);
        for bad in ["101", "-1", "0.0000001", "3%", ""] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
        assert_eq!(percent("50").checked_add(percent("50.000001")), None);
        assert_eq!(percent("1").checked_sub(percent("2")), None);
    }

    #[test]
    fn shares_round_in_the_safe_direction() {
        assert_eq!(Fen(100).percent_floor(percent("33.3")), Fen(33));
        assert_eq!(Fen(100).percent_ceil(percent("33.3")), Fen(34));
        assert_eq!(
            Fen(545_000_000).percent_floor(percent("50")),
            Fen(272_500_000)
        );
        assert_eq!(
            Fen(545_000_000).largest_base(percent("3")),
            Some(Fen(18_166_666_666))
        );
        assert_eq!(Fen(1).largest_base(Percent::default()), None);
        assert_eq!(Fen(i64::MAX).percent_floor(Percent::HUNDRED), Fen(i64::MAX));
        assert_eq!(
            Fen(i64::MAX).largest_base(percent("0.000001")),
            Some(Fen(i64::MAX))
        );
    }

    #[test]
    fn a_base_one_fen_larger_breaks_the_floor() {
        let (amount, floor) = (Fen(545_000_000), percent("3"));
        let base = amount.largest_base(floor).unwrap_or_default();
        assert!(amount >= base.percent_ceil(floor));
        assert!(amount < Fen(base.0 + 1).percent_ceil(floor));
    }
}
