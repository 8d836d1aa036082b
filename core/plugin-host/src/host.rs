//! The loaded packages, and the engine's port to them.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use liucheng_engine::ports::{
    MigrateCall, Migration, PackageFigures, ProvinceRules, RuleCall, RuleFault,
};
use liucheng_model::verdict::{Answer, Hook, PackagePin, Parameter, Verdict};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::{
    answer::Judge,
    breaker::Breaker,
    cache::Cache,
    call::{Budget, Calls},
    error::{PluginError, Problem},
    figures::Figures,
    limits::Limits,
    load::{LoadedPackage, Loader, PackageInfo, PackageSource, sha256},
    manifest::Manifest,
    sandbox::Sandbox,
    v1::{self, Request, Size},
    work_days::WorkDays,
};

/// A call that is made where the caller stands takes some half a millisecond at most, shorter than others
/// notice. What takes more is asked again on a thread that may block. The time is for few instructions
/// that take long, such as questions to the calendar.
const AT_ONCE: Budget = Budget {
    fuel: 1_000_000,
    wall: Duration::from_millis(1),
};

/// Runs province packages.
///
/// Cheap to clone; all clones share the packages. Must be used within a tokio runtime where it is asked
/// through [`ProvinceRules`].
#[derive(Clone)]
pub struct PluginHost(Arc<Inner>);

struct Inner {
    limits: Limits,
    sandbox: Sandbox,
    cache: Option<Cache>,
    packages: RwLock<BTreeMap<PackagePin, Slot>>,
    /// One compilation at a time: it takes a whole processor for a while.
    compiling: Mutex<()>,
    calls: Arc<Semaphore>,
    figures: Figures,
    breaker: Breaker,
}

/// A package that can be asked.
#[derive(Clone)]
enum Slot {
    /// Nobody has asked it yet: it is compiled when somebody does.
    Offered(Offer),
    Loaded(Arc<LoadedPackage>),
}

#[derive(Clone, Copy)]
struct Offer {
    manifest: &'static str,
    component: &'static [u8],
}

/// What the component said.
pub(crate) enum Reply {
    /// An answer that may be used, and the transition that a step proposes.
    Answer(Answer, Option<String>),
    /// Its own word for why it cannot answer, and the sentence.
    Problem { code: String, text: String },
}

/// A reply with the digest of what was asked and the instructions it took.
pub(crate) struct Reckoned {
    pub(crate) reply: Reply,
    pub(crate) input: String,
    pub(crate) fuel: u64,
}

/// One question, built once and recorded by its digest.
pub(crate) struct Question<'a> {
    pub(crate) hook: Hook,
    pub(crate) request: Request,
    pub(crate) parameters: &'a BTreeMap<String, Parameter>,
    pub(crate) work_days: WorkDays,
}

impl PluginHost {
    /// Starts a host; compiled code is kept in `cache_dir` if one is given.
    ///
    /// # Errors
    /// `E-PLUGIN-HOST` when the engine cannot start on this machine.
    pub fn new(limits: Limits, cache_dir: Option<PathBuf>) -> Result<Self, PluginError> {
        let sandbox = Sandbox::new(&limits).map_err(|problem| problem.of("-"))?;
        Ok(Self(Arc::new(Inner {
            sandbox,
            cache: cache_dir.and_then(|folder| Cache::open(&folder)),
            packages: RwLock::default(),
            compiling: Mutex::new(()),
            calls: Arc::new(Semaphore::new(limits.parallel_calls.max(1))),
            figures: Figures::default(),
            breaker: Breaker::new(limits.breaker.clone()),
            limits,
        })))
    }

    /// Loads a package: checks its manifest, digest, interface and imports, and asks who it is.
    ///
    /// Loading the same package again is harmless. It compiles, so call it from a thread that may block.
    ///
    /// # Errors
    /// A coded [`PluginError`]; nothing is loaded then.
    pub fn load(&self, source: PackageSource<'_>) -> Result<Arc<LoadedPackage>, PluginError> {
        let package = Arc::new(self.inspect(source)?);
        let mut packages = self
            .0
            .packages
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        packages.insert(package.info.pin(), Slot::Loaded(Arc::clone(&package)));
        Ok(package)
    }

    /// Offers a package that is built into the program: it is there from now on, and is checked and compiled
    /// when it is first asked.
    ///
    /// # Errors
    /// `E-PLUGIN-MANIFEST` when its manifest cannot be read.
    pub fn offer(
        &self,
        manifest: &'static str,
        component: &'static [u8],
    ) -> Result<PackagePin, PluginError> {
        let pin = Manifest::parse(manifest)?.pin();
        let offer = Offer {
            manifest,
            component,
        };
        let packages = self.0.packages.write();
        let mut packages = packages.unwrap_or_else(PoisonError::into_inner);
        packages.entry(pin.clone()).or_insert(Slot::Offered(offer));
        Ok(pin)
    }

    /// Loads every package that is offered.
    ///
    /// # Errors
    /// That of the first one that is refused.
    pub fn load_all(&self) -> Result<(), PluginError> {
        let pins: Vec<PackagePin> = {
            let packages = self.0.packages.read();
            let packages = packages.unwrap_or_else(PoisonError::into_inner);
            packages.keys().cloned().collect()
        };
        pins.iter().try_for_each(|pin| self.loaded(pin).map(drop))
    }

    /// Checks a package as [`PluginHost::load`] does, without making it available.
    ///
    /// # Errors
    /// A coded [`PluginError`].
    pub fn inspect(&self, source: PackageSource<'_>) -> Result<LoadedPackage, PluginError> {
        let _one_at_a_time = self
            .0
            .compiling
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Inner {
            limits,
            sandbox,
            cache,
            ..
        } = &*self.0;
        Loader {
            sandbox,
            limits,
            cache: cache.as_ref(),
        }
        .load(source)
    }

    /// All packages that were asked or loaded, in the order of their ids.
    #[must_use]
    pub fn packages(&self) -> Vec<PackageInfo> {
        let packages = self
            .0
            .packages
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let loaded = packages.values().filter_map(|slot| match slot {
            Slot::Loaded(package) => Some(package.info.clone()),
            Slot::Offered(_) => None,
        });
        loaded.collect()
    }

    /// The limits of every call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Calls the component once on this thread, within its limits.
    ///
    /// # Errors
    /// [`PluginError`] when the package is missing, breaks a limit, crashes or answers nonsense.
    pub fn ask_blocking(&self, call: &RuleCall) -> Result<Verdict, PluginError> {
        let started = Instant::now();
        let result = self.ask_within(Budget::whole(&self.0.limits), call);
        self.note(call, started, &result);
        result
    }

    /// Calls the component if a small part of its limits is enough; `None` if it is not.
    ///
    /// The same request takes the same instructions, so that a verdict does not tell how it was come by.
    fn ask_at_once(&self, call: &RuleCall) -> Option<Result<Verdict, PluginError>> {
        let started = Instant::now();
        let limits = &self.0.limits;
        let budget = Budget {
            fuel: AT_ONCE.fuel.min(limits.fuel),
            wall: AT_ONCE.wall.min(limits.wall),
        };
        let result = self.ask_within(budget, call);
        if matches!(&result, Err(error) if budget.cut_short(limits, &error.problem)) {
            return None;
        }
        self.note(call, started, &result);
        Some(result)
    }

    fn note(&self, call: &RuleCall, started: Instant, result: &Result<Verdict, PluginError>) {
        let figures = &self.0.figures;
        figures.note(&call.package.id, started.elapsed(), result);
        let fault = result.as_ref().err().map(|error| &error.problem);
        self.0.breaker.note(&call.package, fault);
    }

    fn ask_within(&self, budget: Budget, call: &RuleCall) -> Result<Verdict, PluginError> {
        let id = &call.package.id;
        let package = self.loaded(&call.package)?;
        let question = Question {
            hook: call.hook,
            request: v1::request_out(
                (call.hook, call.today, &call.transition),
                &call.facts,
                &call.parameters,
            ),
            parameters: &call.parameters,
            work_days: WorkDays::Calendar(Arc::clone(&call.calendar)),
        };
        let reckoned = self
            .put(&package, question, budget)
            .map_err(|problem| problem.of(id))?;
        match reckoned.reply {
            Reply::Problem { text, .. } => Err(Problem::Answer(text).of(id)),
            Reply::Answer(answer, next) => Ok(Verdict {
                hook: call.hook,
                package: call.package.clone(),
                input: reckoned.input,
                fuel: reckoned.fuel,
                answer,
                arguments: Default::default(),
                next,
            }),
        }
    }

    /// The package of exactly that version and component, loaded now if it was only offered.
    fn loaded(&self, package: &PackagePin) -> Result<Arc<LoadedPackage>, PluginError> {
        match self.slot(package) {
            Some(Slot::Loaded(loaded)) => Ok(loaded),
            Some(Slot::Offered(offer)) => self.load(PackageSource {
                manifest: offer.manifest,
                component: offer.component,
            }),
            None => Err(missing(package).of(&package.id)),
        }
    }

    fn slot(&self, package: &PackagePin) -> Option<Slot> {
        let packages = self.0.packages.read();
        let packages = packages.unwrap_or_else(PoisonError::into_inner);
        packages.get(package).cloned()
    }

    /// Asks a package how facts of an older version of it are carried over, on this thread.
    fn migrate_blocking(&self, call: &MigrateCall) -> Result<Migration, PluginError> {
        let id = &call.package.id;
        let package = self.loaded(&call.package)?;
        let Inner {
            limits, sandbox, ..
        } = &*self.0;
        let facts = v1::facts_out(&call.facts);
        let (found, limit) = (facts.bytes(), limits.input_bytes);
        if found > limit {
            return Err(Problem::Input {
                what: "the request",
                found,
                limit,
            }
            .of(id));
        }
        let calls = Calls {
            sandbox,
            limits,
            package: &package.name,
            budget: Budget::whole(limits),
        };
        let work_days = WorkDays::Calendar(Arc::clone(&call.calendar));
        let answered = calls.run(&package.component, work_days, |province, store| {
            let rules = province.liucheng_province_rules();
            rules.call_migrate_facts(store, &call.from_version, &facts)
        });
        let (answered, _) = answered.map_err(|problem| problem.of(id))?;
        let answered = answered.map_err(|p| Problem::Answer(v1::problem_in(&p)).of(id))?;
        let judge = Judge {
            limits,
            rules: &package.info.rules,
            parameters: &BTreeMap::new(),
        };
        judge
            .accept_migration(answered)
            .map_err(|problem| problem.of(id))
    }

    /// Puts a question to a package, within a budget.
    pub(crate) fn put(
        &self,
        package: &LoadedPackage,
        question: Question<'_>,
        budget: Budget,
    ) -> Result<Reckoned, Problem> {
        let Inner {
            limits, sandbox, ..
        } = &*self.0;
        let Question {
            hook,
            request,
            parameters,
            work_days,
        } = question;
        if !package.info.hooks.contains(&hook) {
            return Err(Problem::Answer(format!(
                "it does not answer {}",
                hook.name()
            )));
        }
        let (found, limit) = (Size::bytes(&request), limits.input_bytes);
        if found > limit {
            return Err(Problem::Input {
                what: "the request",
                found,
                limit,
            });
        }
        let input = digest(hook, &request, &work_days)?;
        let calls = Calls {
            sandbox,
            limits,
            package: &package.name,
            budget,
        };
        let (reply, fuel) = calls.run(&package.component, work_days, |province, store| {
            let rules = province.liucheng_province_rules();
            let plain = |answered| (answered, None);
            Ok(match hook {
                Hook::Check => plain(rules.call_check(store, &request)?),
                Hook::Step => match rules.call_run_step(store, &request.transition, &request)? {
                    Ok(outcome) => (Ok(outcome.answer), outcome.next),
                    Err(problem) => (Err(problem), None),
                },
                topic => plain(rules.call_compute(store, topic.name(), &request)?),
            })
        })?;
        let (reply, next) = reply;
        let judge = Judge {
            limits,
            rules: &package.info.rules,
            parameters,
        };
        let reply = match reply {
            Ok(answer) => {
                let answer = judge.accept(answer)?;
                Reply::Answer(answer, judge.proposal(next)?)
            }
            Err(problem) => Reply::Problem {
                code: problem.code.chars().take(64).collect(),
                text: v1::problem_in(&problem),
            },
        };
        Ok(Reckoned { reply, input, fuel })
    }
}

fn missing(package: &PackagePin) -> Problem {
    Problem::Missing {
        version: package.version.clone(),
        component: package.component.chars().take(12).collect(),
    }
}

/// What is hashed and recorded as the input: all that an answer can depend on.
#[derive(Serialize)]
struct Input<'a> {
    interface: &'static str,
    hook: Hook,
    calendar: &'a str,
    request: &'a Request,
}

/// SHA-256 over the canonical JSON: fields in the order of the interface, lists in the order of their keys.
fn digest(hook: Hook, request: &Request, work_days: &WorkDays) -> Result<String, Problem> {
    let input = Input {
        interface: "liucheng:province@1",
        hook,
        calendar: work_days.version(),
        request,
    };
    let json = serde_json::to_vec(&input).map_err(|e| Problem::Host(e.to_string()))?;
    Ok(sha256(&json))
}

#[async_trait]
impl ProvinceRules for PluginHost {
    async fn ask(&self, call: RuleCall) -> Result<Verdict, RuleFault> {
        let failed = |id: &str, reason: String| RuleFault::from(Problem::Host(reason).of(id));
        let id = call.package.id.clone();
        let permit = Arc::clone(&self.0.calls).acquire_owned().await;
        let permit = permit.map_err(|e| failed(&id, e.to_string()))?;
        let refused = self.0.breaker.refuse(&call.package);
        refused.map_err(|problem| problem.of(&id))?;
        // Most answers are there before another thread would have begun with them.
        if let Some(answered) = self.ask_at_once(&call) {
            return answered.map_err(RuleFault::from);
        }
        let host = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let verdict = host.ask_blocking(&call);
            drop(permit);
            verdict
        });
        asked
            .await
            .map_err(|e| failed(&id, e.to_string()))?
            .map_err(RuleFault::from)
    }

    fn hooks(&self, package: &PackagePin) -> Option<Vec<Hook>> {
        let loaded = self.loaded(package).ok()?;
        Some(loaded.info.hooks.clone())
    }

    fn knows(&self, package: &PackagePin) -> bool {
        self.slot(package).is_some()
    }

    fn rules(&self, package: &PackagePin) -> Vec<String> {
        let loaded = self.loaded(package);
        loaded.map_or_else(|_| Vec::new(), |p| p.info.rules.clone())
    }

    async fn prepare(&self, package: &PackagePin) -> Result<(), RuleFault> {
        if !matches!(self.slot(package), Some(Slot::Offered(_))) {
            return Ok(());
        }
        let (host, pin) = (self.clone(), package.clone());
        let loading = tokio::task::spawn_blocking(move || host.loaded(&pin).map(drop));
        let failed = |error: tokio::task::JoinError| Problem::Host(error.to_string());
        let loaded = loading
            .await
            .map_err(|error| failed(error).of(&package.id))?;
        Ok(loaded?)
    }

    async fn learn(&self, manifest: String, component: Vec<u8>) -> Result<PackagePin, RuleFault> {
        let host = self.clone();
        let loading = tokio::task::spawn_blocking(move || {
            host.load(PackageSource {
                manifest: &manifest,
                component: &component,
            })
        });
        let failed = |error: tokio::task::JoinError| Problem::Host(error.to_string()).of("?");
        let loaded = loading.await.map_err(failed)??;
        Ok(loaded.info.pin())
    }

    async fn migrate(&self, call: MigrateCall) -> Result<Migration, RuleFault> {
        let host = self.clone();
        let id = call.package.id.clone();
        let asked = tokio::task::spawn_blocking(move || host.migrate_blocking(&call));
        let failed = |error: tokio::task::JoinError| Problem::Host(error.to_string()).of(&id);
        Ok(asked.await.map_err(failed)??)
    }

    fn figures(&self) -> Vec<PackageFigures> {
        self.0.figures.read()
    }
}
