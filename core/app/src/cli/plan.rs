//! `liucheng plan`: deadlines and payments from facts, without a project.

#[cfg(test)]
mod cases;
mod rules;
mod show;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use chrono::NaiveDate;
use clap::Args;
use liucheng_engine::{library::Entry, ports::RuleCall};
use liucheng_model::{
    decide::{Report, reports},
    definition::{DECISION, Definition, decision_fact},
    evaluate::{Deadline, DeadlineKind, Evaluation, Question, evaluate, suspensions_told},
    fact::{FactError, FactType, FactValue, Facts, Scalar, nearest},
    finding::{Finding, FindingCode, Severity},
    rejection::Rejection,
    text::Text,
    verdict::{Hook, PlannedPayment},
};
use serde_json::{Map, Value as Json, json};

use super::Global;
use crate::{
    input,
    output::{Exit, Failure, document},
};
use rules::Rules;
pub use show::show_finding;

/// What to compute.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The province package: the id of one that is installed in the data folder or built in, or the path of a
    /// package's folder or tar file, such as `./my-county`. Without one only national law applies.
    #[arg(long, value_name = "ID|PATH")]
    province: Option<String>,
    /// Facts as one JSON object; `-` reads stdin.
    #[arg(long, value_name = "FILE")]
    facts: PathBuf,
    /// The day the plan is made for; by default the latest date among the facts.
    #[arg(long, value_name = "DATE")]
    on: Option<String>,
    /// A province's or agency's layer over the national calendar; repeat for several. The layers of the data
    /// folder's configuration if absent.
    #[arg(long = "layer", value_name = "FILE")]
    layers: Vec<PathBuf>,
    /// Also show how each date was counted.
    #[arg(long)]
    explain: bool,
}

/// Deadlines, payments and findings.
struct Plan {
    evaluation: Evaluation,
    payments: Vec<PlannedPayment>,
    findings: Vec<Finding>,
}

/// Computes and shows a plan.
pub async fn run(global: &Global, args: PlanArgs) -> Result<Exit, Failure> {
    let (entry, parts) = rules::find(global, &args).await?;
    let object = input::read_object(&args.facts)?;
    let (facts, unknown) = read_facts(&entry.definition, &object)?;
    let on = match &args.on {
        Some(text) => Some(input::date("--on", text)?),
        None => latest_date(&facts),
    };
    // Without any date there is no deadline either, so no rule can tell which day it is.
    let mut plan = compute(&entry, &parts, &facts, on.unwrap_or_default()).await?;
    plan.findings.extend(unknown);
    let calendar = parts.library.calendar();
    let states = BTreeMap::new();
    let suspensions = suspensions_told(&entry.definition, &facts, on.unwrap_or_default());
    let reports = reports(Question {
        definition: &entry.definition,
        facts: &facts,
        states: &states,
        today: on.unwrap_or_default(),
        calendar: &calendar,
        suspensions: &suspensions,
    });
    if global.json {
        let deadlines: Vec<Json> = plan
            .evaluation
            .deadlines
            .iter()
            .map(deadline_json)
            .collect();
        return document(&json!({
            "province": args.province,
            "calendar": {"id": calendar.id(), "version": calendar.version()},
            "definition": {"id": entry.definition.doc.id, "version": entry.definition.doc.version},
            "on": on,
            "deadlines": deadlines,
            "reports": reports.iter().map(report_json).collect::<Vec<_>>(),
            "payments": plan.payments.iter().map(|p| payment_json(p, &plan.evaluation)).collect::<Vec<_>>(),
            "findings": plan.findings.iter().map(|f| finding_json(f, &entry.definition)).collect::<Vec<_>>(),
        }))
        .map(|()| Exit::Ok);
    }
    show::show(&plan, &reports, args.explain)?;
    Ok(Exit::Ok)
}

async fn compute(
    entry: &Entry,
    parts: &Rules,
    facts: &Facts,
    on: NaiveDate,
) -> Result<Plan, Failure> {
    let calendar = parts.library.calendar();
    let states = BTreeMap::new();
    let suspensions = suspensions_told(&entry.definition, facts, on);
    let evaluation = evaluate(Question {
        definition: &entry.definition,
        facts,
        states: &states,
        today: on,
        calendar: &calendar,
        suspensions: &suspensions,
    });
    let mut findings = evaluation.findings.clone();
    let mut payments = Vec::new();
    let complete = entry.definition.with_defaults(facts).0.into_owned();
    if let Some(package) = &entry.package {
        let answered = parts.rules.hooks(package).unwrap_or_default();
        // Steps belong to projects that stand where the step is.
        for hook in answered.into_iter().filter(|hook| *hook != Hook::Step) {
            let call = RuleCall {
                package: package.clone(),
                hook,
                transition: String::new(),
                today: on,
                facts: complete.clone(),
                parameters: Arc::clone(&entry.definition.parameters),
                calendar: Arc::clone(&calendar),
            };
            let verdict = parts
                .rules
                .ask(call)
                .await
                .map_err(liucheng_engine::CommandError::from)?;
            payments.extend(verdict.answer.payments);
            for finding in verdict.answer.findings {
                let finding = entry.definition.with_options(&finding);
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    Ok(Plan {
        evaluation,
        payments,
        findings,
    })
}

/// Reads facts; keys that the vocabulary does not know become findings.
///
/// Accepts flat keys, nested objects (`{"contract": {"signed": …}}`) and values with their
/// provenance (`{"value": …, "source": …}`), below `facts` or `inputs` or at the top.
fn read_facts(
    definition: &Definition,
    object: &Map<String, Json>,
) -> Result<(Facts, Vec<Finding>), Failure> {
    let wrapped = ["facts", "inputs"]
        .iter()
        .find_map(|key| object.get(*key)?.as_object());
    let mut reader = FactReader {
        definition,
        facts: Facts::new(),
        unknown: Vec::new(),
    };
    reader.read("", wrapped.unwrap_or(object))?;
    Ok((reader.facts, reader.unknown))
}

struct FactReader<'a> {
    definition: &'a Definition,
    facts: Facts,
    unknown: Vec<Finding>,
}

impl FactReader<'_> {
    fn read(&mut self, prefix: &str, object: &Map<String, Json>) -> Result<(), Failure> {
        for (name, json) in object {
            // A decision is named as its open point is: `decision.HN-A6` is `decision.hn_a6`.
            let key = match name.strip_prefix(DECISION) {
                Some(issue) if prefix.is_empty() => decision_fact(issue),
                _ => format!("{prefix}{name}"),
            };
            match (self.definition.fact_type(&key), json) {
                // An explicit null is an absent fact.
                (Some(_), Json::Null) => {}
                (Some(kind), json) => {
                    let value = match (kind, json.get("value")) {
                        (FactType::Record(_), _) | (_, None) => json,
                        (_, Some(value)) => value,
                    };
                    let parsed = self.definition.parse_fact(&key, value);
                    self.keep(key, parsed.map_err(refused)?)?;
                }
                (None, Json::Object(case)) if case.contains_key("value") => {
                    let plain = Map::from_iter([(name.clone(), case["value"].clone())]);
                    self.read(prefix, &plain)?;
                }
                (None, Json::Object(below)) if self.is_branch(&key) => {
                    self.read(&format!("{key}."), below)?
                }
                (None, Json::Array(ends)) if self.read_term(&key, ends)? => {}
                (None, _) => self.unknown.push(self.unknown_finding(key)),
            }
        }
        Ok(())
    }

    /// `contract.term` is short for `contract.start` and `contract.expiry`.
    fn read_term(&mut self, key: &str, ends: &[Json]) -> Result<bool, Failure> {
        let (Some(prefix), [start, expiry]) = (key.strip_suffix(".term"), ends) else {
            return Ok(false);
        };
        let keys = [format!("{prefix}.start"), format!("{prefix}.expiry")];
        if !keys.iter().all(|k| self.definition.vocabulary.contains(k)) {
            return Ok(false);
        }
        for (key, json) in keys.into_iter().zip([start, expiry]) {
            let value = self.definition.parse_fact(&key, json).map_err(refused)?;
            self.keep(key, value)?;
        }
        Ok(true)
    }

    /// The same fact may be written flat, nested or as a term, but only once.
    fn keep(&mut self, key: String, value: FactValue) -> Result<(), Failure> {
        if self.facts.contains_key(&key) {
            return Err(Failure::new(
                Exit::Usage,
                "E-JSON-DUPLICATE",
                format!("the fact {key} is given twice, in two ways of writing it"),
            )
            .at(key)
            .hint("keep one of them: nobody can tell which was meant"));
        }
        self.facts.insert(key, value);
        Ok(())
    }

    fn is_branch(&self, key: &str) -> bool {
        let prefix = format!("{key}.");
        self.definition
            .vocabulary
            .iter()
            .any(|k| k.starts_with(&prefix))
    }

    fn unknown_finding(&self, key: String) -> Finding {
        let near = nearest(&key, &self.definition.vocabulary);
        let (zh, en) = match near {
            Some(near) => (
                format!("未知字段 {key}，未计入；是否应为 {near}？"),
                format!("unknown fact {key} was left out; did you mean {near}?"),
            ),
            None => (
                format!("未知字段 {key}，未计入"),
                format!("unknown fact {key} was left out"),
            ),
        };
        Finding {
            code: FindingCode::UnknownFact,
            rule: String::new(),
            severity: Severity::Warning,
            message: Text::new(zh, en),
            facts: vec![key],
            options: Vec::new(),
        }
    }
}

fn refused(error: FactError) -> Failure {
    liucheng_engine::CommandError::from(Rejection::from(error)).into()
}

fn latest_date(facts: &Facts) -> Option<NaiveDate> {
    let dates = facts.values().flat_map(|value| match value {
        FactValue::One(Scalar::Date(date)) => vec![*date],
        FactValue::Rows(rows) => rows
            .iter()
            .flat_map(|row| row.values())
            .filter_map(|scalar| match scalar {
                Scalar::Date(date) => Some(*date),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    });
    dates.max()
}

fn deadline_json(deadline: &Deadline) -> Json {
    let result = &deadline.computation;
    json!({
        "id": deadline.key,
        "rule": deadline.rule,
        "label": deadline.title.zh,
        "label_en": deadline.title.en,
        "kind": match deadline.kind {
            DeadlineKind::Latest => "latest",
            DeadlineKind::Earliest => "earliest",
            DeadlineKind::Fixed => "fixed",
        },
        "anchor": if deadline.anchor.is_empty() { Json::Null } else { Json::from(deadline.anchor.clone()) },
        "anchor_date": deadline.anchor_date,
        "projected": deadline.projected,
        "due": result.due,
        "unrolled": result.unrolled,
        "provisional": result.provisional,
        "force": deadline.force,
        "basis": {
            "source": deadline.basis.source,
            "article": deadline.basis.article,
            "text": deadline.basis.text,
        },
        "met_on": deadline.met_on,
        "derivation": result.derivation,
    })
}

fn report_json(report: &Report<'_>) -> Json {
    let recurring = report.recurring;
    json!({
        "id": recurring.id,
        "rule": recurring.rule,
        "label": recurring.title.zh,
        "label_en": recurring.title.en,
        "every": recurring.every,
        "period": report.period,
        "first": report.first,
        "last": report.last,
        "due": report.due,
        "unrolled": report.unrolled,
        "provisional": report.provisional,
        "responsible": recurring.responsible,
        "to": recurring.to.iter().map(|to| to.zh.clone()).collect::<Vec<_>>(),
    })
}

fn payment_json(payment: &PlannedPayment, evaluation: &Evaluation) -> Json {
    json!({
        "no": payment.no,
        "percent": payment.percent,
        "amount": payment.amount.map(|a| a.to_string()),
        "due": payment_due(payment, evaluation),
        "obligation": payment.obligation,
        "rule": payment.rule,
    })
}

fn payment_due(payment: &PlannedPayment, evaluation: &Evaluation) -> Option<NaiveDate> {
    let deadline = evaluation
        .deadlines
        .iter()
        .find(|d| d.id == payment.obligation)?;
    deadline.computation.due
}

fn finding_json(finding: &Finding, definition: &Definition) -> Json {
    let mut json = json!({
        "code": finding.code,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message.zh,
        "message_en": finding.message.en,
        "facts": finding.facts,
    });
    if let Some(clause) = definition.clause(&finding.rule) {
        json["clause"] = Json::from(clause.text.clone());
    }
    if !finding.options.is_empty() {
        let options = finding.options.iter().map(|choice| {
            json!({"id": choice.id, "text": choice.text.zh, "text_en": choice.text.en, "taken": choice.taken})
        });
        json["options"] = options.collect();
    }
    json
}
