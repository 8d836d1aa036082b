//! Commands: opening a project, firing an event, deciding what a text leaves open.
//!
//! Load, ask the province, decide, write. The answer is stored with the change, so that a
//! repetition of the command gets the same answer and has no second effect.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use liucheng_model::{
    calendar::Calendar,
    decide::{self, Choose, Context, Decision, Fire},
    definition::{Definition, Force},
    event::{DecisionScope, Event, Incident, Opening},
    fact::Facts,
    finding::Finding,
    project::Project,
    rejection::Rejection,
    verdict::{Hook, Verdict},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    Engine,
    cache::Snapshot,
    error::CommandError,
    incidents::{incident, undecided},
    library::Library,
    ports::{
        AnswerRow, CommitError, Instant, Page, ProjectId, ProjectRow, RuleCall, RuleFault, TokenRow,
    },
    record::{Cause, GENESIS, digest},
    schedule::CronSlots,
};

/// How often a command without an expected version is decided again when others are faster.
pub(crate) const ATTEMPTS: usize = 8;
/// Projects read at a time.
const PAGE: u32 = 200;
/// The actor of timers.
pub const SYSTEM: &str = "system";

/// Who gives a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name kept in the history.
    pub name: String,
    /// The roles; `*` for all.
    pub roles: BTreeSet<String>,
}

/// Opens a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The readable number, unique.
    pub code: String,
    /// The name.
    pub name: String,
    /// The province package; empty or absent for national law alone.
    #[serde(default)]
    pub province: String,
    /// Facts in their canonical form.
    #[serde(default)]
    pub facts: BTreeMap<String, Json>,
    /// Role → mail addresses.
    #[serde(default)]
    pub contacts: BTreeMap<String, Vec<String>>,
}

/// Fires an event of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FireEvent {
    /// The event.
    pub event: String,
    /// Facts in their canonical form.
    #[serde(default)]
    pub facts: BTreeMap<String, Json>,
    /// The version the caller has seen; absent means "whatever it is now".
    #[serde(default)]
    pub expected_version: Option<u64>,
    /// Why the command goes on where the component, which could not answer before, again does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waive: Option<String>,
}

/// Decides what the text leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideIssue {
    /// The open point, such as `YZ-A2`.
    pub issue: String,
    /// The reading; absent takes an earlier decision back.
    #[serde(default)]
    pub option: Option<String>,
    /// Why.
    pub reason: String,
    /// The version the caller has seen; absent means "whatever it is now".
    #[serde(default)]
    pub expected_version: Option<u64>,
}

/// A command on a project that there is.
#[derive(Debug, Clone, Copy)]
enum Command<'a> {
    Fire(&'a FireEvent),
    Decide(&'a DecideIssue),
}

impl Command<'_> {
    fn expected_version(self) -> Option<u64> {
        match self {
            Self::Fire(fire) => fire.expected_version,
            Self::Decide(decide) => decide.expected_version,
        }
    }
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The project.
    pub id: ProjectId,
    /// Its code.
    pub code: String,
    /// Its version after the command.
    pub version: u64,
    /// Region → state.
    pub states: BTreeMap<String, String>,
    /// Events that are possible next.
    pub possible: Vec<String>,
    /// What the province's rules answered to this command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Opens a project.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was written.
    pub async fn create(
        &self,
        actor: &Actor,
        create: Create,
        key: Option<&str>,
    ) -> Result<Answer, CommandError> {
        check_key(key)?;
        let request = request_digest(actor, &create, key)?;
        let keyed = Keyed {
            key,
            request: &request,
        };
        let error = match self.try_create(actor, &create, &keyed).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        // Perhaps a repetition of this very command: then the answer it had counts.
        match self.answered_create(&create.code, &keyed).await {
            Ok(Some(answer)) => Ok(answer),
            // The project that has the code may be this very one: nobody knows whether it was stored.
            Err(CommandError::DuplicateCode(_))
                if matches!(error, CommandError::Unavailable(_)) =>
            {
                Err(error)
            }
            Ok(None) => Err(error),
            Err(refusal) => Err(refusal),
        }
    }

    async fn try_create(
        &self,
        actor: &Actor,
        create: &Create,
        keyed: &Keyed<'_>,
    ) -> Result<Answer, CommandError> {
        let entry = self.library.entry(&create.province)?;
        let may = &entry.definition.doc.create_roles;
        if !may.is_empty()
            && !actor.roles.contains("*")
            && !may.iter().any(|r| actor.roles.contains(r))
        {
            return Err(CommandError::Rejected(Rejection::Role {
                event: "create".to_owned(),
                needs: may.clone(),
            }));
        }
        let mut facts = Facts::new();
        for (name, json) in &create.facts {
            let value = entry.definition.parse_fact(name, json);
            facts.insert(name.clone(), value.map_err(Rejection::from)?);
        }
        let opening = Opening {
            code: create.code.clone(),
            name: create.name.clone(),
            definition: Library::pin(&entry),
            package: entry.package.clone(),
            calendar: self.library.calendar().version().to_owned(),
            contacts: create.contacts.clone(),
            states: decide::initial_states(&entry.definition),
        };
        let now = self.clock.now();
        let calendar = self.library.calendar();
        let context = Context {
            definition: &entry.definition,
            calendar: &calendar,
            now: local(now)?,
            slots: &CronSlots,
        };
        let decided = self
            .decided_for(&create.province, &entry.definition)
            .await?;
        let decision = decide::open(context, opening, facts, &decided)?;
        let id = project_id(now, &create.code);
        let answer = answer(id, 1, &decision, &entry.definition);
        let step = Step {
            id,
            before: None,
            decision,
            cause: Cause::Open,
            actor: actor.name.clone(),
            now,
            answer: answer_row(keyed, &answer, now)?,
        };
        match self.write(step).await {
            Ok(()) => Ok(answer),
            // The same opening at the same instant has the same id.
            Err(CommitError::Conflict { .. }) => {
                Err(CommandError::DuplicateCode(create.code.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Fires an event.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was written.
    pub async fn fire(
        &self,
        actor: &Actor,
        id: ProjectId,
        command: FireEvent,
        key: Option<&str>,
    ) -> Result<Answer, CommandError> {
        let request = request_digest(actor, &command, key)?;
        let keyed = Keyed {
            key,
            request: &request,
        };
        self.carry_out((actor, id), Command::Fire(&command), &keyed)
            .await
    }

    /// Decides what the text leaves open, with a reason; the dates that follow from it move with it.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was written.
    pub async fn decide(
        &self,
        actor: &Actor,
        id: ProjectId,
        command: DecideIssue,
        key: Option<&str>,
    ) -> Result<Answer, CommandError> {
        check_key(key)?;
        let request = request_digest(actor, &command, key)?;
        let keyed = Keyed {
            key,
            request: &request,
        };
        self.carry_out((actor, id), Command::Decide(&command), &keyed)
            .await
    }

    async fn carry_out(
        &self,
        (actor, id): (&Actor, ProjectId),
        command: Command<'_>,
        keyed: &Keyed<'_>,
    ) -> Result<Answer, CommandError> {
        check_key(keyed.key)?;
        for _ in 0..ATTEMPTS {
            let error = match self.try_once((actor, id), command, keyed).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // A command that was carried out before is refused now, and its answer counts. To look
            // only here keeps a look out of the way of all others.
            if let Some(answer) = self.answered(id, keyed).await? {
                return Ok(answer);
            }
            let remembered = self.cache.forget(id);
            match error {
                CommandError::Conflict { .. } if command.expected_version().is_none() => {}
                // Perhaps it was stored: to try again would carry it out twice.
                CommandError::Unavailable(_) => return Err(error),
                // The component was asked, and what it did is noted on the project.
                CommandError::Rules(_) => return Err(error),
                // Another process may have changed the project since it was remembered, or a caller
                // went away before its change was remembered.
                _ if remembered => {}
                other => return Err(other),
            }
        }
        Err(CommandError::Unavailable(
            "the project changes too fast".to_owned(),
        ))
    }

    async fn try_once(
        &self,
        (actor, id): (&Actor, ProjectId),
        command: Command<'_>,
        keyed: &Keyed<'_>,
    ) -> Result<Answer, CommandError> {
        let loaded = self.loaded(id).await?;
        let before = &loaded.before;
        if let Some(expected) = command.expected_version().filter(|v| *v != before.version) {
            return Err(CommandError::Conflict {
                expected,
                found: before.version,
                changed_by: before.changed_by.clone(),
                changed_at: before.changed_at,
            });
        }
        let (decision, cause) = match command {
            Command::Fire(command) => self.decided_fire(&loaded, actor, command).await?,
            Command::Decide(command) => {
                let choose = Choose {
                    issue: command.issue.clone(),
                    option: command.option.clone(),
                    reason: command.reason.clone(),
                    scope: DecisionScope::Project,
                };
                let decision = self.decided_choice(&loaded, actor, &choose).await?;
                let issue = choose.issue;
                (decision, Cause::Decision { issue })
            }
        };
        let version = before.version + 1;
        let answer = answer(id, version, &decision, &loaded.definition);
        let now = loaded.at;
        let step = Step {
            id,
            before: Some(loaded.before),
            decision,
            cause,
            actor: actor.name.clone(),
            now,
            answer: answer_row(keyed, &answer, now)?,
        };
        let newer = self.newer_at_stage(&step.decision);
        self.write(step).await?;
        if newer {
            self.upgrade_at_stage(id).await;
        }
        Ok(answer)
    }

    async fn decided_fire(
        &self,
        loaded: &Loaded,
        actor: &Actor,
        command: &FireEvent,
    ) -> Result<(Decision, Cause), CommandError> {
        let (context, project) = (loaded.context(), &*loaded.before.project);
        let mut fire = Fire {
            event: command.event.clone(),
            facts: command.facts.clone(),
            roles: actor.roles.clone(),
            waived: command.waive.clone(),
            unanswered: Vec::new(),
        };
        let needs = decide::needs(context, project, &fire)?;
        if let Some(reason) = &fire.waived {
            decide::check_reason(reason)?;
        }
        let asked = self.ask(context, project, &fire, needs).await;
        let answers = match asked {
            Ok(answers) => answers,
            Err((hook, error)) => {
                self.note_incident(loaded, hook, &error).await;
                return Err(error);
            }
        };
        if !answers.unanswered.is_empty() {
            self.refuse_law(context, project)?;
        }
        fire.unanswered = answers.unanswered;
        let decision = decide::fire(context, project, &fire, answers.verdicts)?;
        let decision = self.with_fresh_findings(loaded, decision).await;
        Ok((decision, Cause::Command { event: fire.event }))
    }

    /// Asks the province's component, outside of any transaction.
    async fn ask(
        &self,
        context: Context<'_>,
        project: &Project,
        fire: &Fire,
        needs: decide::Needs,
    ) -> Result<Answers, (Hook, CommandError)> {
        let mut answers = Answers::default();
        let (Some(package), Some(first)) = (&project.package, needs.hooks.first()) else {
            return Ok(answers);
        };
        // A person goes on where a question failed before and fails again, or was not put because others'
        // failed. What fails for the first time is noted and refused.
        let failed = |hook: &Hook| project.incidents.contains_key(hook);
        let is_waived = fire.waived.is_some();
        if let Err(error) = self.need_package(package).await {
            match &error {
                CommandError::Rules(fault) if is_waived && needs.hooks.iter().any(failed) => {
                    let noted = |hook: &Hook| incident(package, *hook, fault, context.today());
                    answers.unanswered = needs.hooks.iter().map(noted).collect();
                    return Ok(answers);
                }
                _ => return Err((*first, error)),
            }
        }
        let answered = self.rules.hooks(package);
        let is_answered = |hook: &Hook| answered.as_ref().is_none_or(|known| known.contains(hook));
        // A step that the component does not decide is no step to be passed over in silence.
        let asked = |hook: &Hook| is_answered(hook) || *hook == Hook::Step;
        for hook in needs.hooks.into_iter().filter(asked) {
            let call = RuleCall {
                package: package.clone(),
                hook,
                transition: fire.event.clone(),
                today: context.today(),
                facts: needs.facts.clone(),
                parameters: Arc::clone(&context.definition.parameters),
                calendar: self.library.calendar(),
            };
            let said = match is_answered(&hook) {
                true => self.rules.ask(call).await,
                false => Err(undecided(package, &fire.event)),
            };
            let said = said.and_then(|verdict| {
                let checked = decide::check_verdict(context, project, fire, &verdict);
                checked.map_err(|rejection| RuleFault::of_answer(package, &rejection))?;
                Ok(verdict)
            });
            match said {
                Ok(mut verdict) => {
                    verdict.arguments.clone_from(&needs.arguments);
                    answers.verdicts.push(verdict);
                }
                Err(fault) if is_waived && (fault.is_resting() || failed(&hook)) => {
                    let incident = incident(package, hook, &fault, context.today());
                    answers.unanswered.push(incident);
                }
                Err(fault) => return Err((hook, fault.into())),
            }
        }
        Ok(answers)
    }

    /// A decision on an open point, with what the component says to it now. That it cannot say anything now
    /// keeps nobody from deciding; the next question to it will tell.
    pub(crate) async fn decided_choice(
        &self,
        loaded: &Loaded,
        actor: &Actor,
        choose: &Choose,
    ) -> Result<Decision, CommandError> {
        let (context, project) = (loaded.context(), &*loaded.before.project);
        decide::check_choice(&loaded.definition, choose, &actor.roles)?;
        let needs = decide::asked_again(context, project, choose);
        let fire = Fire {
            event: String::new(),
            facts: BTreeMap::new(),
            roles: BTreeSet::new(),
            waived: None,
            unanswered: Vec::new(),
        };
        let verdicts = match self.ask(context, project, &fire, needs).await {
            Ok(answers) => answers.verdicts,
            Err((_, error)) => {
                let project = loaded.id.to_string();
                tracing::warn!(project.id = %project, error.code = error.code(), error = %error, "a component is not asked again after a decision");
                Vec::new()
            }
        };
        let roles = &actor.roles;
        Ok(decide::choose(context, project, choose, roles, verdicts)?)
    }

    /// Nobody goes on without a component that speaks for a rule of law.
    fn refuse_law(&self, context: Context<'_>, project: &Project) -> Result<(), Rejection> {
        let rules = project.package.as_ref().map(|p| self.rules.rules(p));
        let clauses = rules
            .iter()
            .flatten()
            .filter_map(|rule| context.definition.clause(rule));
        let mut of_law = clauses.filter(|clause| clause.force == Force::Law);
        of_law.next().map_or(Ok(()), |clause| {
            Err(Rejection::WaiveLaw {
                rule: clause.id.clone(),
                clause: clause.text.clone(),
            })
        })
    }

    /// A project with everything a decision about it depends on.
    pub(crate) async fn loaded(&self, id: ProjectId) -> Result<Loaded, CommandError> {
        let before = match self.cache.get(id) {
            Some(remembered) => remembered,
            None => Snapshot::read(self.load(id).await?)?,
        };
        self.loaded_from(id, before).await
    }

    /// As [`loaded`](Self::loaded), from a state that was read already.
    pub(crate) async fn loaded_from(
        &self,
        id: ProjectId,
        before: Snapshot,
    ) -> Result<Loaded, CommandError> {
        let definition = self
            .library
            .definition(&before.project.definition, &*self.store)
            .await?;
        let at = self.clock.now();
        Ok(Loaded {
            id,
            before,
            definition,
            calendar: self.library.calendar(),
            at,
            now: local(at)?,
        })
    }

    /// The projects of a province that have not ended, in the order of their codes.
    ///
    /// # Errors
    /// When the store cannot be read, or what it has does not read back.
    pub(crate) async fn open_projects(
        &self,
        province: &str,
    ) -> Result<Vec<ProjectId>, CommandError> {
        let mut open = Vec::new();
        let mut after = None;
        loop {
            let page = Page { after, limit: PAGE };
            let rows = self.store.list(page).await?;
            let Some(last) = rows.last() else {
                return Ok(open);
            };
            after = Some(last.code.clone());
            for row in rows.into_iter().filter(|row| row.province == province) {
                let id = row.id;
                let loaded = self.loaded_from(id, Snapshot::read(row)?).await?;
                if !decide::has_ended(&loaded.definition, &loaded.before.project) {
                    open.push(id);
                }
            }
        }
    }

    /// The state row of a project.
    ///
    /// # Errors
    /// [`CommandError::NotFound`], or the store cannot read.
    pub async fn load(&self, id: ProjectId) -> Result<ProjectRow, CommandError> {
        let row = self.store.load(id).await?;
        row.ok_or_else(|| CommandError::NotFound(id.to_string()))
    }

    /// The project that a user names by id or by code.
    ///
    /// # Errors
    /// [`CommandError::NotFound`], or the store cannot read.
    pub async fn find(&self, name: &str) -> Result<ProjectId, CommandError> {
        if let Some(id) = self.cache.find(name) {
            return Ok(id);
        }
        if let Ok(id) = name.parse::<ProjectId>()
            && self.store.load(id).await?.is_some()
        {
            return Ok(id);
        }
        let found = self.store.find_code(name).await?;
        found.ok_or_else(|| CommandError::NotFound(name.to_owned()))
    }

    /// The access token of that hash.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn token(&self, hash: &str) -> Result<Option<TokenRow>, CommandError> {
        let now = self.clock.now();
        if let Some(known) = self.cache.token(hash, now) {
            return Ok(Some(known));
        }
        let row = self.store.token(hash).await?;
        if let Some(row) = &row {
            self.cache.put_token(row.clone(), now);
        }
        Ok(row)
    }

    async fn answered_create(
        &self,
        code: &str,
        keyed: &Keyed<'_>,
    ) -> Result<Option<Answer>, CommandError> {
        let Some(id) = self.store.find_code(code).await? else {
            return Ok(None);
        };
        match self.answered(id, keyed).await? {
            Some(answer) => Ok(Some(answer)),
            None => Err(CommandError::DuplicateCode(code.to_owned())),
        }
    }

    async fn answered(
        &self,
        id: ProjectId,
        keyed: &Keyed<'_>,
    ) -> Result<Option<Answer>, CommandError> {
        let Some(key) = keyed.key else {
            return Ok(None);
        };
        let Some(stored) = self.store.answer(id, key).await? else {
            return Ok(None);
        };
        if stored.request != keyed.request {
            return Err(CommandError::KeyReused(key.to_owned()));
        }
        Ok(Some(serde_json::from_str(&stored.response)?))
    }
}

/// What a component said to a command.
#[derive(Default)]
struct Answers {
    verdicts: Vec<Verdict>,
    /// What it gave no answer to, where the command goes on without one.
    unanswered: Vec<Incident>,
}

fn answer(id: ProjectId, version: u64, decision: &Decision, definition: &Definition) -> Answer {
    let answered = decision.events.iter().filter_map(|event| match event {
        Event::VerdictGiven(verdict) | Event::VerdictRenewed { verdict, .. } => Some(verdict.hook),
        _ => None,
    });
    let project = &decision.project;
    let findings = answered.filter_map(|hook| project.findings.get(&hook));
    Answer {
        id,
        code: project.code.clone(),
        version,
        states: project.states.clone(),
        possible: decide::possible(definition, project),
        findings: findings
            .flatten()
            .map(|finding| definition.with_options(finding))
            .collect(),
    }
}

/// A project as it was read, with what a decision about it depends on.
pub(crate) struct Loaded {
    pub id: ProjectId,
    pub before: Snapshot,
    pub definition: Arc<Definition>,
    pub calendar: Arc<Calendar>,
    pub at: Instant,
    pub now: chrono::NaiveDateTime,
}

impl Loaded {
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            definition: &self.definition,
            calendar: &self.calendar,
            now: self.now,
            slots: &CronSlots,
        }
    }
}

/// A request as it is remembered for repetitions.
struct Keyed<'a> {
    key: Option<&'a str>,
    request: &'a str,
}

/// A decision on its way into the store.
pub(crate) struct Step {
    pub id: ProjectId,
    pub before: Option<Snapshot>,
    pub decision: Decision,
    pub cause: Cause,
    pub actor: String,
    pub now: Instant,
    pub answer: Option<AnswerRow>,
}

impl Step {
    pub(crate) fn version_before(&self) -> u64 {
        self.before.as_ref().map_or(0, |before| before.version)
    }

    pub(crate) fn head_before(&self) -> &str {
        self.before.as_ref().map_or(GENESIS, |before| &before.head)
    }
}

pub(crate) fn local(now: Instant) -> Result<chrono::NaiveDateTime, CommandError> {
    let local = now.local().map(|t| t.naive_local());
    local.ok_or_else(|| CommandError::Internal("the clock is out of range".to_owned()))
}

/// Another person's command is another request, even with the same words. Empty without a key: only
/// repetitions are compared.
fn request_digest(
    actor: &Actor,
    command: &impl Serialize,
    key: Option<&str>,
) -> Result<String, CommandError> {
    if key.is_none() {
        return Ok(String::new());
    }
    Ok(digest(&serde_json::to_string(&(&actor.name, command))?))
}

fn check_key(key: Option<&str>) -> Result<(), CommandError> {
    let good = |k: &str| (1..=200).contains(&k.len()) && k.chars().all(|c| !c.is_control());
    match key {
        Some(key) if !good(key) => Err(CommandError::KeyForm),
        _ => Ok(()),
    }
}

fn answer_row(
    keyed: &Keyed<'_>,
    answer: &Answer,
    at: Instant,
) -> Result<Option<AnswerRow>, CommandError> {
    let Some(key) = keyed.key else {
        return Ok(None);
    };
    Ok(Some(AnswerRow {
        key: key.to_owned(),
        request: keyed.request.to_owned(),
        response: serde_json::to_string(answer)?,
        at,
    }))
}

/// Ids sort by the time of opening, and the same opening at the same time has the same id.
fn project_id(now: Instant, code: &str) -> ProjectId {
    let hash = digest(code);
    let mut random = [0_u8; 10];
    for (byte, pair) in random.iter_mut().zip(hash.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(pair)
            .ok()
            .and_then(|p| u8::from_str_radix(p, 16).ok())
            .unwrap_or_default();
    }
    let millis = u64::try_from(now.0 / 1_000).unwrap_or_default();
    ProjectId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}
