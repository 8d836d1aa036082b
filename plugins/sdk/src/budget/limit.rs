//! Caps (上限) and floors (下限): an amount against a percentage of a base.

use super::share_text;
use crate::{Answer, Call, Fen, Finding, Message, Percent, Problem, msg};

/// Which side of the percentage is allowed; the percentage itself always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A cap: 不得超过.
    AtMost,
    /// A floor: 不低于.
    AtLeast,
}

/// A percentage of a base that an amount must not exceed, or must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Which side is allowed.
    pub bound: Bound,
    /// The percentage of the base.
    pub percent: Percent,
}

/// An amount held against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The limit.
    pub limit: Limit,
    /// The amount judged.
    pub amount: Fen,
    /// What the percentage is of.
    pub base: Fen,
    /// The largest amount a cap allows, the smallest a floor demands.
    pub allowed: Fen,
    /// Whether the amount is on the allowed side.
    pub kept: bool,
}

/// The amounts of a fund that a limit speaks of, and the facts they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Money {
    /// `budget.from_fund`, or `budget.total` where nothing says that only a part comes from the fund.
    pub amount: Option<Fen>,
    /// Whether `budget.from_fund` was given.
    pub partial: bool,
    /// `budget.fund_base`.
    pub base: Option<Fen>,
}

impl Limit {
    /// Holds an amount against the limit.
    #[must_use]
    pub fn measure(self, amount: Fen, base: Fen) -> Measure {
        let (allowed, kept) = match self.bound {
            Bound::AtMost => {
                let allowed = base.percent_floor(self.percent);
                (allowed, amount <= allowed)
            }
            Bound::AtLeast => {
                let allowed = base.percent_ceil(self.percent);
                (allowed, amount >= allowed)
            }
        };
        Measure {
            limit: self,
            amount,
            base,
            allowed,
            kept,
        }
    }
}

impl Money {
    /// The fact the amount was taken from.
    #[must_use]
    pub fn key(self) -> &'static str {
        if self.partial {
            "budget.from_fund"
        } else {
            "budget.total"
        }
    }
}

impl Measure {
    /// How far the amount is from the limit, on either side.
    #[must_use]
    pub fn distance(&self) -> Fen {
        Fen(self
            .amount
            .0
            .saturating_sub(self.allowed.0)
            .saturating_abs())
    }

    /// The figures in a sentence, with what is left or what is too much.
    #[must_use]
    pub fn message(&self) -> Message {
        let (amount, base, allowed) = (
            self.amount.grouped(),
            self.base.grouped(),
            self.allowed.grouped(),
        );
        let (percent, distance) = (self.limit.percent, self.distance().grouped());
        let (share_zh, share_en) = share_text(self.amount, self.base).map_or_else(
            || ("，".to_owned(), "; ".to_owned()),
            |share| {
                (
                    format!("占 {base} 元的 {share}%，"),
                    format!("are {share} % of {base} yuan; "),
                )
            },
        );
        let (limit, rest) = match (self.limit.bound, self.kept) {
            (Bound::AtMost, true) => (("不得超过", "at most"), ("尚余", "left")),
            (Bound::AtMost, false) => (("不得超过", "at most"), ("超出", "too much")),
            (Bound::AtLeast, true) => (("不低于", "at least"), ("高出", "above it")),
            (Bound::AtLeast, false) => (("不低于", "at least"), ("尚差", "missing")),
        };
        msg(
            format!(
                "{amount} 元{share_zh}{} {percent}%（{allowed} 元），{} {distance} 元",
                limit.0, rest.0
            ),
            format!(
                "{amount} yuan {share_en}{} {percent} % ({allowed} yuan), {distance} yuan {}",
                limit.1, rest.1
            ),
        )
    }
}

/// Reads the amounts that a limit speaks of, and asks for those that are missing.
///
/// `base_name` names the base in the message, such as 上年度社会救助专项资金总额.
///
/// # Errors
/// A [`Problem`] when a fact has another type.
pub fn fund(
    call: &Call<'_>,
    answer: &mut Answer,
    (rule, base_name): (&str, &Message),
) -> Result<Money, Problem> {
    let from_fund = call.facts.money("budget.from_fund")?;
    let money = Money {
        amount: match from_fund {
            Some(amount) => Some(amount),
            None => call.facts.money("budget.total")?,
        },
        partial: from_fund.is_some(),
        base: call.facts.money("budget.fund_base")?,
    };
    if money.amount.is_none() {
        let message = msg(
            "缺少项目总经费或列支金额，无法核对比例",
            "the budget, or what is taken from the fund, is missing: the share cannot be checked",
        );
        answer.find(Finding::input_required(rule, "budget.total", message));
    }
    if money.base.is_none() {
        let message = msg(
            format!("缺少{}，无法核对比例", base_name.zh),
            format!("{} is missing: the share cannot be checked", base_name.en),
        );
        answer.find(Finding::input_required(rule, "budget.fund_base", message));
    }
    Ok(money)
}

/// The year a budget is for: `budget.year`, else the year in which the first of the budget's own
/// steps happened; `None` while none of them is known.
///
/// # Errors
/// A [`Problem`] when a fact has another type.
pub fn year(call: &Call<'_>) -> Result<Option<i64>, Problem> {
    if let Some(year) = call.facts.int("budget.year")? {
        return Ok(Some(year));
    }
    for key in ["budget.confirmed", "plan.approved", "contract.signed"] {
        if let Some(date) = call.facts.date(key)? {
            return Ok(Some(i64::from(date.year())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(bound: Bound, percent: &str) -> Limit {
        Limit {
            bound,
            percent: percent.parse().unwrap_or_default(),
        }
    }

    #[test]
    fn a_cap_allows_its_own_percentage_and_not_a_fen_more() {
        let cap = limit(Bound::AtMost, "3");
        let base = Fen::from_yuan(85_000_000);
        assert!(cap.measure(Fen::from_yuan(2_550_000), base).kept);
        let over = cap.measure(Fen(255_000_001), base);
        assert!(!over.kept);
        assert_eq!(over.distance(), Fen(1));
        // A third of a fen is never given away.
        assert_eq!(cap.measure(Fen(0), Fen(101)).allowed, Fen(3));
    }

    #[test]
    fn a_floor_demands_its_own_percentage_and_not_a_fen_less() {
        let floor = limit(Bound::AtLeast, "3");
        assert_eq!(floor.measure(Fen(0), Fen(101)).allowed, Fen(4));
        assert!(floor.measure(Fen(4), Fen(101)).kept);
        assert!(!floor.measure(Fen(3), Fen(101)).kept);
    }

    #[test]
    fn the_sentence_has_all_figures() {
        let measure = limit(Bound::AtMost, "3")
            .measure(Fen::from_yuan(1_820_000), Fen::from_yuan(85_000_000));
        let message = measure.message();
        assert_eq!(
            message.zh,
            "1,820,000.00 元占 85,000,000.00 元的 2.1412%，不得超过 3%（2,550,000.00 元），尚余 730,000.00 元"
        );
        assert_eq!(
            message.en,
            "1,820,000.00 yuan are 2.1412 % of 85,000,000.00 yuan; at most 3 % (2,550,000.00 yuan), 730,000.00 yuan left"
        );
    }

    #[test]
    fn a_base_of_nothing_has_no_share_and_allows_nothing() {
        let measure = limit(Bound::AtMost, "3").measure(Fen(1), Fen(0));
        assert!(!measure.kept);
        assert!(measure.message().zh.starts_with("0.01 元，不得超过"));
    }
}
