//! Exact shares: what is divided is given out to the fen.

use crate::{Call, Fen, Percent, Problem, Value};

/// Divides an amount in proportion to the weights (按比例分配), to whole fen by the largest remainder.
///
/// The shares sum to the total exactly; of equal remainders the earlier one gets the fen. `None` when a
/// weight or the total is negative, or when nothing has any weight.
#[must_use]
pub fn proportional(total: Fen, weights: &[i64]) -> Option<Vec<Fen>> {
    let whole: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if total.0 < 0 || whole <= 0 || weights.iter().any(|weight| *weight < 0) {
        return None;
    }
    let exact = |weight: &i64| i128::from(total.0) * i128::from(*weight);
    let mut shares: Vec<Fen> = Vec::with_capacity(weights.len());
    for weight in weights {
        shares.push(Fen(i64::try_from(exact(weight) / whole).ok()?));
    }
    let given: i64 = shares.iter().map(|share| share.0).sum();
    let left = usize::try_from(total.0 - given).ok()?;
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(exact(&weights[*i]) % whole), *i));
    for i in order.into_iter().take(left) {
        shares[i].0 += 1;
    }
    Some(shares)
}

/// Divides an amount by percentages that make a whole, such as 90 and 10; `None` when they do not.
#[must_use]
pub fn split(total: Fen, percents: &[Percent]) -> Option<Vec<Fen>> {
    let whole = percents
        .iter()
        .try_fold(Percent::default(), |sum, percent| sum.checked_add(*percent))?;
    if whole != Percent::HUNDRED {
        return None;
    }
    let weights: Vec<i64> = percents.iter().map(|p| i64::from(p.micro())).collect();
    proportional(total, &weights)
}

/// How many percent one amount is of another, rounded half up to four decimals: `2.1412`.
///
/// `None` where the whole is not above zero.
#[must_use]
pub fn share_text(part: Fen, whole: Fen) -> Option<String> {
    if whole.0 <= 0 || part.0 < 0 {
        return None;
    }
    let (part, whole) = (i128::from(part.0), i128::from(whole.0));
    let rounded = (part * 1_000_000 * 2 + whole) / (whole * 2);
    let text = format!("{}.{:04}", rounded / 10_000, rounded % 10_000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Some(text.to_owned())
}

/// The sum; `None` on overflow.
#[must_use]
pub fn sum(amounts: impl IntoIterator<Item = Fen>) -> Option<Fen> {
    amounts
        .into_iter()
        .try_fold(0_i64, |sum, amount| sum.checked_add(amount.0))
        .map(Fen)
}

/// The sum of the amounts of a list fact such as `stations`; `None` unless it is a list in which every
/// row has one.
///
/// # Errors
/// A [`Problem`] when an amount has another type.
pub fn listed(call: &Call<'_>, key: &str) -> Result<Option<Fen>, Problem> {
    if !matches!(call.facts.get(key), Some(Value::Rows(rows)) if !rows.is_empty()) {
        return Ok(None);
    }
    let mut amounts = Vec::new();
    for row in call.facts.rows(key)?.unwrap_or_default() {
        let Some(amount) = row.money("amount")? else {
            return Ok(None);
        };
        amounts.push(amount);
    }
    Ok(sum(amounts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fen(shares: Option<Vec<Fen>>) -> Vec<i64> {
        shares.unwrap_or_default().iter().map(|s| s.0).collect()
    }

    #[test]
    fn shares_sum_to_the_total_whatever_the_weights() {
        for total in [0, 1, 2, 99, 100, 102_000_000, 9_999_999_999] {
            for weights in [
                &[1, 1, 1][..],
                &[3, 5, 7, 11],
                &[1],
                &[0, 4, 0],
                &[i64::MAX, 1],
            ] {
                let shares = fen(proportional(Fen(total), weights));
                assert_eq!(shares.len(), weights.len());
                assert_eq!(shares.iter().sum::<i64>(), total, "{total} by {weights:?}");
            }
        }
    }

    #[test]
    fn the_largest_remainder_gets_the_fen() {
        assert_eq!(fen(proportional(Fen(100), &[1, 1, 1])), [34, 33, 33]);
        // 14.28…, 28.57…, 57.14…: the middle one lacks least to the next fen.
        assert_eq!(fen(proportional(Fen(100), &[1, 2, 4])), [14, 29, 57]);
        assert_eq!(fen(proportional(Fen(100), &[0, 5, 0])), [0, 100, 0]);
    }

    #[test]
    fn nothing_is_divided_without_weight() {
        assert_eq!(proportional(Fen(100), &[]), None);
        assert_eq!(proportional(Fen(100), &[0, 0]), None);
        assert_eq!(proportional(Fen(100), &[2, -1]), None);
        assert_eq!(proportional(Fen(-1), &[1]), None);
    }

    #[test]
    fn percentages_split_exactly() {
        let parts = |total: i64, list: &[u32]| {
            let percents: Vec<Percent> = list.iter().map(|p| Percent::whole(*p)).collect();
            fen(split(Fen(total), &percents))
        };
        assert_eq!(parts(332_020_000, &[90, 10]), [298_818_000, 33_202_000]);
        assert_eq!(parts(376_620_000, &[90, 10]), [338_958_000, 37_662_000]);
        assert_eq!(parts(5, &[90, 10]), [5, 0]);
        assert_eq!(parts(100, &[90, 9]), Vec::<i64>::new());
        assert_eq!(parts(100, &[90, 20]), Vec::<i64>::new());
    }

    #[test]
    fn a_share_is_rounded_to_four_decimals() {
        let text = |part, whole| share_text(Fen(part), Fen(whole)).unwrap_or_default();
        assert_eq!(text(182_000_000, 8_500_000_000), "2.1412");
        assert_eq!(text(1, 3), "33.3333");
        assert_eq!(text(2, 3), "66.6667");
        assert_eq!(text(3, 2), "150");
        assert_eq!(share_text(Fen(1), Fen(0)), None);
    }

    #[test]
    fn a_sum_beyond_all_money_is_none() {
        assert_eq!(sum([Fen(1), Fen(2)]), Some(Fen(3)));
        assert_eq!(sum([Fen(i64::MAX), Fen(1)]), None);
    }
}
