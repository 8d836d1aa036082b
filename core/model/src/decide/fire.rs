//! Firing an event.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use chrono::NaiveDate;
use serde_json::Value as Json;

use super::{Context, Decision, Draft, check_reason};
use crate::{
    deadline::{Direction, Period, Suspension},
    definition::{ANY, CheckDoc, Definition, ObligationDoc, STAY, TransitionDoc},
    evaluate::{Dated, DeadlineKind, Question, deadlines},
    event::{Event, Incident},
    fact::{FactType, FactValue, Facts, nearest},
    finding::Severity,
    guard::{Scope, World},
    project::Project,
    rejection::Rejection,
    verdict::{Hook, Verdict},
};

/// The most transitions one command may set off.
const CHAIN_MAX: usize = 32;

/// A command: an event with its facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Fire {
    /// The event.
    pub event: String,
    /// Facts in their canonical JSON form.
    pub facts: BTreeMap<String, Json>,
    /// The actor's roles; `*` stands for all.
    pub roles: BTreeSet<String>,
    /// Why the command goes on where the component again gives no answer.
    pub waived: Option<String>,
    /// What the component was asked and could not answer just now.
    pub unanswered: Vec<Incident>,
}

/// What has to be known before a command can be decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// What the component is to be asked, in order.
    pub hooks: Vec<Hook>,
    /// The facts as they would stand, with the command's; empty where nothing is to be asked.
    pub facts: Facts,
    /// Those of the command that are not kept.
    pub arguments: Facts,
}

/// Which events the present states allow, in the order of the definition.
#[must_use]
pub fn possible(definition: &Definition, project: &Project) -> Vec<String> {
    let mut events = Vec::new();
    let world = LazyCell::new(|| {
        World::new(Scope {
            vocabulary: &definition.vocabulary,
            facts: &project.facts,
            states: &project.states,
            today: NaiveDate::MIN,
        })
    });
    for transition in &definition.doc.transitions {
        let event = transition.event();
        let external = !transition.roles.is_empty() && !transition.is_automatic();
        let known = events.iter().any(|e| e == event);
        if external
            && !known
            && leaves(definition, project, transition)
            && !is_ruled_out(definition, &world, transition)
        {
            events.push(event.to_owned());
        }
    }
    events
}

/// Is its guard false whatever the command brings, and whatever day it is?
fn is_ruled_out<'w>(
    definition: &Definition,
    world: &impl Deref<Target = World<'w>>,
    transition: &TransitionDoc,
) -> bool {
    let guard = transition.guard.as_ref().and_then(|g| definition.guard(g));
    let open = |name: &String| {
        name == "today" || transition.requires.contains(name) || transition.records.contains(name)
    };
    guard.is_some_and(|guard| {
        // A component may still answer what the guard asks for.
        let settled = transition.hooks.is_empty() && !guard.names().iter().any(open);
        settled && guard.holds(world) == Ok(false)
    })
}

/// Checks a command as far as it can be without the component, and says what to ask it.
///
/// # Errors
/// [`Rejection`] for unknown or impossible events, missing roles, and facts of the wrong form.
pub fn needs(context: Context<'_>, project: &Project, command: &Fire) -> Result<Needs, Rejection> {
    let candidates = candidates(context.definition, project, command)?;
    let (given, taken_back) = parse_facts(context, &candidates, command)?;
    let missing = missing_facts(&candidates, project, &given);
    if !missing.is_empty() {
        return Err(Rejection::FactMissing {
            event: command.event.clone(),
            missing,
        });
    }
    let hooks = hooks_of(&candidates);
    if hooks.is_empty() {
        return Ok(Needs {
            hooks,
            facts: Facts::new(),
            arguments: Facts::new(),
        });
    }
    let mut facts = project.facts.clone();
    facts.retain(|key, _| !taken_back.contains(key));
    let vocabulary = &context.definition.doc.facts;
    let transient = |key: &String| vocabulary.get(key).is_some_and(|fact| fact.transient);
    let arguments = given.iter().filter(|(key, _)| transient(key));
    let arguments = arguments.map(|(key, v)| (key.clone(), v.clone())).collect();
    facts.extend(given);
    let (complete, _) = context.definition.with_defaults(&facts);
    let facts = complete.into_owned();
    Ok(Needs {
        hooks,
        facts,
        arguments,
    })
}

/// What the component is asked on these ways, each once, in order.
fn hooks_of(candidates: &[&TransitionDoc]) -> Vec<Hook> {
    let mut hooks: Vec<Hook> = Vec::new();
    let names = candidates.iter().flat_map(|t| &t.hooks);
    for hook in names.filter_map(|name| Hook::from_name(name)) {
        if !hooks.contains(&hook) {
            hooks.push(hook);
        }
    }
    hooks
}

/// Decides a command.
///
/// # Errors
/// [`Rejection`] with one coded reason; the project is as it was.
pub fn fire(
    context: Context<'_>,
    project: &Project,
    command: &Fire,
    verdicts: Vec<Verdict>,
) -> Result<Decision, Rejection> {
    let definition = context.definition;
    let candidates = candidates(definition, project, command)?;
    let (given, taken_back) = parse_facts(context, &candidates, command)?;
    let mut draft = Draft::new(context, project.clone(), &project.facts);
    let (passing, lasting): (Facts, Facts) = given
        .into_iter()
        .partition(|(key, _)| definition.doc.facts.get(key).is_some_and(|f| f.transient));
    let keys: Vec<String> = taken_back
        .into_iter()
        .filter(|key| project.facts.contains_key(key))
        .collect();
    if !keys.is_empty() {
        draft.emit(Event::FactsCleared { keys });
    }
    if !lasting.is_empty() {
        draft.emit(Event::FactsSet { facts: lasting });
    }
    if let Some(reason) = &command.waived {
        check_reason(reason)?;
    }
    let answered: Vec<Hook> = verdicts.iter().map(|verdict| verdict.hook).collect();
    for verdict in verdicts {
        draft.accept(verdict)?;
    }
    if let Some(reason) = &command.waived {
        draft.waive(&hooks_of(&candidates), &command.unanswered, reason)?;
    }
    draft.close_incidents(&answered);
    let missing = missing_facts(&candidates, &draft.project, &passing);
    if !missing.is_empty() {
        return Err(Rejection::FactMissing {
            event: command.event.clone(),
            missing,
        });
    }
    draft.respect_minimums(|key| command.facts.contains_key(key))?;
    let mut chain = Chain {
        left: CHAIN_MAX,
        arguments: passing,
        roles: Some(command.roles.clone()),
    };
    match draft.step_outcome(&candidates)? {
        Step::Waits => {}
        Step::Takes(event) => {
            let command = Fire {
                event,
                ..command.clone()
            };
            if !draft.dispatch(&command.event, Some(&command), &mut chain)? {
                return Err(draft.guard_rejection(&candidates, &command.event, &chain));
            }
        }
        Step::None => {
            if !draft.dispatch(&command.event, Some(command), &mut chain)? {
                return Err(draft.guard_rejection(&candidates, &command.event, &chain));
            }
        }
    }
    draft.run_automatic(&mut chain)?;
    draft.check_payments()?;
    draft.reconcile();
    Ok(draft.finish())
}

/// What the component says about a step that only its province has.
enum Step {
    /// The command is no such step.
    None,
    /// Somebody has to act first: what was recorded stays, the state does too.
    Waits,
    /// It goes on by this event.
    Takes(String),
}

/// Checks what a component proposes before anything is decided with it: a wrong proposal is its fault, as an
/// answer that cannot be read is.
///
/// # Errors
/// `E-PLUGIN-FACT` for a fact that it may not set, `E-PLUGIN-STEP` for a way that does not lead on from its step.
pub fn check_verdict(
    context: Context<'_>,
    project: &Project,
    command: &Fire,
    verdict: &Verdict,
) -> Result<(), Rejection> {
    check_facts(context.definition, verdict)?;
    if verdict.hook == Hook::Step {
        let candidates = candidates(context.definition, project, command)?;
        way_on(context.definition, &candidates, verdict)?;
    }
    Ok(())
}

/// The component proposes. What people record is not for it to change.
fn check_facts(definition: &Definition, verdict: &Verdict) -> Result<(), Rejection> {
    for (key, value) in &verdict.answer.facts {
        let reason = if definition.is_computed(key) {
            let parsed = definition.parse_fact(key, &value.to_json());
            parsed.err().map(|error| error.to_string())
        } else if definition.fact_type(key).is_none() {
            Some("there is no such fact".to_owned())
        } else {
            Some("it is recorded by people".to_owned())
        };
        if let Some(reason) = reason {
            return Err(Rejection::Proposal {
                package: verdict.package.id.clone(),
                key: key.clone(),
                reason,
            });
        }
    }
    Ok(())
}

/// The way on that a component proposes for its step; another one is out of the same state.
fn way_on(
    definition: &Definition,
    candidates: &[&TransitionDoc],
    verdict: &Verdict,
) -> Result<Step, Rejection> {
    let asked = |t: &&&TransitionDoc| t.hooks.iter().any(|h| h == Hook::Step.name());
    let Some(step) = candidates.iter().find(asked) else {
        return Ok(Step::None);
    };
    let Some(next) = &verdict.next else {
        return Ok(Step::Waits);
    };
    let leads_on = |t: &&TransitionDoc| t.event() == next && t.from == step.from;
    match definition.doc.transitions.iter().find(leads_on) {
        Some(way) => Ok(Step::Takes(way.event().to_owned())),
        None => Err(Rejection::StepNext {
            package: verdict.package.id.clone(),
            step: step.id.clone(),
            next: next.clone(),
        }),
    }
}

/// Transitions that listen to the event, leave a present state and allow the actor.
fn candidates<'d>(
    definition: &'d Definition,
    project: &Project,
    command: &Fire,
) -> Result<Vec<&'d TransitionDoc>, Rejection> {
    let event = &command.event;
    let external = |t: &&TransitionDoc| !t.roles.is_empty() && !t.is_automatic();
    let listening: Vec<_> = definition.doc.transitions.iter().filter(external).collect();
    if !listening.iter().any(|t| t.event() == event) {
        let known: BTreeSet<String> = listening.iter().map(|t| t.event().to_owned()).collect();
        return Err(Rejection::EventUnknown {
            event: event.clone(),
            near: nearest(event, &known),
        });
    }
    let here: Vec<_> = listening
        .into_iter()
        .filter(|t| t.event() == event && leaves(definition, project, t))
        .collect();
    if here.is_empty() {
        let states: Vec<String> = project
            .states
            .iter()
            .map(|(r, s)| format!("{r}.{s}"))
            .collect();
        return Err(Rejection::EventNotNow {
            event: event.clone(),
            state: states.join(" "),
            possible: possible(definition, project),
        });
    }
    let may = |t: &&TransitionDoc| {
        command.roles.contains("*") || t.roles.iter().any(|r| command.roles.contains(r))
    };
    let allowed: Vec<_> = here.iter().copied().filter(may).collect();
    if allowed.is_empty() {
        let needs: BTreeSet<String> = here.iter().flat_map(|t| t.roles.clone()).collect();
        return Err(Rejection::Role {
            event: event.clone(),
            needs: needs.into_iter().collect(),
        });
    }
    Ok(allowed)
}

fn leaves(definition: &Definition, project: &Project, transition: &TransitionDoc) -> bool {
    let Some(state) = project.states.get(&transition.region) else {
        return false;
    };
    let named = transition.from.iter().any(|from| from == state);
    let any = transition.from.iter().any(|from| from == ANY);
    named || (any && !is_final(definition, &transition.region, state))
}

fn is_final(definition: &Definition, region: &str, state: &str) -> bool {
    let states = definition.region(region).map(|r| r.states.iter());
    states
        .into_iter()
        .flatten()
        .any(|s| s.id == state && s.is_final)
}

/// The command's facts, and the keys it takes back with `null`.
fn parse_facts(
    context: Context<'_>,
    candidates: &[&TransitionDoc],
    command: &Fire,
) -> Result<(Facts, Vec<String>), Rejection> {
    let definition = context.definition;
    let mut facts = Facts::new();
    let mut taken_back = Vec::new();
    for (key, json) in &command.facts {
        let recorded = candidates.iter().any(|t| t.records.contains(key));
        if json.is_null() && recorded {
            taken_back.push(key.clone());
            continue;
        }
        let value = definition.parse_fact(key, json)?;
        let required = candidates.iter().any(|t| t.requires.contains(key));
        if !recorded && !required {
            let accepts: BTreeSet<String> = candidates
                .iter()
                .flat_map(|t| t.requires.iter().chain(&t.records).cloned())
                .collect();
            return Err(Rejection::FactNotHere {
                event: command.event.clone(),
                key: key.clone(),
                accepts: accepts.into_iter().collect(),
            });
        }
        refuse_future(context, key, &value)?;
        facts.insert(key.clone(), value);
    }
    Ok((facts, taken_back))
}

/// What discharges a duty has happened, or it discharges nothing: a mistyped year must not
/// silence the reminders.
fn refuse_future(context: Context<'_>, key: &str, value: &FactValue) -> Result<(), Rejection> {
    let discharges = |o: &&ObligationDoc| {
        let minimum = o
            .period
            .is_some_and(|p| p.direction().is_minimum() && !p.direction().is_backward());
        !minimum && o.met_by.iter().any(|k| k == key)
    };
    let today = context.today();
    let latest = value.as_latest_date();
    match latest.filter(|date| *date > today) {
        Some(date)
            if context
                .definition
                .doc
                .obligations
                .iter()
                .any(|o| discharges(&o)) =>
        {
            Err(Rejection::FactFuture {
                key: key.to_owned(),
                date,
            })
        }
        _ => Ok(()),
    }
}

/// What even the least demanding candidate lacks.
fn missing_facts(candidates: &[&TransitionDoc], project: &Project, given: &Facts) -> Vec<String> {
    let lacks = |t: &&TransitionDoc| -> Vec<String> {
        let absent = |key: &&String| !project.facts.contains_key(*key) && !given.contains_key(*key);
        t.requires.iter().filter(absent).cloned().collect()
    };
    candidates
        .iter()
        .map(lacks)
        .min_by_key(Vec::len)
        .unwrap_or_default()
}

/// Counts transitions in one command, and carries the arguments that are not kept.
pub(super) struct Chain {
    left: usize,
    arguments: Facts,
    /// The actor's roles; `None` when the engine itself acts.
    roles: Option<BTreeSet<String>>,
}

impl Chain {
    pub(super) fn internal() -> Self {
        Self {
            left: CHAIN_MAX,
            arguments: Facts::new(),
            roles: None,
        }
    }

    /// May the actor do what is this role's task?
    pub(super) fn allows(&self, role: &str) -> bool {
        let may = |roles: &BTreeSet<String>| roles.contains("*") || roles.contains(role);
        self.roles.as_ref().is_none_or(may)
    }

    pub(super) fn argument(&self, key: &str) -> Option<&FactValue> {
        self.arguments.get(key)
    }
}

impl<'a> Draft<'a> {
    /// Takes a verdict into the history; a broken rule refuses the command.
    fn accept(&mut self, verdict: Verdict) -> Result<(), Rejection> {
        let broken = verdict
            .answer
            .findings
            .iter()
            .find(|f| f.severity == Severity::Error);
        if let Some(finding) = broken {
            return Err(Rejection::Rule {
                rule: finding.rule.clone(),
                message: finding.message.zh.clone(),
            });
        }
        self.take_in(verdict)
    }

    /// Takes a verdict into the history, whatever it finds.
    pub(super) fn take_in(&mut self, verdict: Verdict) -> Result<(), Rejection> {
        check_facts(self.context.definition, &verdict)?;
        let facts = verdict.answer.facts.clone();
        self.emit(Event::VerdictGiven(Box::new(verdict)));
        if !facts.is_empty() {
            self.emit(Event::FactsSet { facts });
        }
        Ok(())
    }

    /// Whether the step that was asked for is taken; another way is one out of the same state.
    fn step_outcome(&self, candidates: &[&TransitionDoc]) -> Result<Step, Rejection> {
        let verdict = self.events.iter().rev().find_map(|event| match event {
            Event::VerdictGiven(verdict) if verdict.hook == Hook::Step => Some(verdict),
            _ => None,
        });
        match verdict {
            Some(verdict) => way_on(self.context.definition, candidates, verdict),
            None => Ok(Step::None),
        }
    }

    /// Refuses a transition that breaks a condition of the definition.
    fn respect_checks(
        &self,
        transition: &TransitionDoc,
        arguments: &Facts,
    ) -> Result<(), Rejection> {
        let definition = self.context.definition;
        let world = LazyCell::new(|| self.world(arguments));
        let concerned = |check: &&CheckDoc| check.on.contains(&transition.id);
        for check in definition.doc.checks.iter().filter(concerned) {
            let guard = definition.guard(&check.holds);
            // Without an answer nothing is known to be wrong; a fact that must be there is required.
            if guard.and_then(|guard| guard.holds(&world).ok()) != Some(false) {
                continue;
            }
            let clause = definition.clause(&check.rule);
            let clause = clause.map(|clause| format!("（{}）", clause.text));
            return Err(Rejection::Rule {
                rule: check.rule.clone(),
                message: check.message.zh.clone() + &clause.unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// Refuses facts of this command that break a minimum period of the law.
    pub(super) fn respect_minimums(&self, given: impl Fn(&str) -> bool) -> Result<(), Rejection> {
        let definition = self.context.definition;
        // A default follows the fact it is taken from.
        let touched = |key: &String| {
            let default = definition
                .doc
                .facts
                .get(key)
                .and_then(|f| f.default_from.as_ref());
            given(key) || default.is_some_and(|from| given(from))
        };
        let may_concern = |o: &ObligationDoc| {
            let minimum = o.period.map(Period::direction) == Some(Direction::AtLeastAfter);
            o.enforce && minimum && o.met_by.iter().chain(&o.anchor).any(touched)
        };
        // Most commands bring no fact that a minimum looks at.
        if !definition.doc.obligations.iter().any(may_concern) {
            return Ok(());
        }
        for dated in self.deadlines() {
            let obligation = dated.obligation;
            let concerned = obligation
                .met_by
                .iter()
                .chain(&obligation.anchor)
                .any(touched);
            if dated.kind != DeadlineKind::Earliest || !obligation.enforce || !concerned {
                continue;
            }
            if let (Some(met), Some(earliest)) = (dated.met_on, dated.computation.due)
                && met < earliest
            {
                return Err(Rejection::LawMinimum {
                    title: obligation.title.zh.clone(),
                    given: met,
                    earliest,
                    citation: obligation.basis.citation(),
                    rule: obligation.rule.clone(),
                });
            }
        }
        Ok(())
    }

    /// The dates that follow from the facts as they stand.
    pub(super) fn deadlines(&self) -> Vec<Dated<'a>> {
        self.deadlines_with(&self.project.suspensions())
    }

    /// As [`deadlines`](Self::deadlines), with other times in which clocks stood still.
    pub(super) fn deadlines_with(
        &self,
        suspensions: &BTreeMap<String, Vec<Suspension>>,
    ) -> Vec<Dated<'a>> {
        deadlines(Question {
            definition: self.context.definition,
            facts: &self.project.facts,
            states: &self.project.states,
            today: self.context.today(),
            calendar: self.context.calendar,
            suspensions,
        })
    }

    /// The facts, the command's arguments among them, for guards.
    fn world<'w>(&'w self, arguments: &'w Facts) -> World<'w> {
        let world = World::new(Scope {
            vocabulary: &self.context.definition.vocabulary,
            facts: &self.project.facts,
            states: &self.project.states,
            today: self.context.today(),
        });
        world.with_arguments(arguments)
    }

    fn holds<'w>(
        &self,
        guard: Option<&String>,
        world: &impl Deref<Target = World<'w>>,
    ) -> Result<bool, String> {
        let Some(source) = guard else { return Ok(true) };
        match self.context.definition.guard(source) {
            Some(guard) => guard.holds(world).map_err(|e| e.to_string()),
            None => Err("the guard was not compiled".to_owned()),
        }
    }

    /// Offers an event to every region; each takes at most one transition, the first that may.
    pub(super) fn dispatch(
        &mut self,
        event: &str,
        command: Option<&Fire>,
        chain: &mut Chain,
    ) -> Result<bool, Rejection> {
        let definition = self.context.definition;
        // States as they are before the event: all regions react to the same moment.
        let listening: Vec<&TransitionDoc> = definition
            .doc
            .transitions
            .iter()
            .filter(|t| t.event() == event && leaves(definition, &self.project, t))
            .collect();
        let mut taken = false;
        for region in &definition.doc.regions {
            if !listening.iter().any(|t| t.region == region.id) {
                continue;
            }
            // An earlier region may have set facts that a later one's guard reads.
            let world = LazyCell::new(|| self.world(&chain.arguments));
            let chosen = listening.iter().copied().find(|t| {
                let may = match command {
                    Some(c) => {
                        c.roles.contains("*") && !t.roles.is_empty()
                            || t.roles.iter().any(|r| c.roles.contains(r))
                    }
                    None => true,
                };
                t.region == region.id
                    // An event raised by an earlier region may have moved this one already.
                    && leaves(definition, &self.project, t)
                    && may
                    && t.requires.iter().all(|k| {
                        self.project.facts.contains_key(k) || chain.arguments.contains_key(k)
                    })
                    && self.holds(t.guard.as_ref(), &world).unwrap_or(false)
            });
            if let Some(transition) = chosen {
                self.take(transition, chain)?;
                taken = true;
            }
        }
        Ok(taken)
    }

    fn take(&mut self, transition: &TransitionDoc, chain: &mut Chain) -> Result<(), Rejection> {
        chain.left = chain
            .left
            .checked_sub(1)
            .ok_or(Rejection::Loop(CHAIN_MAX))?;
        self.respect_checks(transition, &chain.arguments)?;
        self.set_facts(transition, &chain.arguments)?;
        let present: Vec<String> = transition
            .clears
            .iter()
            .filter(|key| self.project.facts.contains_key(*key))
            .cloned()
            .collect();
        if !present.is_empty() {
            self.emit(Event::FactsCleared { keys: present });
        }
        let from = self
            .project
            .states
            .get(&transition.region)
            .cloned()
            .unwrap_or_default();
        let to = if transition.to == STAY {
            from.clone()
        } else {
            transition.to.clone()
        };
        self.emit(Event::Moved {
            region: transition.region.clone(),
            transition: transition.id.clone(),
            from,
            to,
        });
        let mut raised = transition.raises.clone();
        if let Some(effect) = transition.effect {
            raised.extend(self.apply_effect(effect, chain)?);
        }
        for event in raised {
            self.dispatch(&event, None, chain)?;
        }
        Ok(())
    }

    /// Computes all values before any is kept, so that they cannot see each other.
    fn set_facts(
        &mut self,
        transition: &TransitionDoc,
        arguments: &Facts,
    ) -> Result<(), Rejection> {
        if transition.set.is_empty() {
            return Ok(());
        }
        let world = self.world(arguments);
        let mut facts = Facts::new();
        for (key, source) in &transition.set {
            let failed = |reason: String| Rejection::Guard {
                event: transition.event().to_owned(),
                guard: source.clone(),
                reason,
            };
            let Some(FactType::Scalar(kind)) = self.context.definition.fact_type(key) else {
                return Err(failed(format!("{key} is not a single value")));
            };
            let guard = self.context.definition.guard(source);
            let guard =
                guard.ok_or_else(|| failed("the expression was not compiled".to_owned()))?;
            let value = guard
                .value(kind, &world)
                .map_err(|e| failed(e.to_string()))?;
            if self.project.facts.get(key) != Some(&FactValue::One(value.clone())) {
                facts.insert(key.clone(), FactValue::One(value));
            }
        }
        if !facts.is_empty() {
            self.emit(Event::FactsSet { facts });
        }
        Ok(())
    }

    /// Takes transitions that happen by themselves, until none may; says whether there were any.
    pub(super) fn run_automatic(&mut self, chain: &mut Chain) -> Result<bool, Rejection> {
        let mut any = false;
        while self.dispatch(crate::definition::AUTO, None, chain)? {
            any = true;
        }
        Ok(any)
    }

    fn guard_rejection(
        &self,
        candidates: &[&TransitionDoc],
        event: &str,
        chain: &Chain,
    ) -> Rejection {
        let guards: Vec<&String> = candidates.iter().filter_map(|t| t.guard.as_ref()).collect();
        let world = LazyCell::new(|| self.world(&chain.arguments));
        let reason = guards
            .iter()
            .find_map(|g| self.holds(Some(g), &world).err())
            .unwrap_or_default();
        let texts: Vec<&str> = guards.iter().map(|g| g.as_str()).collect();
        Rejection::Guard {
            event: event.to_owned(),
            guard: texts.join(" | "),
            reason,
        }
    }
}
