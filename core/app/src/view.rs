//! What people and programs are shown of a project: the same for the API and the command line.
//!
//! Money is yuan as a string, dates are civil dates of China, instants carry +08:00. Mail
//! addresses stay inside: only the roles that have one are named.

mod lines;
mod record;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use liucheng_engine::{
    CommandError, Engine,
    ports::{ProjectId, ProjectRow},
};
use liucheng_model::{
    decide::possible,
    definition::{Basis, Definition},
    evaluate::{Question, evaluate},
    event::Incident,
    finding::{Choice, Finding, FindingCode, Severity},
    project::{Obligation, Pin, Project},
    text::Text,
    verdict::{Hook, PackagePin},
};
use serde::Serialize;
use serde_json::Value as Json;

pub use lines::option_line;
pub use record::{RecordView, record};

/// A project in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectSummary {
    /// Its id.
    pub id: ProjectId,
    /// The readable number.
    pub code: String,
    /// The name.
    pub name: String,
    /// The province package; empty where only national law applies.
    pub province: String,
    /// The version, for the next command.
    pub version: u64,
    /// Region → state.
    pub states: BTreeMap<String, String>,
    /// The earliest open due date.
    pub next_due: Option<NaiveDate>,
    /// Who made the last change.
    pub changed_by: String,
    /// When.
    pub changed_at: String,
}

/// A project with everything open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectView {
    /// Its id.
    pub id: ProjectId,
    /// The readable number.
    pub code: String,
    /// The name.
    pub name: String,
    /// The province package; empty where only national law applies.
    pub province: String,
    /// The version, for the next command.
    pub version: u64,
    /// Region → state.
    pub states: BTreeMap<String, String>,
    /// The same for people, in the order of the definition.
    pub stages: Vec<StageView>,
    /// What is known, in the canonical form.
    pub facts: BTreeMap<String, Json>,
    /// What has to be done, earliest first, what has no date last.
    pub obligations: Vec<ObligationView>,
    /// How the price is paid.
    pub payments: Vec<PaymentView>,
    /// What the province's rules said last.
    pub findings: Vec<FindingView>,
    /// What the province's component could not answer, and nobody has gone on from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
    /// Events that are possible now.
    pub possible: Vec<String>,
    /// Roles that have a mail address.
    pub contacts: Vec<String>,
    /// The definition the project stays on.
    pub definition: Pin,
    /// The province's package.
    pub package: Option<PackagePin>,
    /// The calendar's id and version.
    pub calendar: String,
    /// Who made the last change.
    pub changed_by: String,
    /// When.
    pub changed_at: String,
}

/// The state of one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageView {
    /// The region.
    pub region: String,
    /// The state.
    pub state: String,
    /// The region's title.
    pub region_title: Text,
    /// The state's title.
    pub title: Text,
}

/// Something that has to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObligationView {
    /// Its key within the project.
    pub key: String,
    /// What has to be done.
    pub title: Text,
    /// The rule sheet's id.
    pub rule: String,
    /// The last day; absent where the text names none, or it cannot be known yet.
    pub due: Option<NaiveDate>,
    /// The last day before rolling; for a report without a date, the last day of its period.
    pub unrolled: Option<NaiveDate>,
    /// The date may still change.
    pub provisional: bool,
    /// Its clock stands still (中止).
    pub paused: bool,
    /// The last day has passed.
    pub overdue: bool,
    /// Days until the last day, negative after it.
    pub days_left: Option<i64>,
    /// Who has to do it.
    pub responsible: Option<RoleView>,
    /// The source and article.
    pub source: String,
    /// The clause, verbatim.
    pub clause: String,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleView {
    /// Its name in the definition.
    pub id: String,
    /// For people.
    pub title: Text,
}

/// One tranche (拨付).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentView {
    /// 1-based number.
    pub no: u32,
    /// The share, a decimal string.
    pub percent: String,
    /// Yuan.
    pub amount: Option<String>,
    /// When it is due, while it is open.
    pub due: Option<NaiveDate>,
    /// The day it was released.
    pub released: Option<NaiveDate>,
    /// The rule sheet's id.
    pub rule: String,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// What the component was asked; absent for what the law itself says of the facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
    /// The kind.
    pub code: FindingCode,
    /// The rule sheet's id.
    pub rule: String,
    /// The weight.
    pub severity: Severity,
    /// For people.
    pub message: Text,
    /// The facts concerned.
    pub facts: Vec<String>,
    /// The rule as it is written, where the definition has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
    /// What a person can decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
}

/// A row as it stands in a list.
pub fn summary(row: &ProjectRow) -> ProjectSummary {
    let states = row
        .stage
        .split(' ')
        .filter_map(|place| place.split_once('.'));
    ProjectSummary {
        id: row.id,
        code: row.code.clone(),
        name: row.name.clone(),
        province: row.province.clone(),
        version: row.version,
        states: states
            .map(|(region, state)| (region.to_owned(), state.to_owned()))
            .collect(),
        next_due: row.next_due,
        changed_by: row.changed_by.clone(),
        changed_at: row.changed_at.rfc3339(),
    }
}

/// A project as it stands today, by its own definition.
///
/// # Errors
/// When the row or the definition cannot be read.
pub async fn project(engine: &Engine, row: &ProjectRow) -> Result<ProjectView, CommandError> {
    let project: Project = serde_json::from_str(&row.state)?;
    let definition = engine
        .library
        .definition(&project.definition, &*engine.store)
        .await?;
    let today = engine.clock.now().date();
    let law = evaluate(Question {
        definition: &definition,
        facts: &project.facts,
        states: &project.states,
        today,
        calendar: &engine.library.calendar(),
        suspensions: &project.all_suspensions(),
    });
    let mut view = view(row, project, &definition, today);
    let known: Vec<(String, Text)> = view
        .findings
        .iter()
        .map(|f| (f.rule.clone(), f.message.clone()))
        .collect();
    let more = law
        .findings
        .into_iter()
        .filter(|f| !known.contains(&(f.rule.clone(), f.message.clone())));
    view.findings
        .extend(more.map(|f| finding(None, &f, &definition)));
    Ok(view)
}

fn view(
    row: &ProjectRow,
    project: Project,
    definition: &Definition,
    today: NaiveDate,
) -> ProjectView {
    let open = project.obligations.iter();
    let mut obligations: Vec<ObligationView> = open
        .map(|(key, open)| obligation(definition, key, open, today))
        .collect();
    obligations.sort_by(|a, b| order(a).cmp(&order(b)));
    ProjectView {
        id: row.id,
        code: row.code.clone(),
        name: row.name.clone(),
        province: row.province.clone(),
        version: row.version,
        stages: stages(definition, &project),
        facts: project
            .facts
            .iter()
            .map(|(key, value)| (key.clone(), value.to_json()))
            .collect(),
        obligations,
        payments: payments(&project),
        findings: findings(&project, definition),
        incidents: project.incidents.values().cloned().collect(),
        possible: possible(definition, &project),
        contacts: roles_with_address(&project.contacts),
        states: project.states,
        definition: project.definition,
        package: project.package,
        calendar: project.calendar,
        changed_by: row.changed_by.clone(),
        changed_at: row.changed_at.rfc3339(),
    }
}

/// Dates first, the end of the period in place of an absent one, then by key.
fn order(view: &ObligationView) -> (bool, Option<NaiveDate>, &str) {
    let date = view.due.or(view.unrolled);
    (date.is_none(), date, &view.key)
}

fn roles_with_address(contacts: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let some = contacts
        .iter()
        .filter(|(_, addresses)| !addresses.is_empty());
    some.map(|(role, _)| role.clone()).collect()
}

fn stages(definition: &Definition, project: &Project) -> Vec<StageView> {
    let regions = definition.doc.regions.iter();
    regions
        .filter_map(|region| {
            let state = project.states.get(&region.id)?;
            let known = region.states.iter().find(|s| s.id == *state);
            Some(StageView {
                region: region.id.clone(),
                state: state.clone(),
                region_title: region.title.clone(),
                title: known.map(|s| s.title.clone()).unwrap_or_default(),
            })
        })
        .collect()
}

fn obligation(
    definition: &Definition,
    key: &str,
    open: &Obligation,
    today: NaiveDate,
) -> ObligationView {
    let known = if let Some(o) = definition.obligation(&open.id) {
        Some((&o.title, &o.rule, &o.basis, o.responsible.clone()))
    } else {
        let recurring = definition.recurring(&open.id);
        recurring.map(|r| (&r.title, &r.rule, &r.basis, Some(r.responsible.clone())))
    };
    let (mut title, rule, basis, responsible) = match known {
        Some((title, rule, basis, role)) => (title.clone(), rule.clone(), Some(basis), role),
        // A definition never loses an obligation; show the bare id rather than hide the task.
        None => (Text::new(&open.id, &open.id), String::new(), None, None),
    };
    if let Some(period) = &open.period {
        title = Text::new(
            format!("{}（{period}）", title.zh),
            format!("{} ({period})", title.en),
        );
    }
    let paused = open.is_paused();
    let days_left = open.due.map(|due| (due - today).num_days());
    ObligationView {
        key: key.to_owned(),
        title,
        rule,
        due: open.due,
        unrolled: open.unrolled,
        provisional: open.provisional,
        paused,
        overdue: !paused && days_left.is_some_and(|days| days < 0),
        days_left,
        responsible: responsible.map(|id| role(definition, id)),
        source: basis.map(Basis::citation).unwrap_or_default(),
        clause: basis.map(|b| b.text.clone()).unwrap_or_default(),
    }
}

fn role(definition: &Definition, id: String) -> RoleView {
    let title = definition.doc.roles.get(&id).map(|r| r.title.clone());
    RoleView {
        title: title.unwrap_or_default(),
        id,
    }
}

fn payments(project: &Project) -> Vec<PaymentView> {
    let due = |id: &str| {
        let open = project.obligations.values().filter(|o| o.id == id);
        open.filter_map(|o| o.due).min()
    };
    let payments = project.payments.iter();
    payments
        .map(|p| PaymentView {
            no: p.no,
            percent: p.percent.clone(),
            amount: p.amount.map(|fen| fen.to_string()),
            due: due(&p.obligation),
            released: p.released,
            rule: p.rule.clone(),
        })
        .collect()
}

fn findings(project: &Project, definition: &Definition) -> Vec<FindingView> {
    let all = project
        .findings
        .iter()
        .flat_map(|(hook, list)| list.iter().map(move |f| (*hook, f)));
    all.map(|(hook, f)| finding(Some(hook), f, definition))
        .collect()
}

fn finding(hook: Option<Hook>, finding: &Finding, definition: &Definition) -> FindingView {
    let finding = definition.with_options(finding);
    let clause = definition.clause(&finding.rule);
    FindingView {
        hook,
        code: finding.code,
        rule: finding.rule,
        severity: finding.severity,
        message: finding.message,
        facts: finding.facts,
        clause: clause.map(|clause| clause.text.clone()),
        options: finding.options,
    }
}
