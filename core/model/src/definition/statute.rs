//! The statutory clocks, against which periods in definitions and overlays are held.
//!
//! The numbers are those of the national rule sheet (`CN-…`), each with its article. A definition
//! that claims such a rule must state it as the law does, or stricter.

use crate::deadline::{Direction, Period, Unit};

/// One statutory clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statute {
    /// The rule sheet's id.
    pub rule: &'static str,
    /// The period, in the grammar of definitions.
    pub period: &'static str,
    /// The facts it may run from; empty where the common vocabulary has none.
    pub anchors: &'static [&'static str],
    /// The law.
    pub source: &'static str,
    /// The article, as the source numbers it.
    pub article: &'static str,
}

impl Statute {
    /// The period; `None` only if the table were wrong, which a test excludes.
    #[must_use]
    pub fn period(&self) -> Option<Period> {
        self.period.parse().ok()
    }

    /// The clock of that rule.
    #[must_use]
    pub fn of(rule: &str) -> Option<&'static Self> {
        STATUTES.iter().find(|statute| statute.rule == rule)
    }
}

macro_rules! statutes {
    ($($source:literal { $($rule:literal $article:literal $period:literal [$($anchor:literal),*];)* })*) => {
        /// Every clock of the national rule sheet.
        pub const STATUTES: &[Statute] = &[$($(Statute {
            rule: $rule,
            period: $period,
            anchors: &[$($anchor),*],
            source: $source,
            article: $article,
        }),*),*];
    };
}

statutes! {
    "中华人民共和国政府采购法(2014修正)" {
        "CN-TENDER-20D" "35" "at least 20 days" ["tender.docs_issued", "docs.issued"];
        "CN-CONTRACT-30D" "46" "30 days" ["award.notice_issued"];
        "CN-FILING-7WD" "47" "7 working-days" ["contract.signed"];
        "CN-CHALLENGE-7WD" "52" "7 working-days" ["harm.known"];
        "CN-CHALLENGE-REPLY-7WD" "53" "7 working-days" ["challenge.received"];
        "CN-COMPLAINT-15WD" "55" "15 working-days" [];
        "CN-COMPLAINT-DECISION-30WD" "56" "30 working-days" ["complaint.received"];
        "CN-SUSPEND-30D" "57" "30 days" [];
        "CN-ARCHIVE-15Y" "42" "at least 15 years" ["procurement.ended"];
    }
    "政府采购法实施条例(国务院令第658号)" {
        "CN-DOCS-5WD" "31" "at least 5 working-days" ["tender.docs_issued"];
        "CN-CLARIFY-15D" "31" "at least 15 days before" ["bid.deadline"];
        "CN-BIDBOND-RETURN-LOSERS" "33" "5 working-days" ["award.notice_issued"];
        "CN-BIDBOND-RETURN-WINNER" "33" "5 working-days" ["contract.signed"];
        "CN-SINGLE-SOURCE-5WD" "38" "at least 5 working-days" [];
        "CN-EVALREPORT-2WD" "43" "2 working-days" ["evaluation.finished"];
        "CN-DECIDE-5WD" "43" "5 working-days" ["evaluation.report_received", "report.delivered"];
        "CN-AWARD-NOTICE-2WD" "43" "2 working-days" ["award.decided"];
        "CN-CONTRACT-PUBLICITY-2WD" "50" "2 working-days" ["contract.signed"];
        "CN-INQUIRY-3WD" "52" "3 working-days" ["inquiry.received"];
    }
    "财政部令第87号" {
        "CN-87-NOTICE-5WD" "16" "at least 5 working-days" ["notice.published"];
        "CN-87-RESULT-1WD" "69" "at least 1 working-day" ["result.published"];
    }
    "财政部令第74号" {
        "CN-74-CONTRACT-30D" "19" "30 days" ["award.notice_issued"];
        "CN-74-NEGOTIATION-3WD" "29" "at least 3 working-days" ["docs.issued", "tender.docs_issued", "clarification.issued"];
        "CN-74-INQUIRY-3WD" "45" "at least 3 working-days" ["docs.issued", "tender.docs_issued", "clarification.issued"];
    }
    "财库〔2014〕214号" {
        "CN-214-CONSULT-10D" "10" "at least 10 days" ["docs.issued", "tender.docs_issued"];
    }
    "财政部令第94号" {
        "CN-94-REVIEW-5WD" "21" "5 working-days" ["complaint.received"];
        "CN-94-COPY-8WD" "21(四)" "8 working-days" ["complaint.received"];
        "CN-94-ANSWER-5WD" "22" "5 working-days" ["complaint.copy_received"];
    }
    "财库〔2019〕38号" {
        "CN-PAY-30D-INVOICE" "资金支付段" "30 days" ["invoice.received"];
    }
    "财办库〔2023〕243号" {
        "CN-PAY-10WD-INVOICE" "?" "10 working-days" ["invoice.received"];
    }
    "保障中小企业款项支付条例(国务院令第802号,2025-06-01施行)" {
        "CN-SME-PAY-30D" "9" "30 days" ["service.delivered", "delivery.accepted", "settlement.confirmed"];
    }
    "财库〔2020〕10号 采购意向公开" {
        "CN-INTENT-30D" "?" "at least 30 days before" ["procurement.started"];
    }
}

/// The same stretch of time seen from its other end: at least 15 days before the bid deadline is
/// at least 15 days from the clarification to it.
#[must_use]
pub fn mirrored(period: Period) -> Option<Period> {
    let direction = match period.direction() {
        Direction::AtLeastBefore => Direction::AtLeastAfter,
        Direction::AtLeastAfter => Direction::AtLeastBefore,
        Direction::WithinAfter | Direction::Before => return None,
    };
    Period::new(period.count(), period.unit(), direction).ok()
}

/// How a period compares with the one the law sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It demands as much or more.
    Holds,
    /// It demands less.
    Looser,
    /// The units differ, and in some years it would demand less.
    MayBeLooser,
    /// It is counted the other way, so that the two cannot be compared.
    Incomparable,
}

/// Compares a period with the one the law sets.
///
/// In the same unit the counts decide. Between units the comparison is conservative: it holds
/// only if it holds whatever the calendar is.
#[must_use]
pub fn compare(period: Period, law: Period) -> Strictness {
    let (new, old) = (period.direction(), law.direction());
    if new.is_backward() != old.is_backward() {
        return Strictness::Incomparable;
    }
    // Counted back, both forms mean "on that day or earlier"; counted on, a minimum is no limit.
    if !new.is_backward() && new.is_minimum() != old.is_minimum() {
        return Strictness::Incomparable;
    }
    // More is stricter for a minimum, and for what has to be done some time before.
    let more_is_stricter = old.is_minimum() || old.is_backward();
    if period.unit() == law.unit() {
        let holds = if more_is_stricter {
            period.count() >= law.count()
        } else {
            period.count() <= law.count()
        };
        return if holds {
            Strictness::Holds
        } else {
            Strictness::Looser
        };
    }
    let ((new_least, new_most), (old_least, old_most)) = (span_days(period), span_days(law));
    let (holds, fails) = if more_is_stricter {
        (new_least >= old_most, new_most < old_least)
    } else {
        (new_most <= old_least, new_least > old_most)
    };
    match (holds, fails) {
        (true, _) => Strictness::Holds,
        (_, true) => Strictness::Looser,
        _ => Strictness::MayBeLooser,
    }
}

/// The fewest and the most calendar days a period can take.
fn span_days(period: Period) -> (u64, u64) {
    let n = u64::from(period.count());
    match period.unit() {
        Unit::Days => (n, n),
        // At least as many days. At most: a weekend for every five, and the longest holiday of
        // ten days so far (2020) for every fifty.
        Unit::WorkingDays => (n, n + 2 * n.div_ceil(5) + 10 * n.div_ceil(50)),
        Unit::Months => (n * 30 - n.div_ceil(2).max(2), n * 31),
        Unit::Years => (n * 365, n * 366),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    #[test]
    fn every_clock_of_the_table_is_a_period() {
        for statute in STATUTES {
            assert!(statute.period().is_some(), "{}", statute.rule);
            assert_eq!(Statute::of(statute.rule), Some(statute));
        }
        // Directions only where the law sets a limit one way.
        assert_eq!(
            Statute::of("CN-TENDER-20D")
                .unwrap()
                .period()
                .unwrap()
                .direction(),
            Direction::AtLeastAfter
        );
    }

    #[test]
    fn shorter_limits_and_longer_minimums_hold() {
        use Strictness::*;
        for (new, law, expected) in [
            ("30 days", "30 days", Holds),
            ("25 days", "30 days", Holds),
            ("31 days", "30 days", Looser),
            ("at least 20 days", "at least 20 days", Holds),
            ("at least 25 days", "at least 20 days", Holds),
            ("at least 19 days", "at least 20 days", Looser),
            ("30 days", "at least 20 days", Incomparable),
            ("at least 30 days", "30 days", Incomparable),
            ("15 days before", "at least 15 days before", Holds),
            ("14 days before", "at least 15 days before", Looser),
            ("2 months before", "1 month before", Holds),
            ("10 days before", "1 month before", Looser),
            ("15 days", "15 days before", Incomparable),
            ("15 working-days", "30 days", MayBeLooser),
            ("5 working-days", "30 days", Holds),
            ("31 working-days", "30 days", Looser),
            ("7 days", "7 working-days", Holds),
            ("1 month", "30 days", MayBeLooser),
            ("30 days", "1 month", MayBeLooser),
            ("28 days", "1 month", Holds),
            ("1 year", "11 months", Looser),
            ("at least 10 working-days", "at least 10 days", Holds),
        ] {
            assert_eq!(
                compare(period(new), period(law)),
                expected,
                "{new} for {law}"
            );
        }
    }
}
