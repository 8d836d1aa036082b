//! Which findings of components need not hold any more after a decision.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};

use liucheng_model::{
    decide::{self, Decision, Stale},
    definition::{Definition, Source},
    event::{Event, Incident, Opening},
    fact::{FactValue, Facts, Scalar},
    finding::{Finding, FindingCode, Severity},
    project::{Pin, Project},
    text::Text,
    verdict::{Answer, Hook, PackagePin, Verdict},
};

fn definition() -> Definition {
    let base = include_str!("fixtures/lint/small.toml");
    let source = |text| Source { name: "t", text };
    Definition::load(source(base), None).unwrap()
}

fn package() -> PackagePin {
    PackagePin {
        id: "p".to_owned(),
        version: "1".to_owned(),
        component: String::new(),
    }
}

fn finding(facts: &[&str]) -> Finding {
    Finding {
        code: FindingCode::Informative,
        rule: "XX-01".to_owned(),
        severity: Severity::Info,
        message: Text::new("甲", "a"),
        facts: facts.iter().map(|key| (*key).to_owned()).collect(),
        options: Vec::new(),
    }
}

fn verdict(hook: Hook, findings: Vec<Finding>) -> Verdict {
    let answer = Answer {
        findings,
        ..Answer::default()
    };
    Verdict {
        hook,
        package: package(),
        input: String::new(),
        fuel: 1,
        answer,
        arguments: Facts::new(),
        next: None,
    }
}

/// A project with findings about a fact, about another one, about all, and of a step.
fn project() -> Project {
    let mut project = Project::opened(&Opening {
        code: "T-1".to_owned(),
        name: "test".to_owned(),
        definition: Pin {
            id: "d".to_owned(),
            version: "1".to_owned(),
            digest: "x".to_owned(),
        },
        package: Some(package()),
        calendar: "cn".to_owned(),
        contacts: BTreeMap::new(),
        states: BTreeMap::from([("lifecycle".to_owned(), "a".to_owned())]),
    });
    for (hook, facts) in [
        (Hook::Cap, &["budget.total"][..]),
        (Hook::Grade, &["eval.grade"]),
        (Hook::Staffing, &[]),
        (Hook::Step, &["step.note"]),
    ] {
        let verdict = verdict(hook, vec![finding(facts)]);
        project.apply(&Event::VerdictGiven(Box::new(verdict)));
    }
    project.apply(&set("eval.grade", 1));
    project
}

fn set(key: &str, value: i64) -> Event {
    let value = FactValue::One(Scalar::Int(value));
    Event::FactsSet {
        facts: Facts::from([(key.to_owned(), value)]),
    }
}

fn cleared(key: &str) -> Event {
    Event::FactsCleared {
        keys: vec![key.to_owned()],
    }
}

fn moved(region: &str, to: &str) -> Event {
    Event::Moved {
        region: region.to_owned(),
        transition: "t".to_owned(),
        from: "a".to_owned(),
        to: to.to_owned(),
    }
}

fn decision(before: &Project, events: Vec<Event>) -> Decision {
    let mut project = before.clone();
    events.iter().for_each(|event| project.apply(event));
    Decision { events, project }
}

/// What is asked again, and what is over.
fn stale(events: Vec<Event>) -> (Vec<Hook>, Vec<Hook>) {
    let before = project();
    let found = decide::stale(&definition(), &before, &decision(&before, events));
    (found.again, found.over)
}

#[test]
fn findings_are_bound_to_the_facts_they_name() {
    let none = (vec![], vec![]);
    assert_eq!(stale(vec![]), none);
    let some = (vec![Hook::Cap, Hook::Staffing], vec![]);
    assert_eq!(stale(vec![set("budget.total", 2)]), some);
    // One that names none is bound to all of them.
    let all = (vec![Hook::Staffing], vec![]);
    assert_eq!(stale(vec![set("other.fact", 2)]), all);
    assert_eq!(stale(vec![set("eval.grade", 1)]), none, "the same value");
    let again = (vec![Hook::Staffing, Hook::Grade], vec![]);
    assert_eq!(stale(vec![cleared("eval.grade")]), again, "taken back");
    // A transition leaves the past behind.
    let past = (vec![Hook::Staffing], vec![Hook::Grade]);
    let events = vec![moved("payments", "b"), cleared("eval.grade")];
    assert_eq!(stale(events), past);
}

#[test]
fn findings_are_bound_to_the_stage_of_their_project() {
    let every = vec![Hook::Cap, Hook::Staffing, Hook::Grade];
    let next = (every, vec![Hook::Step]);
    assert_eq!(stale(vec![moved("lifecycle", "b")]), next);
    let none = (vec![], vec![]);
    assert_eq!(stale(vec![moved("lifecycle", "a")]), none, "it stays");
    assert_eq!(stale(vec![moved("payments", "b")]), none);
}

#[test]
fn what_was_answered_waived_or_failed_is_left_alone() {
    let answered = Event::VerdictGiven(Box::new(verdict(Hook::Cap, vec![finding(&[])])));
    let waived = Event::VerdictWaived {
        hook: Hook::Grade,
        reason: "r".to_owned(),
    };
    let failed = Event::IncidentOpened(Box::new(Incident {
        hook: Hook::Staffing,
        package: package(),
        code: "E-PLUGIN-TRAP".to_owned(),
        reason: "r".to_owned(),
        on: "2021-09-01".parse().unwrap(),
    }));
    let events = vec![answered, waived, failed, moved("lifecycle", "b")];
    assert_eq!(stale(events), (vec![], vec![Hook::Step]));
}

#[test]
fn what_is_found_again_changes_nothing_and_what_is_not_goes() {
    let before = project();
    let all = Stale::all(&before);
    let hooks: BTreeSet<Hook> = all.again.iter().copied().collect();
    assert_eq!(
        (hooks, all.over.clone()),
        (
            [Hook::Cap, Hook::Grade, Hook::Staffing].into(),
            vec![Hook::Step]
        )
    );
    let mut computed = verdict(Hook::Grade, Vec::new());
    let value = FactValue::One(Scalar::Int(9));
    computed.answer.facts = Facts::from([("eval.grade".to_owned(), value)]);
    let verdicts = vec![
        verdict(Hook::Cap, vec![finding(&["budget.total"])]),
        computed,
    ];
    let after = decide::renew(decision(&before, Vec::new()), &all, verdicts);
    let kinds: Vec<bool> = after
        .events
        .iter()
        .map(|event| matches!(event, Event::VerdictRenewed { verdict, .. } if verdict.hook == Hook::Grade))
        .collect();
    assert_eq!(kinds, [false, true], "{:?}", after.events);
    let findings = &after.project.findings;
    assert!(findings[&Hook::Grade].is_empty() && !findings.contains_key(&Hook::Step));
    assert_eq!(findings[&Hook::Cap], before.findings[&Hook::Cap]);
    assert_eq!(after.project.facts, before.facts, "facts follow elsewhere");
}

#[test]
fn nobody_is_asked_for_facts_of_what_is_past() {
    let asks = |key: &str| Finding {
        code: FindingCode::InputRequired,
        ..finding(&[key])
    };
    let renewed = |known: Vec<Finding>, found: Vec<Finding>, events: Vec<Event>| {
        let mut before = project();
        let given = verdict(Hook::Grade, known);
        before.apply(&Event::VerdictGiven(Box::new(given)));
        let answer = vec![verdict(Hook::Grade, found)];
        let after = decide::renew(decision(&before, events), &Stale::default(), answer);
        let mut folded = before;
        after.events.iter().for_each(|event| folded.apply(event));
        assert_eq!(folded, after.project);
        after.project.findings[&Hook::Grade].clone()
    };
    // The year is over, and so is the grade; what else is found stays.
    let note = finding(&["stations"]);
    let found = || vec![asks("eval.grade"), finding(&["stations"])];
    let known = vec![finding(&["eval.grade"])];
    assert_eq!(renewed(known.clone(), found(), vec![]), [note]);
    // A person who takes a fact back is asked for it, and so is one who comes to a further question.
    let taken_back = vec![cleared("eval.grade")];
    assert_eq!(renewed(known, found(), taken_back), found());
    let further = vec![asks("budget.total")];
    assert_eq!(
        renewed(vec![asks("budget.fund_base")], further.clone(), vec![]),
        further
    );
}
