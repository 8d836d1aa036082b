//! Chooses among several computed dates.

use chrono::NaiveDate;

use super::{Computation, Step, StepKind};

/// One of several results to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What the reader calls it, for example `合同约定`.
    pub label: String,
    /// The result.
    pub computation: Computation,
}

/// Chooses the earliest result (以较早者为准); `None` without candidates.
///
/// A candidate without a day leaves the choice open, unless its counted day shows already
/// that it cannot be earlier.
pub fn earliest(candidates: &[Candidate]) -> Option<Computation> {
    choose(candidates, Choice::Earliest)
}

/// Chooses the latest result (以较晚者为准); `None` without candidates.
///
/// A candidate without a day leaves the choice open.
pub fn latest(candidates: &[Candidate]) -> Option<Computation> {
    choose(candidates, Choice::Latest)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Earliest,
    Latest,
}

impl Choice {
    fn prefers(self, one: NaiveDate, other: NaiveDate) -> bool {
        match self {
            Self::Earliest => one < other,
            Self::Latest => one > other,
        }
    }

    /// Returns the preferred date; of equal dates the first stays.
    fn pick<T>(self, items: impl Iterator<Item = (NaiveDate, T)>) -> Option<(NaiveDate, T)> {
        items.reduce(|best, item| {
            if self.prefers(item.0, best.0) {
                item
            } else {
                best
            }
        })
    }

    /// Tells whether an unknown result could still win against a known one.
    fn is_open(self, unknown: &Computation, best: NaiveDate) -> bool {
        match (self, unknown.unrolled) {
            // A roll only moves a day forward.
            (Self::Earliest, Some(unrolled)) => unrolled < best,
            _ => true,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Earliest => "取最早",
            Self::Latest => "取最晚",
        }
    }
}

fn choose(candidates: &[Candidate], choice: Choice) -> Option<Computation> {
    let mut derivation: Vec<Step> = (1..)
        .zip(candidates)
        .filter_map(|(number, candidate)| compared(number, candidate))
        .collect();
    let known = candidates.iter().enumerate();
    let known = known.filter_map(|(at, candidate)| Some((candidate.computation.due?, at)));
    let best = choice.pick(known);
    let unknown = candidates
        .iter()
        .map(|candidate| &candidate.computation)
        .find(|computation| {
            computation.due.is_none()
                && best.is_none_or(|(date, _)| choice.is_open(computation, date))
        });
    if let Some(unknown) = unknown {
        // The reason why the choice is open closes the derivation.
        derivation.extend(unknown.derivation.last().cloned());
        return Some(Computation {
            due: None,
            unrolled: None,
            provisional: true,
            derivation,
        });
    }
    let (due, at) = best?;
    let winner = candidates.get(at)?;
    derivation.extend(winner.computation.derivation.iter().cloned());
    derivation.push(Step {
        date: due,
        kind: StepKind::Chosen,
        n: u32::try_from(at + 1).ok(),
        note: Some(format!("{}：{}", choice.words(), winner.label)),
    });
    let mut unrolled = candidates
        .iter()
        .filter_map(|candidate| candidate.computation.unrolled);
    Some(Computation {
        due: Some(due),
        unrolled: unrolled
            .next()
            .and_then(|first| {
                choice.pick(
                    std::iter::once(first)
                        .chain(unrolled)
                        .map(|date| (date, ())),
                )
            })
            .map(|(date, ())| date),
        provisional: winner.computation.provisional,
        derivation,
    })
}

fn compared(number: u32, candidate: &Candidate) -> Option<Step> {
    let computation = &candidate.computation;
    let shown = computation.due.or(computation.unrolled);
    let last = computation.derivation.last().map(|step| step.date);
    let note = if computation.due.is_some() {
        candidate.label.clone()
    } else {
        format!("{}（未定）", candidate.label)
    };
    Some(Step {
        date: shown.or(last)?,
        kind: StepKind::Compared,
        n: Some(number),
        note: Some(note),
    })
}
