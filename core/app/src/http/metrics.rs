//! `GET /metrics`: figures for Prometheus, in the OpenMetrics text form.
//!
//! Store, engine and plugin host count for themselves, without knowing of Prometheus; here their counts
//! get names. A scrape reads counters and makes a few looks into indexes. No label holds anything that a
//! person has typed: codes, packages' ids and the names of commands are all there is.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use liucheng_engine::{
    CommandError,
    figures::{Distribution, Histogram, SHORT_MICROS},
    ports::{Backlog, Instant as At, PackageFigures, StoreFigures, StoreHealth},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::{AppState, auth::Caller, health, problem::Problem};

/// The role of a token that may read the figures; `*` may, too.
pub const ROLE: &str = "metrics";

/// With more mails waiting than this, they are not counted anew at each scrape.
const COUNTED_EACH_TIME: u64 = 1_000;
/// But not more rarely than this.
const COUNT_AGE_MAX: Duration = Duration::from_secs(10);
/// How long the database may take.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// The commands this node was given.
#[derive(Debug)]
pub struct Commands {
    /// By command and code.
    results: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    micros: Histogram,
    backlog: Mutex<Option<(Instant, Backlog)>>,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            results: Mutex::default(),
            micros: Histogram::new(SHORT_MICROS),
            backlog: Mutex::default(),
        }
    }
}

impl Commands {
    /// Notes a command that was answered.
    pub fn note<T>(
        &self,
        command: &'static str,
        started: Instant,
        result: &Result<T, CommandError>,
    ) {
        let code = result.as_ref().map_or_else(CommandError::code, |_| "ok");
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        *results.entry((command, code)).or_default() += 1;
        drop(results);
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.micros.note(micros);
    }

    fn counted(&self) -> Option<Backlog> {
        let kept = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, backlog) = kept.as_ref()?;
        let keep = backlog.mails_pending.max(backlog.mails_dead) > COUNTED_EACH_TIME
            && at.elapsed() < COUNT_AGE_MAX;
        keep.then(|| backlog.clone())
    }

    /// What waits; `None` where the database does not say.
    async fn backlog(&self, state: &AppState) -> Option<Backlog> {
        if let Some(backlog) = self.counted() {
            return Some(backlog);
        }
        let asked = tokio::time::timeout(ANSWER_MAX, state.engine.store.backlog()).await;
        let backlog = asked.ok()?.ok()?;
        let mut kept = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), backlog.clone()));
        Some(backlog)
    }
}

/// When the audit trail was sealed last, by whichever node: one look into an index.
async fn sealed_at(state: &AppState) -> Option<At> {
    let asked = tokio::time::timeout(ANSWER_MAX, state.engine.store.last_epoch()).await;
    asked.ok()?.ok()?.map(|epoch| epoch.sealed_at)
}

/// All figures.
pub async fn metrics(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    allow(&mut parts, &state).await?;
    let snapshot = Snapshot::take(&state).await;
    let mut registry = Registry::with_prefix("liucheng");
    registry.register_collector(Box::new(snapshot));
    let mut page = String::new();
    text::encode(&mut page, &registry).map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "E-INTERNAL",
            error.to_string(),
        )
    })?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], page).into_response())
}

/// Whoever is on this machine may read; from elsewhere, or through a proxy, it takes a token.
async fn allow(parts: &mut Parts, state: &AppState) -> Result<(), Problem> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let here = peer.is_some_and(|ConnectInfo(peer)| peer.ip().is_loopback());
    let passed_on = ["forwarded", "x-forwarded-for", "via"]
        .iter()
        .any(|name| parts.headers.contains_key(*name));
    if here && !passed_on {
        return Ok(());
    }
    let Caller(actor) = Caller::from_request_parts(parts, state).await?;
    if actor.roles.contains("*") || actor.roles.contains(ROLE) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "E-ROLE",
        "the token may not read the figures",
    )
    .hint("make one with `liucheng token create --name prometheus --role metrics`"))
}

/// What a scrape shows.
#[derive(Debug)]
struct Snapshot {
    now: At,
    commands: Vec<((&'static str, &'static str), u64)>,
    command_micros: Distribution,
    store: StoreFigures,
    health: StoreHealth,
    backlog: Option<Backlog>,
    lateness: Distribution,
    mails: [u64; 3],
    worker_seen: Option<At>,
    packages: Vec<PackageFigures>,
    reasons: Vec<&'static str>,
    calendar_days: i64,
}

impl Snapshot {
    async fn take(state: &AppState) -> Self {
        let AppState { engine, node, .. } = state;
        let now = engine.clock.now();
        let results = node.commands.results.lock();
        let commands = results
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(key, count)| (*key, *count))
            .collect();
        let calendar = engine.library.calendar();
        let ready = health::look(engine, node).await;
        Self {
            now,
            commands,
            command_micros: node.commands.micros.read(),
            store: StoreFigures {
                sealed_at: sealed_at(state).await,
                ..engine.store.figures()
            },
            health: engine.store.health(),
            backlog: node.commands.backlog(state).await,
            lateness: engine.figures.lateness(),
            mails: engine.figures.mails(),
            worker_seen: engine.figures.last_seen(),
            packages: engine.rules.figures(),
            reasons: ready.reasons.iter().map(|reason| reason.code).collect(),
            calendar_days: (*calendar.coverage().end() - now.date()).num_days(),
        }
    }

    /// Seconds since an instant; 0 for one to come.
    fn age(&self, at: At) -> f64 {
        seconds(self.now.0.saturating_sub(at.0).max(0))
    }
}

/// Writes families, one after the other.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn family(
        &mut self,
        (name, help): (&str, &str),
        unit: Option<&Unit>,
        kind: MetricType,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(self.0.encode_descriptor(name, help, unit, kind)?)
    }

    fn counter(&mut self, about: (&str, &str), value: u64) -> fmt::Result {
        let write = |encoder: MetricEncoder<'_>| ConstCounter::new(value).encode(encoder);
        self.family(about, None, MetricType::Counter, write)
    }

    fn gauge(&mut self, about: (&str, &str), value: f64) -> fmt::Result {
        let write = |encoder: MetricEncoder<'_>| ConstGauge::new(value).encode(encoder);
        self.family(about, None, MetricType::Gauge, write)
    }

    fn labelled<const N: usize>(
        &mut self,
        about: (&str, &str),
        kind: MetricType,
        values: &[([(&'static str, &str); N], u64)],
    ) -> fmt::Result {
        self.family(about, None, kind, |mut encoder| {
            for (labels, value) in values {
                let encoder = encoder.encode_family(labels)?;
                match kind {
                    MetricType::Counter => ConstCounter::new(*value).encode(encoder)?,
                    _ => ConstGauge::new(as_float(*value)).encode(encoder)?,
                }
            }
            Ok(())
        })
    }

    /// Times in seconds, counted in microseconds.
    fn times(&mut self, about: (&str, &str), micros: &Distribution) -> fmt::Result {
        let write = |encoder: MetricEncoder<'_>| histogram(encoder, micros, 1e6);
        self.family(about, Some(&Unit::Seconds), MetricType::Histogram, write)
    }

    fn sizes(&mut self, about: (&str, &str), sizes: &Distribution) -> fmt::Result {
        let write = |encoder: MetricEncoder<'_>| histogram(encoder, sizes, 1.0);
        self.family(about, None, MetricType::Histogram, write)
    }
}

fn histogram(mut encoder: MetricEncoder<'_>, counted: &Distribution, unit: f64) -> fmt::Result {
    let bounds = counted.bounds.iter().map(|bound| as_float(*bound) / unit);
    let bounds = bounds.chain(std::iter::once(f64::INFINITY));
    let buckets: Vec<(f64, u64)> = bounds.zip(counted.counts.iter().copied()).collect();
    let sum = as_float(counted.sum) / unit;
    encoder.encode_histogram::<NoLabelSet>(sum, counted.count(), &buckets, None)
}

/// Beyond 2⁵³ the last digits are lost, which is fine for a figure.
fn as_float(value: u64) -> f64 {
    value as f64
}

fn seconds(micros: i64) -> f64 {
    as_float(micros.unsigned_abs()) * 1e-6 * if micros < 0 { -1.0 } else { 1.0 }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.node(&mut page)?;
        self.commands(&mut page)?;
        self.store(&mut page)?;
        self.worker(&mut page)?;
        self.plugins(&mut page)
    }
}

impl Snapshot {
    fn node(&self, page: &mut Page<'_>) -> fmt::Result {
        let version = [([("version", env!("CARGO_PKG_VERSION"))], 1)];
        page.labelled(
            ("build_info", "The program's version, always 1"),
            MetricType::Gauge,
            &version,
        )?;
        let ready = flag(self.reasons.is_empty());
        page.gauge(("ready", "1 while /readyz is 200"), ready)?;
        let mut reasons: Vec<_> = self
            .reasons
            .iter()
            .map(|code| ([("code", *code)], 1))
            .collect();
        reasons.dedup();
        page.labelled(
            ("not_ready_reason", "Why /readyz is 503, by code"),
            MetricType::Gauge,
            &reasons,
        )?;
        page.gauge(
            (
                "calendar_days_left",
                "Days until the work calendar ends, negative beyond it",
            ),
            seconds(self.calendar_days.saturating_mul(1_000_000)),
        )
    }

    fn commands(&self, page: &mut Page<'_>) -> fmt::Result {
        let results: Vec<_> = self
            .commands
            .iter()
            .map(|((command, code), count)| ([("command", *command), ("code", *code)], *count))
            .collect();
        page.labelled(
            (
                "commands",
                "Commands by what became of them, ok or an error's code",
            ),
            MetricType::Counter,
            &results,
        )?;
        page.times(
            ("command", "How long commands took, from reading to answer"),
            &self.command_micros,
        )
    }

    fn store(&self, page: &mut Page<'_>) -> fmt::Result {
        let StoreFigures { transactions, .. } = self.store;
        page.counter(
            (
                "store_transactions",
                "Transactions made durable, about one fsync each",
            ),
            transactions,
        )?;
        page.counter(
            ("store_changes", "Changes of projects made durable"),
            self.store.commits,
        )?;
        page.counter(
            (
                "store_operations",
                "Operations answered, with or without success",
            ),
            self.store.operations,
        )?;
        page.sizes(
            (
                "store_group_operations",
                "Operations that shared one transaction",
            ),
            &self.store.group_sizes,
        )?;
        page.times(
            ("store_group", "How long a transaction took, fsync included"),
            &self.store.group_micros,
        )?;
        let connections = [
            ("in_use", self.store.connections_in_use),
            ("open", self.store.connections_open),
            ("max", self.store.connections_max),
        ]
        .map(|(state, count)| ([("state", state)], count));
        page.labelled(
            ("store_connections", "Connections for reading"),
            MetricType::Gauge,
            &connections,
        )?;
        if let (Some(bytes), Some(checkpoints)) = (self.store.log_bytes, self.store.checkpoints) {
            page.gauge(
                ("store_log_bytes", "Size of the write-ahead log's file"),
                as_float(bytes),
            )?;
            page.counter(
                (
                    "store_checkpoints",
                    "How often the log was copied into the database",
                ),
                checkpoints,
            )?;
        }
        page.gauge(
            (
                "store_full",
                "1 while there is no room to write; it goes on by itself",
            ),
            flag(self.health.full.is_some()),
        )?;
        page.gauge(
            (
                "store_stopped",
                "1 when nothing is written any more until a restart",
            ),
            flag(self.health.stopped.is_some()),
        )?;
        if let Some(skew) = self.health.clock_skew_micros {
            page.gauge(
                (
                    "clock_skew_seconds",
                    "The database's clock minus this machine's",
                ),
                seconds(skew),
            )?;
        }
        if let Some(at) = self.store.sealed_at {
            page.gauge(
                (
                    "audit_sealed_age_seconds",
                    "How long ago the audit trail was sealed",
                ),
                self.age(at),
            )?;
        }
        Ok(())
    }

    fn worker(&self, page: &mut Page<'_>) -> fmt::Result {
        page.times(
            (
                "timer_late",
                "How late timers had their effect; as many as were fired",
            ),
            &self.lateness,
        )?;
        let [sent, retry, dead] = self.mails;
        let attempts = [("sent", sent), ("retry", retry), ("dead", dead)]
            .map(|(result, count)| ([("result", result)], count));
        page.labelled(
            (
                "mail_attempts",
                "Attempts to send a mail, by what became of them",
            ),
            MetricType::Counter,
            &attempts,
        )?;
        if let Some(at) = self.worker_seen {
            page.gauge(
                (
                    "worker_seen_age_seconds",
                    "How long ago the worker began a round",
                ),
                self.age(at),
            )?;
        }
        let Some(backlog) = &self.backlog else {
            return Ok(());
        };
        page.gauge(
            ("outbox_pending", "Mails that wait, at most 100000"),
            as_float(backlog.mails_pending),
        )?;
        page.gauge(
            ("outbox_dead", "Mails given up, at most 100000"),
            as_float(backlog.mails_dead),
        )?;
        page.gauge(
            (
                "outbox_oldest_seconds",
                "How long the oldest mail has been due",
            ),
            backlog.mail_earliest.map_or(0.0, |at| self.age(at)),
        )?;
        page.gauge(
            (
                "timer_overdue_seconds",
                "How long the oldest timer has been due",
            ),
            backlog.timer_earliest.map_or(0.0, |at| self.age(at)),
        )
    }

    fn plugins(&self, page: &mut Page<'_>) -> fmt::Result {
        let each = || {
            self.packages
                .iter()
                .map(|p| ([("package", p.package.as_str())], p))
        };
        let fuel: Vec<_> = each().map(|(labels, p)| (labels, p.fuel)).collect();
        page.family(
            ("plugin_call", "How long calls of packages took"),
            Some(&Unit::Seconds),
            MetricType::Histogram,
            |mut encoder| {
                for (labels, package) in each() {
                    histogram(encoder.encode_family(&labels)?, &package.call_micros, 1e6)?;
                }
                Ok(())
            },
        )?;
        page.labelled(
            ("plugin_fuel", "Instructions that packages took to answer"),
            MetricType::Counter,
            &fuel,
        )?;
        let faults: Vec<_> = self
            .packages
            .iter()
            .flat_map(|p| {
                let one = |(code, count): (&&'static str, &u64)| {
                    ([("package", p.package.as_str()), ("code", *code)], *count)
                };
                p.faults.iter().map(one).collect::<Vec<_>>()
            })
            .collect();
        page.labelled(
            ("plugin_faults", "Calls of packages that failed, by code"),
            MetricType::Counter,
            &faults,
        )
    }
}
