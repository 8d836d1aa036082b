//! Puts the parts together: the only place that names concrete adapters.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use liucheng_engine::{
    Engine,
    library::{Entry, Library, Sources},
    ports::{Clock, Instant, Mailer, Store},
};
use liucheng_model::{
    definition::{Definition, Source},
    verdict::PackagePin,
};
use liucheng_plugin_host::{Limits, PackageSource, PluginError, PluginHost};
use liucheng_store::{Options, StoreError};

use crate::{
    builtin,
    cli::{first_error, national},
    config::Config,
    mail,
    output::{Exit, Failure},
};

/// The database's name in the data folder.
const DATABASE: &str = "liucheng.db";

/// What is there without a data folder.
pub struct Parts {
    /// Definitions and the calendar.
    pub library: Arc<Library>,
    /// The host with its packages.
    pub rules: Arc<PluginHost>,
}

/// Loads what is built in.
///
/// `cache` is a folder for compiled code; `only` leaves out all packages but one, for commands
/// that need no other and should start fast.
pub fn parts(cache: Option<PathBuf>, only: Option<&str>) -> Result<Parts, Failure> {
    let calendar = Arc::new(national()?.clone());
    let rules = PluginHost::new(Limits::default(), cache).map_err(plugin_failure)?;
    let base = Source {
        name: builtin::DEFINITION_NAME,
        text: builtin::DEFINITION,
    };
    let mut current = BTreeMap::new();
    current.insert(String::new(), entry(base, None, None)?);
    for package in &builtin::PACKAGES {
        if only.is_some_and(|id| id != package.id) {
            continue;
        }
        let source = PackageSource {
            manifest: package.manifest,
            component: package.component,
        };
        let loaded = rules.load(source).map_err(plugin_failure)?;
        let overlay = Source {
            name: package.overlay_name,
            text: package.overlay,
        };
        let pin = loaded.info.pin();
        current.insert(
            package.id.to_owned(),
            entry(base, Some(overlay), Some(pin))?,
        );
    }
    Ok(Parts {
        library: Arc::new(Library::new(calendar, current)),
        rules: Arc::new(rules),
    })
}

fn entry(
    base: Source<'_>,
    overlay: Option<Source<'_>>,
    package: Option<PackagePin>,
) -> Result<Entry, Failure> {
    let definition = Definition::load(base, overlay).map_err(|errors| first_error(&errors))?;
    Ok(Entry {
        definition: Arc::new(definition),
        sources: Sources {
            base: base.text.to_owned(),
            overlay: overlay.map(|o| o.text.to_owned()),
        },
        package,
    })
}

/// Opens a data folder for writing.
pub async fn open(dir: &Path) -> Result<Engine, Failure> {
    let config = Config::read(dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mailer = mail::mailer(&config.mail, dir, Arc::clone(&clock))?;
    open_with(dir, clock, mailer, &config.mail.domain).await
}

/// Opens a data folder for writing, with a clock and a mailer of the caller's.
pub async fn open_with(
    dir: &Path,
    clock: Arc<dyn Clock>,
    mailer: Arc<dyn Mailer>,
    domain: &str,
) -> Result<Engine, Failure> {
    make_dir(dir)?;
    let store = liucheng_store::open(&database(dir), Options::default())
        .await
        .map_err(store_failure)?;
    let engine = assemble(dir, Arc::new(store), clock, mailer, domain)?;
    engine.library.keep_in(&*engine.store).await?;
    Ok(engine)
}

/// Opens a data folder for reading, beside a server that may be running.
pub async fn open_for_reading(dir: &Path) -> Result<Engine, Failure> {
    let store = open_read_only(dir).await?;
    let config = Config::read(dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mailer = mail::mailer(&config.mail, dir, Arc::clone(&clock))?;
    assemble(dir, store, clock, mailer, &config.mail.domain)
}

/// The store of a data folder, for reading only.
pub async fn open_read_only(dir: &Path) -> Result<Arc<dyn Store>, Failure> {
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    let store = liucheng_store::open(&database(dir), options)
        .await
        .map_err(store_failure)?;
    Ok(Arc::new(store))
}

/// Brings the database to this version's schema; returns the schema's version.
pub async fn migrate(dir: &Path) -> Result<liucheng_store::Migrated, Failure> {
    make_dir(dir)?;
    liucheng_store::migrate(&database(dir), Options::default())
        .await
        .map_err(store_failure)
}

fn assemble(
    dir: &Path,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    mailer: Arc<dyn Mailer>,
    domain: &str,
) -> Result<Engine, Failure> {
    let parts = parts(Some(dir.join("cache")), None)?;
    Ok(Engine {
        store,
        rules: parts.rules,
        mailer,
        clock,
        library: parts.library,
        wake: Arc::new(tokio::sync::Notify::new()),
        mail_domain: domain.into(),
    })
}

fn make_dir(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|e| {
        Failure::new(
            Exit::Unavailable,
            "E-DATA-DIR",
            format!("{}: {e}", dir.display()),
        )
        .at("--data")
        .hint("choose a folder that can be written")
    })
}

fn database(dir: &Path) -> String {
    dir.join(DATABASE).display().to_string()
}

fn store_failure(error: StoreError) -> Failure {
    let (code, hint) = (error.code(), error.hint());
    Failure::new(Exit::Unavailable, code, error.to_string()).hint(hint)
}

/// A package that does not load.
pub fn plugin_failure(error: PluginError) -> Failure {
    let (code, hint) = (error.code(), error.hint());
    Failure::new(Exit::Rejected, code, error.to_string()).hint(hint)
}

/// The clock of the machine.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
