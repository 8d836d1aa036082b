//! What it costs to ask a province's component.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chrono::NaiveDate;
use liucheng_engine::ports::{ProvinceRules, RuleCall};
use liucheng_model::{
    calendar::Calendar,
    fact::{FactValue, Facts, Scalar},
    verdict::{Hook, PackagePin, Parameter},
};
use serde::Serialize;

use crate::{
    BenchError,
    measure::{Waits, per_second, rounded},
};

/// Calls that are not counted: the first ones warm up.
const WARM_UP: usize = 50;

/// Figures for one package and one amount of facts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The package.
    pub package: String,
    /// Facts handed over.
    pub facts: usize,
    /// Calls.
    pub calls: usize,
    /// The median time of a call, a fresh instance each.
    pub p50_us: f64,
    /// What one in a hundred calls exceeds.
    pub p99_us: f64,
    /// Calls a second, one after the other.
    pub calls_per_second: f64,
    /// Instructions of the last call, in the host's fuel.
    pub fuel: u64,
    /// The median time to take the package from its compiled code and ask it who it is.
    pub load_us: f64,
}

/// Takes a package from its compiled code once for each host given, none of which has loaded it; the median
/// time, in microseconds.
///
/// # Errors
/// When the package is not there or does not load.
pub async fn load(
    hosts: &[Arc<dyn ProvinceRules>],
    package: &PackagePin,
) -> Result<f64, BenchError> {
    let mut waits = Waits::default();
    for rules in hosts {
        let started = Instant::now();
        let loaded = rules.prepare(package).await;
        waits.push(started.elapsed());
        loaded.map_err(|fault| BenchError::Server(fault.to_string()))?;
    }
    Ok(rounded(waits.percentile_ms(50) * 1e3))
}

/// Asks a package again and again.
///
/// # Errors
/// When the component gives no verdict.
pub async fn run(
    rules: &dyn ProvinceRules,
    (package, parameters): (&PackagePin, Arc<BTreeMap<String, Parameter>>),
    facts: usize,
    calls: usize,
) -> Result<Report, BenchError> {
    let calendar = Calendar::national();
    let calendar = calendar.map_err(|error| BenchError::Definition(error.problem.to_string()))?;
    let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap_or_default();
    let call = RuleCall {
        package: package.clone(),
        hook: Hook::Check,
        transition: "sign-contract".to_owned(),
        today,
        facts: some_facts(facts, today),
        parameters,
        calendar: Arc::new(calendar.clone()),
    };
    let (mut waits, mut fuel) = (Waits::default(), 0);
    for _ in 0..WARM_UP {
        let verdict = rules.ask(call.clone()).await;
        verdict.map_err(|fault| BenchError::Server(fault.to_string()))?;
    }
    let started = Instant::now();
    for _ in 0..calls {
        let call = call.clone();
        let asked = Instant::now();
        let verdict = rules.ask(call).await;
        waits.push(asked.elapsed());
        fuel = verdict
            .map_err(|fault| BenchError::Server(fault.to_string()))?
            .fuel;
    }
    let elapsed = started.elapsed();
    Ok(Report {
        package: package.id.clone(),
        facts,
        calls,
        p50_us: rounded(waits.percentile_ms(50) * 1e3),
        p99_us: rounded(waits.percentile_ms(99) * 1e3),
        calls_per_second: rounded(per_second(calls, elapsed)),
        fuel,
        load_us: 0.0,
    })
}

/// Typed facts, as many as asked for: dates, money, texts and whole numbers in turn.
fn some_facts(count: usize, today: NaiveDate) -> Facts {
    let value = |n: usize| match n % 4 {
        0 => Scalar::Date(today),
        1 => Scalar::Money(liucheng_model::money::Fen(545_000_000)),
        2 => Scalar::Text("原州区乡镇（街道）社会工作服务站".to_owned()),
        _ => Scalar::Int(12),
    };
    (0..count)
        .map(|n| (format!("bench.fact{n:02}"), FactValue::One(value(n))))
        .collect()
}
