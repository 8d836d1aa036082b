//! What the law makes of the facts: deadlines and findings.
//!
//! `plan` shows the result as it is; the engine turns the part that is a person's task into
//! open obligations. Both use this one function, so they can never disagree.

mod suspended;

use std::{
    borrow::Cow,
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use chrono::NaiveDate;

use crate::{
    calendar::Calendar,
    deadline::{Computation, Direction, Suspension, compute, compute_date},
    definition::{Basis, Confidence, Definition, Force, IssueDoc, ObligationDoc},
    fact::{FactType, FactValue, Facts, Scalar},
    finding::{Finding, FindingCode, Severity},
    guard::{Scope, World},
    text::Text,
};

pub use suspended::suspensions_told;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'d, 'a> {
    /// The law.
    pub definition: &'d Definition,
    /// The facts, without defaults.
    pub facts: &'a Facts,
    /// Region → state; empty for `plan`.
    pub states: &'a BTreeMap<String, String>,
    /// The civil date that guards see.
    pub today: NaiveDate,
    /// The calendar.
    pub calendar: &'a Calendar,
    /// Obligation → times in which its clock stood still.
    pub suspensions: &'a BTreeMap<String, Vec<Suspension>>,
}

/// Which side of the date is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlineKind {
    /// Not later than this day.
    Latest,
    /// Not earlier than this day.
    Earliest,
    /// A day named in the text.
    Fixed,
}

/// A date that follows from a rule and the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The obligation, with the row it speaks of: `cert`, `cert/zhang`.
    pub key: String,
    /// The obligation.
    pub id: String,
    /// The rule sheet's id.
    pub rule: String,
    /// For people.
    pub title: Text,
    /// Which side is allowed.
    pub kind: DeadlineKind,
    /// What the period runs from: a fact, or `due:` and an obligation.
    pub anchor: String,
    /// The date it runs from.
    pub anchor_date: Option<NaiveDate>,
    /// The anchor did not happen yet; the latest lawful day was taken in its place.
    pub projected: bool,
    /// How binding it is.
    pub force: Force,
    /// Where it is written.
    pub basis: Basis,
    /// The date and how it came about.
    pub computation: Computation,
    /// The day on which the facts say it was done.
    pub met_on: Option<NaiveDate>,
}

/// A date with the rule it follows from, not copied: all that the engine acts on.
#[derive(Debug)]
pub struct Dated<'d> {
    /// As [`Deadline::key`].
    pub key: Cow<'d, str>,
    /// The rule.
    pub obligation: &'d ObligationDoc,
    /// Which side is allowed.
    pub kind: DeadlineKind,
    /// As [`Deadline::anchor`].
    pub anchor: Cow<'d, str>,
    /// The date it runs from.
    pub anchor_date: Option<NaiveDate>,
    /// As [`Deadline::projected`].
    pub projected: bool,
    /// The date and how it came about.
    pub computation: Computation,
    /// The day on which the facts say it was done.
    pub met_on: Option<NaiveDate>,
}

impl From<Dated<'_>> for Deadline {
    fn from(dated: Dated<'_>) -> Self {
        let obligation = dated.obligation;
        Self {
            key: dated.key.into_owned(),
            id: obligation.id.clone(),
            rule: obligation.rule.clone(),
            title: obligation.title.clone(),
            kind: dated.kind,
            anchor: dated.anchor.into_owned(),
            anchor_date: dated.anchor_date,
            projected: dated.projected,
            force: obligation.force,
            basis: obligation.basis.clone(),
            computation: dated.computation,
            met_on: dated.met_on,
        }
    }
}

/// Deadlines in the order of the definition, and findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluation {
    /// The dates.
    pub deadlines: Vec<Deadline>,
    /// What else there is to say.
    pub findings: Vec<Finding>,
}

/// Applies every rule of the definition to the facts.
#[must_use]
pub fn evaluate(question: Question<'_, '_>) -> Evaluation {
    let (facts, defaulted) = question.definition.with_defaults(question.facts);
    let mut run = Run::new(question, &facts, true);
    let mut result = Evaluation {
        deadlines: run.all().into_iter().map(Deadline::from).collect(),
        findings: Vec::new(),
    };
    result
        .findings
        .extend(defaulted.iter().map(default_finding));
    for deadline in &result.deadlines {
        result.findings.extend(projection_finding(deadline));
        result
            .findings
            .extend(lateness_finding(deadline, question.definition));
    }
    result
        .findings
        .extend(unverified_findings(question.definition, &result.deadlines));
    result
        .findings
        .extend(too_early_findings(question.definition, &result.deadlines));
    result.findings.extend(run.feasibility());
    result.findings.extend(run.notices());
    result.findings.extend(run.issues());
    result
}

/// The dates alone, without derivations and findings: all that the engine acts on.
#[must_use]
pub fn deadlines<'d>(question: Question<'d, '_>) -> Vec<Dated<'d>> {
    let (facts, _) = question.definition.with_defaults(question.facts);
    Run::new(question, &facts, false).all()
}

struct Run<'d: 'a, 'a> {
    question: Question<'d, 'a>,
    /// Derivations are wanted.
    explain: bool,
    /// Made ready for guards when the first one asks.
    world: OnceCell<World<'a>>,
    /// What other obligations hang on: the first date of each, and whether it is projected.
    first: BTreeMap<&'d str, Option<(Option<NaiveDate>, bool)>>,
    done: BTreeMap<&'d str, Vec<Dated<'d>>>,
    under_way: BTreeSet<&'d str>,
}

/// A day a period runs from, and why it is that day.
struct Anchor<'d> {
    name: Cow<'d, str>,
    row: Option<String>,
    /// `None` where it waits for the calendar or for the end of a suspension.
    date: Option<NaiveDate>,
    projected: bool,
}

impl<'d: 'a, 'a> Run<'d, 'a> {
    fn new(question: Question<'d, 'a>, facts: &'a Cow<'a, Facts>, explain: bool) -> Self {
        Self {
            question: Question { facts, ..question },
            explain,
            world: OnceCell::new(),
            first: BTreeMap::new(),
            done: BTreeMap::new(),
            under_way: BTreeSet::new(),
        }
    }

    /// The dates of all obligations, in the order of the definition.
    fn all(&mut self) -> Vec<Dated<'d>> {
        let obligations = &self.question.definition.doc.obligations;
        let mut all = Vec::new();
        for obligation in obligations {
            self.settle(obligation);
            all.extend(
                self.done
                    .remove(obligation.id.as_str())
                    .into_iter()
                    .flatten(),
            );
        }
        all
    }

    /// Computes the dates of one obligation unless that was done: none, one, or one for each row of
    /// its anchor. Says which is the first.
    fn settle(&mut self, obligation: &'d ObligationDoc) -> Option<(Option<NaiveDate>, bool)> {
        let id = obligation.id.as_str();
        if let Some(first) = self.first.get(id) {
            return *first;
        }
        // The linter refuses cycles; a definition that was never linted ends here.
        if !self.under_way.insert(id) || !self.applies(obligation.when.as_ref()) {
            return None;
        }
        let deadlines = self.compute(obligation);
        self.under_way.remove(id);
        let first = deadlines.first().map(|d| (d.computation.due, d.projected));
        self.first.insert(id, first);
        self.done.insert(id, deadlines);
        first
    }

    fn applies(&self, when: Option<&String>) -> bool {
        let Some(source) = when else { return true };
        // A condition without an answer does not hold: an absent fact makes no deadline.
        self.question
            .definition
            .guard(source)
            .is_some_and(|guard| guard.holds(self.world()).unwrap_or(false))
    }

    fn world(&self) -> &World<'a> {
        self.world.get_or_init(|| {
            World::new(Scope {
                vocabulary: &self.question.definition.vocabulary,
                facts: self.question.facts,
                states: self.question.states,
                today: self.question.today,
            })
        })
    }

    fn compute(&mut self, obligation: &'d ObligationDoc) -> Vec<Dated<'d>> {
        let anchors = self.anchors(obligation);
        let dated = |key, kind, anchor: &Anchor<'d>, computation| Dated {
            key,
            obligation,
            kind,
            anchor: anchor.name.clone(),
            anchor_date: anchor.date,
            projected: anchor.projected,
            computation,
            met_on: self.met_on(obligation, anchor),
        };
        let id = Cow::Borrowed(obligation.id.as_str());
        if let Some(date) = obligation.date {
            let anchor = Anchor {
                name: Cow::Borrowed(""),
                row: None,
                date: None,
                projected: false,
            };
            let computation = Computation::fixed(date, self.question.calendar);
            return vec![dated(id, DeadlineKind::Fixed, &anchor, computation)];
        }
        let key = |anchor: &Anchor<'d>| match &anchor.row {
            Some(row) => Cow::Owned(format!("{}/{row}", obligation.id)),
            None => id.clone(),
        };
        let calendar = self.question.calendar;
        if let Some(day) = obligation.month_day {
            let fixed = |anchor: &Anchor<'d>| {
                let date = anchor.date.and_then(|date| day.on_or_after(date));
                let computation = match date {
                    Some(date) => Computation::fixed(date, calendar),
                    None => waiting(),
                };
                dated(key(anchor), DeadlineKind::Fixed, anchor, computation)
            };
            return anchors.iter().map(fixed).collect();
        }
        let Some(period) = obligation.period else {
            return Vec::new();
        };
        let kind = if period.direction() == Direction::AtLeastAfter {
            DeadlineKind::Earliest
        } else {
            DeadlineKind::Latest
        };
        let none = Vec::new();
        let pauses = self
            .question
            .suspensions
            .get(&obligation.id)
            .unwrap_or(&none);
        let compute = if self.explain { compute } else { compute_date };
        anchors
            .iter()
            .map(|anchor| {
                let computation = match anchor.date {
                    Some(date) => compute(date, period, obligation.roll, calendar, pauses),
                    None => waiting(),
                };
                dated(key(anchor), kind, anchor, computation)
            })
            .collect()
    }

    fn anchors(&mut self, obligation: &'d ObligationDoc) -> Vec<Anchor<'d>> {
        let present = obligation
            .anchor
            .iter()
            .find_map(|key| Some((key, self.question.facts.get(key)?)));
        if let Some((key, value)) = present {
            return dates(value)
                .into_iter()
                .map(|(row, date)| Anchor {
                    name: Cow::Borrowed(key.as_str()),
                    row,
                    date: Some(date),
                    projected: false,
                })
                .collect();
        }
        if let Some(before) = &obligation.after_due_of {
            return self.due_of(before, false).into_iter().collect();
        }
        match &obligation.projected_from {
            Some(before) => self.due_of(before, true).into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn due_of(&mut self, id: &str, projected: bool) -> Option<Anchor<'d>> {
        let obligation = self.question.definition.obligation(id)?;
        let (date, is_projected) = self.settle(obligation)?;
        Some(Anchor {
            name: Cow::Owned(format!("due:{id}")),
            row: None,
            date,
            projected: projected || is_projected,
        })
    }

    /// The day on which the facts say it was done; for one row, the row of the same id counts.
    fn met_on(&self, obligation: &ObligationDoc, anchor: &Anchor<'_>) -> Option<NaiveDate> {
        let row = anchor.row.as_deref();
        // Where each person may have a clock, one person's date says nothing about the others.
        let personal = self.question.definition.fact_type(&anchor.name) == Some(&FactType::Dates);
        let facts = obligation
            .met_by
            .iter()
            .filter_map(|key| self.question.facts.get(key));
        let done = facts.filter_map(|value| {
            let dates = dates(value);
            match (value, row) {
                (FactValue::Rows(_), Some(row)) => dates
                    .into_iter()
                    .find(|(id, _)| id.as_deref() == Some(row))
                    .map(|(_, date)| date),
                (FactValue::Rows(_), None) if personal => None,
                // Everybody has to be on duty: the last one counts.
                _ => dates.into_iter().map(|(_, date)| date).max(),
            }
        });
        done.min()
    }

    fn feasibility(&mut self) -> Vec<Finding> {
        let definition = self.question.definition;
        let mut findings = Vec::new();
        for pair in &definition.doc.feasibility {
            if !self.applies(pair.when.as_ref()) {
                continue;
            }
            let from_fact = pair
                .anchor
                .iter()
                .find_map(|key| self.question.facts.get(key)?.as_date());
            let from = match (from_fact, &pair.after_due_of) {
                (None, Some(id)) => self.due_of(id, false).and_then(|a| a.date),
                (from_fact, _) => from_fact,
            };
            let Some(from) = from else { continue };
            let Some(latest) = self.due_of(&pair.not_after, false).and_then(|a| a.date) else {
                continue;
            };
            let earliest = compute(
                from,
                pair.period,
                crate::deadline::RollPolicy::Civil,
                self.question.calendar,
                &[],
            );
            let Some(earliest) = earliest.due.filter(|e| *e > latest) else {
                continue;
            };
            let fill = |text: &str| {
                text.replace("{earliest}", &earliest.to_string())
                    .replace("{latest}", &latest.to_string())
            };
            findings.push(Finding {
                code: FindingCode::Infeasible,
                rule: pair.rule.clone(),
                severity: Severity::Warning,
                message: Text::new(fill(&pair.message.zh), fill(&pair.message.en)),
                facts: pair.anchor.clone(),
                options: Vec::new(),
            });
        }
        findings
    }

    fn issues(&self) -> Vec<Finding> {
        let issues = self.question.definition.doc.issues.iter();
        issues
            .filter(|issue| self.applies(issue.when.as_ref()))
            .map(|issue| issue_finding(issue, self.question.facts))
            .collect()
    }

    fn notices(&self) -> Vec<Finding> {
        let notices = self.question.definition.doc.notices.iter();
        notices
            .filter(|notice| self.applies(notice.when.as_ref()))
            .map(|notice| Finding {
                code: notice.code,
                rule: notice.rule.clone(),
                severity: notice.severity,
                message: notice.message.clone(),
                facts: notice.facts.clone(),
                options: Vec::new(),
            })
            .collect()
    }
}

/// What an open point is to those who read it now: a question, or what was decided.
fn issue_finding(issue: &IssueDoc, facts: &Facts) -> Finding {
    let decided = facts.get(&issue.fact()).and_then(FactValue::as_text);
    let decided = decided.and_then(|id| issue.option(id));
    let (code, severity, message, options) = match decided {
        Some(option) => (
            FindingCode::Informative,
            Severity::Info,
            Text::new(
                format!("已决定：{}（{}）", option.zh, issue.message.zh),
                format!("decided: {} ({})", option.en, issue.message.en),
            ),
            Vec::new(),
        ),
        None => (
            FindingCode::NeedsDecision,
            issue.severity,
            issue.message.clone(),
            issue.choices(),
        ),
    };
    Finding {
        code,
        rule: issue.id.clone(),
        severity,
        message,
        facts: issue.facts.clone(),
        options,
    }
}

/// A date that follows from one which is not known yet.
fn waiting() -> Computation {
    Computation {
        due: None,
        unrolled: None,
        provisional: true,
        derivation: Vec::new(),
    }
}

/// The dates in a fact: one, or one for each row that has a `date`.
fn dates(value: &FactValue) -> Vec<(Option<String>, NaiveDate)> {
    match value {
        FactValue::One(Scalar::Date(date)) => vec![(None, *date)],
        FactValue::Rows(rows) => rows
            .iter()
            .enumerate()
            .filter_map(|(i, row)| match (row.get("date"), row.get("id")) {
                (Some(Scalar::Date(date)), Some(Scalar::Text(id))) => {
                    Some((Some(id.clone()), *date))
                }
                (Some(Scalar::Date(date)), _) => Some((Some((i + 1).to_string()), *date)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn default_finding((key, from): &(String, String)) -> Finding {
    Finding {
        code: FindingCode::Defaulted,
        rule: String::new(),
        severity: Severity::Info,
        message: Text::new(
            format!("未填 {key}，按 {from} 计"),
            format!("{key} is absent and was taken from {from}"),
        ),
        facts: vec![key.clone(), from.clone()],
        options: Vec::new(),
    }
}

fn projection_finding(deadline: &Deadline) -> Option<Finding> {
    let date = deadline.anchor_date.filter(|_| deadline.projected)?;
    Some(Finding {
        code: FindingCode::Projected,
        rule: deadline.rule.clone(),
        severity: Severity::Info,
        message: Text::new(
            format!(
                "{}：起算日未填，按前一步骤的最迟日 {date} 推算",
                deadline.title.zh
            ),
            format!(
                "{}: the anchor is not known; projected from {date}, the latest day of the step before",
                deadline.title.en
            ),
        ),
        facts: Vec::new(),
        options: Vec::new(),
    })
}

/// A fact that lies on the wrong side of its date.
fn lateness_finding(deadline: &Deadline, definition: &Definition) -> Option<Finding> {
    let (met, due) = (deadline.met_on?, deadline.computation.due?);
    let early = deadline.computation.unrolled.unwrap_or(due);
    let (zh, en) = match deadline.kind {
        DeadlineKind::Latest | DeadlineKind::Fixed if met > due => {
            ("晚于最迟日", "is after the latest day")
        }
        DeadlineKind::Earliest if met < due => ("早于最早日", "is before the earliest day"),
        _ => return None,
    };
    // From a projected anchor nobody can be late: the step before may have been done later. And
    // whether the last day of a minimum rolls can be disputed: between the two days it is a warning.
    let disputed = deadline.kind == DeadlineKind::Earliest && met >= early;
    // Nor can anybody be held to a wording that nobody has read.
    let obligation = definition.obligation(&deadline.id);
    let believed = obligation.is_some_and(|o| o.confidence == Some(Confidence::Belief));
    let severity = match deadline.force {
        _ if deadline.projected || disputed || believed => Severity::Warning,
        Force::Law | Force::Mandatory => Severity::Error,
        Force::Target | Force::Preference => Severity::Warning,
        Force::Informative => Severity::Info,
    };
    let facts = obligation.map(|o| o.met_by.clone());
    Some(Finding {
        code: FindingCode::Violation,
        rule: deadline.rule.clone(),
        severity,
        message: Text::new(
            format!("{}：{met} {zh} {due}", deadline.title.zh),
            format!("{}: {met} {en} {due}", deadline.title.en),
        ),
        facts: facts.unwrap_or_default(),
        options: Vec::new(),
    })
}

/// A rule applied to a time before it was in force. The date is shown all the same: the rule
/// that stood before it has to be looked up by a person.
fn too_early_findings(definition: &Definition, deadlines: &[Deadline]) -> Vec<Finding> {
    let early = deadlines.iter().filter_map(|deadline| {
        let from = definition.obligation(&deadline.id)?.in_force_from?;
        let anchor = deadline.anchor_date.filter(|a| *a < from)?;
        Some((deadline, from, anchor))
    });
    early
        .map(|(deadline, from, anchor)| Finding {
            code: FindingCode::NeedsDecision,
            rule: deadline.rule.clone(),
            severity: Severity::Warning,
            message: Text::new(
                format!("{}：{} 自 {from} 起施行，起算日 {anchor} 在此之前，请核对当时的规定", deadline.title.zh, deadline.basis.source),
                format!("{}: {} is in force from {from}, the period runs from {anchor}; check the rule of that time", deadline.title.en, deadline.basis.source),
            ),
            facts: Vec::new(),
            options: Vec::new(),
        })
        .collect()
}

fn unverified_findings(definition: &Definition, deadlines: &[Deadline]) -> Vec<Finding> {
    deadlines
        .iter()
        .filter_map(|deadline| {
            let obligation = definition.obligation(&deadline.id)?;
            let confidence = match obligation.confidence? {
                Confidence::Read => return None,
                Confidence::Secondary => "secondary",
                Confidence::Belief => "belief",
            };
            Some(Finding {
                code: FindingCode::Unverified,
                rule: deadline.rule.clone(),
                severity: Severity::Warning,
                message: Text::new(
                    format!(
                        "{}：{} 未核对原文（{confidence}）",
                        deadline.title.zh, deadline.basis.source
                    ),
                    format!(
                        "{}: {} was not read at its source ({confidence})",
                        deadline.title.en, deadline.basis.source
                    ),
                ),
                facts: Vec::new(),
                options: Vec::new(),
            })
        })
        .collect()
}
