//! The bridge between a component's exports and [`Province`]. Only in components.

use std::{marker::PhantomData, sync::Once};

use crate::{
    Answer, CalendarError, Call, CountedDay, Date, Facts, Fen, Finding, FindingCode, Host, Level,
    Parameter, Parameters, Payment, Problem, Province, Row, Scalar, Severity, Value,
};

/// The generated bindings of `plugins/wit/v1`.
pub mod bindings {
    #![expect(missing_docs, reason = "generated")]
    wit_bindgen::generate!({
        path: "../wit/v1",
        world: "province",
        pub_export_macro: true,
        export_macro_name: "export_guest",
        default_bindings_module: "liucheng_sdk::guest::bindings",
    });
}

pub use bindings::export_guest;
use bindings::{
    exports::liucheng::province::rules::Guest,
    liucheng::province::{calendar, logging, types as wit},
};

/// Answers the exports of a component with a [`Province`].
pub struct Adapter<P>(PhantomData<P>);

struct ComponentHost;

impl Host for ComponentHost {
    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Debug => logging::Level::Debug,
            Level::Info => logging::Level::Info,
            Level::Warn => logging::Level::Warn,
            Level::Error => logging::Level::Error,
        };
        logging::log(level, text);
    }

    fn is_working_day(&self, date: Date) -> Result<bool, CalendarError> {
        calendar::is_working_day(&date.to_string()).map_err(calendar_error)
    }

    fn add_working_days(&self, date: Date, n: i32) -> Result<CountedDay, CalendarError> {
        calendar::add_working_days(&date.to_string(), n)
            .map_err(calendar_error)
            .and_then(counted)
    }

    fn next_working_day(&self, date: Date) -> Result<CountedDay, CalendarError> {
        calendar::next_working_day(&date.to_string())
            .map_err(calendar_error)
            .and_then(counted)
    }
}

fn calendar_error(error: calendar::CalendarError) -> CalendarError {
    match error {
        calendar::CalendarError::InvalidDate(text) => CalendarError::InvalidDate(text),
        calendar::CalendarError::OutOfRange(text) => CalendarError::OutOfRange(text),
    }
}

fn counted(day: calendar::Day) -> Result<CountedDay, CalendarError> {
    let date = day
        .date
        .parse()
        .map_err(|_| CalendarError::InvalidDate(day.date))?;
    Ok(CountedDay {
        date,
        provisional: day.provisional,
    })
}

/// Sends panic messages to the host's log: a trap carries no text.
fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            ComponentHost.log(Level::Error, &info.to_string())
        }));
    });
}

struct Request {
    today: Date,
    transition: String,
    facts: Facts,
    parameters: Parameters,
}

impl Request {
    fn read(request: wit::Request) -> Result<Self, Problem> {
        log_panics();
        let parameters = request.parameters.into_iter().map(|p| {
            let value = value_in(p.value)?;
            Ok((
                p.key,
                Parameter {
                    value,
                    rule: p.rule,
                },
            ))
        });
        Ok(Self {
            today: date_in(&request.today)?,
            transition: request.transition,
            facts: facts_in(request.facts)?,
            parameters: parameters.collect::<Result<_, Problem>>()?,
        })
    }

    fn call(&self) -> Call<'_> {
        Call {
            today: self.today,
            transition: &self.transition,
            facts: &self.facts,
            parameters: &self.parameters,
            host: &ComponentHost,
        }
    }
}

impl<P: Province> Guest for Adapter<P> {
    fn describe() -> wit::Description {
        let description = P::describe();
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        wit::Description {
            id: description.id.to_owned(),
            version: description.version.to_owned(),
            hooks: owned(description.hooks),
            rules: owned(description.rules),
        }
    }

    fn check(request: wit::Request) -> Result<wit::Answer, wit::Problem> {
        let answer = Request::read(request).and_then(|request| P::check(&request.call()));
        answer.map(answer_out).map_err(problem_out)
    }

    fn compute(topic: String, request: wit::Request) -> Result<wit::Answer, wit::Problem> {
        let request = Request::read(request);
        let answer = request.and_then(|request| crate::compute::<P>(&topic, &request.call()));
        answer.map(answer_out).map_err(problem_out)
    }

    fn run_step(step: String, request: wit::Request) -> Result<wit::StepOutcome, wit::Problem> {
        let outcome =
            Request::read(request).and_then(|request| P::run_step(&step, &request.call()));
        let out = outcome.map(|o| wit::StepOutcome {
            answer: answer_out(o.answer),
            next: o.next,
        });
        out.map_err(problem_out)
    }

    fn migrate_facts(
        from_version: String,
        facts: Vec<wit::Fact>,
    ) -> Result<wit::Migration, wit::Problem> {
        let migration = facts_in(facts).and_then(|facts| P::migrate_facts(&from_version, &facts));
        let out = migration.map(|m| wit::Migration {
            set: m.set.into_iter().map(fact_out).collect(),
            drop: m.drop,
            findings: m.findings.into_iter().map(finding_out).collect(),
        });
        out.map_err(problem_out)
    }
}

fn unreadable(error: impl std::fmt::Display) -> Problem {
    Problem::bad_request(&error.to_string())
}

fn date_in(text: &str) -> Result<Date, Problem> {
    text.parse().map_err(unreadable)
}

fn facts_in(facts: Vec<wit::Fact>) -> Result<Facts, Problem> {
    facts
        .into_iter()
        .map(|fact| Ok((fact.key, value_in(fact.value)?)))
        .collect()
}

fn value_in(value: wit::Value) -> Result<Value, Problem> {
    Ok(match value {
        wit::Value::Date(text) => date_in(&text)?.into(),
        wit::Value::MoneyFen(fen) => Fen(fen).into(),
        wit::Value::Percent(text) => Value::One(Scalar::Percent(text.parse().map_err(unreadable)?)),
        wit::Value::Integer(n) => n.into(),
        wit::Value::Text(text) => text.into(),
        wit::Value::Boolean(flag) => flag.into(),
        wit::Value::Row(fields) => Value::Row(row_in(fields)?),
        wit::Value::Rows(rows) => {
            Value::Rows(rows.into_iter().map(row_in).collect::<Result<_, _>>()?)
        }
    })
}

fn row_in(fields: Vec<wit::Field>) -> Result<Row, Problem> {
    fields
        .into_iter()
        .map(|field| Ok((field.name, scalar_in(field.value)?)))
        .collect()
}

fn scalar_in(scalar: wit::Scalar) -> Result<Scalar, Problem> {
    Ok(match scalar {
        wit::Scalar::Date(text) => date_in(&text)?.into(),
        wit::Scalar::MoneyFen(fen) => Fen(fen).into(),
        wit::Scalar::Percent(text) => Scalar::Percent(text.parse().map_err(unreadable)?),
        wit::Scalar::Integer(n) => n.into(),
        wit::Scalar::Text(text) => text.into(),
        wit::Scalar::Boolean(flag) => flag.into(),
    })
}

fn answer_out(answer: Answer) -> wit::Answer {
    wit::Answer {
        findings: answer.findings.into_iter().map(finding_out).collect(),
        facts: answer.facts.into_iter().map(fact_out).collect(),
        payments: answer.payments.into_iter().map(payment_out).collect(),
    }
}

fn finding_out(finding: Finding) -> wit::Finding {
    wit::Finding {
        code: match finding.code {
            FindingCode::InputRequired => wit::FindingCode::InputRequired,
            FindingCode::NeedsDecision => wit::FindingCode::NeedsDecision,
            FindingCode::Violation => wit::FindingCode::Violation,
            FindingCode::Infeasible => wit::FindingCode::Infeasible,
            FindingCode::Informative => wit::FindingCode::Informative,
        },
        rule: finding.rule,
        severity: match finding.severity {
            Severity::Info => wit::Severity::Info,
            Severity::Warning => wit::Severity::Warning,
            Severity::Error => wit::Severity::Error,
        },
        message_zh: finding.message.zh,
        message_en: finding.message.en,
        facts: finding.facts,
    }
}

fn payment_out(payment: Payment) -> wit::Payment {
    wit::Payment {
        no: payment.no,
        percent: payment.percent.to_string(),
        amount_fen: payment.amount.map(|fen| fen.0),
        obligation: payment.obligation,
        rule: payment.rule,
    }
}

fn fact_out((key, value): (String, Value)) -> wit::Fact {
    let value = match value {
        Value::One(Scalar::Date(date)) => wit::Value::Date(date.to_string()),
        Value::One(Scalar::Money(fen)) => wit::Value::MoneyFen(fen.0),
        Value::One(Scalar::Percent(percent)) => wit::Value::Percent(percent.to_string()),
        Value::One(Scalar::Int(n)) => wit::Value::Integer(n),
        Value::One(Scalar::Text(text)) => wit::Value::Text(text),
        Value::One(Scalar::Bool(flag)) => wit::Value::Boolean(flag),
        Value::Row(row) => wit::Value::Row(row_out(row)),
        Value::Rows(rows) => wit::Value::Rows(rows.into_iter().map(row_out).collect()),
    };
    wit::Fact { key, value }
}

fn row_out(row: Row) -> Vec<wit::Field> {
    let fields = row.into_iter();
    fields
        .map(|(name, scalar)| wit::Field {
            name,
            value: scalar_out(scalar),
        })
        .collect()
}

fn scalar_out(scalar: Scalar) -> wit::Scalar {
    match scalar {
        Scalar::Date(date) => wit::Scalar::Date(date.to_string()),
        Scalar::Money(fen) => wit::Scalar::MoneyFen(fen.0),
        Scalar::Percent(percent) => wit::Scalar::Percent(percent.to_string()),
        Scalar::Int(n) => wit::Scalar::Integer(n),
        Scalar::Text(text) => wit::Scalar::Text(text),
        Scalar::Bool(flag) => wit::Scalar::Boolean(flag),
    }
}

fn problem_out(problem: Problem) -> wit::Problem {
    wit::Problem {
        code: problem.code,
        message_zh: problem.message.zh,
        message_en: problem.message.en,
    }
}
