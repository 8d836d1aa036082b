//! Tranche plans (分期拨付) whose sum is the price to the fen.

use crate::{Fen, Fields, Payment, Percent, Problem, msg};

/// One tranche as a text or contract sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tranche {
    /// 1-based number.
    pub no: u32,
    /// The share; `None` where the text only says "the rest".
    pub percent: Option<Percent>,
    /// Whether this tranche takes what the others leave.
    pub remainder: bool,
    /// The obligation that says when it is due; may be empty.
    pub obligation: String,
    /// The rule it comes from.
    pub rule: String,
}

/// Reads tranches from rows `{no, percent, remainder, obligation, rule}`.
///
/// `rule` stands in where a row names none.
///
/// # Errors
/// A [`Problem`] for a row without number or share, or with another type.
pub fn from_rows(rows: &[Fields<'_>], rule: &str) -> Result<Vec<Tranche>, Problem> {
    rows.iter().map(|row| from_row(row, rule)).collect()
}

fn from_row(row: &Fields<'_>, rule: &str) -> Result<Tranche, Problem> {
    let no = row
        .int("no")?
        .ok_or_else(|| Problem::missing_field(&row.place(), "no"))?;
    let no = u32::try_from(no).map_err(|_| {
        Problem::wrong_type(
            &format!("{}.no", row.place()),
            "1, 2, 3 …",
            "another number",
        )
    })?;
    let percent = row.percent("percent")?;
    let remainder = row.flag("remainder")?.unwrap_or(false);
    if percent.is_none() && !remainder {
        return Err(Problem::missing_field(&row.place(), "percent"));
    }
    Ok(Tranche {
        no,
        percent,
        remainder,
        obligation: row.text("obligation")?.unwrap_or_default().to_owned(),
        rule: row.text("rule")?.unwrap_or(rule).to_owned(),
    })
}

/// The shares of all tranches, "the rest" computed.
///
/// # Errors
/// A [`Problem`] with the figures unless they are 1, 2, 3 … and sum to 100 %.
pub fn shares(tranches: &[Tranche]) -> Result<Vec<Percent>, Problem> {
    if !tranches
        .iter()
        .zip(1..)
        .all(|(tranche, no)| tranche.no == no)
    {
        return Err(bad(
            "期次应为 1、2、3……",
            "tranches must be numbered 1, 2, 3 …",
        ));
    }
    if tranches.iter().filter(|t| t.remainder).count() > 1 {
        return Err(bad(
            "至多一期可为“剩余”",
            "at most one tranche can be the remainder",
        ));
    }
    let given: Option<Percent> = tranches
        .iter()
        .filter_map(|t| t.percent)
        .try_fold(Percent::default(), Percent::checked_add);
    let Some(given) = given else {
        return Err(bad(
            "各期比例合计超过 100%",
            "the shares sum to more than 100 %",
        ));
    };
    let rest = Percent::HUNDRED.checked_sub(given).unwrap_or_default();
    if tranches.iter().all(|t| t.percent.is_some()) && rest != Percent::default() {
        let zh = format!("各期比例合计 {given}%，应为 100%");
        return Err(bad(&zh, &format!("the shares sum to {given} %, not 100 %")));
    }
    Ok(tranches.iter().map(|t| t.percent.unwrap_or(rest)).collect())
}

/// Plans the payments of a price; without a price the amounts stay open.
///
/// Each share is floored to the fen. What that leaves goes to the tranche marked as remainder, or to the
/// last one, so that the sum is the price exactly.
///
/// # Errors
/// A [`Problem`] when the shares do not sum to 100 %.
pub fn plan(tranches: &[Tranche], price: Option<Fen>) -> Result<Vec<Payment>, Problem> {
    let shares = shares(tranches)?;
    let taker = tranches
        .iter()
        .position(|t| t.remainder)
        .or(tranches.len().checked_sub(1));
    let others = |price: Fen| {
        let indexed = shares.iter().enumerate();
        let paid = indexed
            .filter(|(i, _)| Some(*i) != taker)
            .map(|(_, share)| price.percent_floor(*share).0);
        Fen(price.0 - paid.sum::<i64>())
    };
    let payment = |(i, tranche): (usize, &Tranche)| Payment {
        no: tranche.no,
        percent: shares[i],
        amount: price.map(|price| {
            if Some(i) == taker {
                others(price)
            } else {
                price.percent_floor(shares[i])
            }
        }),
        obligation: tranche.obligation.clone(),
        rule: tranche.rule.clone(),
    };
    Ok(tranches.iter().enumerate().map(payment).collect())
}

fn bad(zh: &str, en: &str) -> Problem {
    Problem::new("bad-tranches", msg(zh, en))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tranche(no: u32, percent: Option<&str>, remainder: bool) -> Tranche {
        let percent = percent.and_then(|p| p.parse().ok());
        Tranche {
            no,
            percent,
            remainder,
            obligation: String::new(),
            rule: "X-1".to_owned(),
        }
    }

    fn amounts(tranches: &[Tranche], price: i64) -> Vec<i64> {
        let plan = plan(tranches, Some(Fen(price))).unwrap_or_default();
        plan.iter().filter_map(|p| Some(p.amount?.0)).collect()
    }

    #[test]
    fn the_sum_is_the_price_to_the_fen() {
        let thirds = [
            tranche(1, Some("33.3"), false),
            tranche(2, Some("33.3"), false),
            tranche(3, None, true),
        ];
        for price in [0, 1, 2, 100, 101, 545_000_000, 545_000_001, i64::MAX] {
            assert_eq!(amounts(&thirds, price).iter().sum::<i64>(), price);
        }
        assert_eq!(amounts(&thirds, 100), [33, 33, 34]);
        let first_takes_rest = [tranche(1, Some("50"), true), tranche(2, Some("50"), false)];
        assert_eq!(amounts(&first_takes_rest, 101), [51, 50]);
        let none_marked = [tranche(1, Some("50"), false), tranche(2, Some("50"), false)];
        assert_eq!(amounts(&none_marked, 101), [50, 51]);
    }

    #[test]
    fn shares_must_make_a_whole() {
        let code = |tranches: &[Tranche]| plan(tranches, None).map_err(|p| p.message.en);
        assert!(code(&[tranche(1, Some("50"), false), tranche(2, Some("40"), true)]).is_err());
        assert!(code(&[tranche(1, Some("70"), false), tranche(2, Some("40"), false)]).is_err());
        assert!(code(&[tranche(1, None, true), tranche(2, None, true)]).is_err());
        assert!(code(&[tranche(2, Some("100"), false)]).is_err());
        assert!(code(&[tranche(1, Some("60"), false), tranche(2, None, true)]).is_ok());
    }
}
