//! Puts the parts together: the only place that names concrete adapters.

pub mod transfer;

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use liucheng_engine::{
    CommandError, Engine,
    audit::Signer,
    format,
    library::{Entry, Library, Sources},
    packages::{self, StoredPackage},
    ports::{Clock, Instant, Mailer, Store},
};
use liucheng_model::{
    calendar::{Calendar, CalendarError, CalendarLayer},
    definition::{Definition, Source},
    verdict::PackagePin,
};
use liucheng_plugin_host::{Limits, PluginError, PluginHost};
pub use liucheng_store::{Finding, Level, NODE_TAKEN};
use liucheng_store::{Options, StoreError};

use crate::{
    builtin,
    config::Config,
    input, mail,
    output::{self, Exit, Failure},
};

/// The database's name in the data folder.
pub const DATABASE: &str = "liucheng.db";
/// The folder for compiled code in the data folder.
pub const CACHE: &str = "cache";

/// What is there without a data folder.
pub struct Parts {
    /// Definitions and the calendar.
    pub library: Arc<Library>,
    /// The host with its packages.
    pub rules: Arc<PluginHost>,
}

/// What is built in; components are compiled when they are first asked.
///
/// `cache` is a folder for compiled code; `only` leaves out all packages but one, for commands
/// that need no other and should start fast.
pub fn parts(
    calendar: Calendar,
    cache: Option<PathBuf>,
    only: Option<&str>,
) -> Result<Parts, Failure> {
    let calendar = Arc::new(calendar);
    let rules = PluginHost::new(Limits::default(), cache).map_err(plugin_failure)?;
    let base = Source {
        name: builtin::DEFINITION_NAME,
        text: builtin::DEFINITION,
    };
    let mut current = BTreeMap::new();
    let national = Definition::load(base, None);
    let national = national.map_err(|errors| Failure::of_sources(&errors))?;
    for package in &builtin::PACKAGES {
        if only.is_some_and(|id| id != package.id) {
            continue;
        }
        let offered = rules.offer(package.manifest, package.component);
        let pin = offered.map_err(plugin_failure)?;
        let document = stored(package, pin.clone()).digest();
        let document = document.map_err(CommandError::from)?;
        let overlay = Source {
            name: package.overlay_name,
            text: package.overlay,
        };
        let definition = national.with_overlay(overlay);
        let entry = Entry {
            definition: Arc::new(definition.map_err(|errors| Failure::of_sources(&errors))?),
            sources: Sources {
                base: base.text.to_owned(),
                overlay: Some(package.overlay.to_owned()),
            },
            package: Some(pin),
            document: Some(document),
        };
        current.insert(package.id.to_owned(), entry);
    }
    let entry = Entry {
        definition: Arc::new(national),
        sources: Sources {
            base: base.text.to_owned(),
            overlay: None,
        },
        package: None,
        document: None,
    };
    current.insert(String::new(), entry);
    Ok(Parts {
        library: Arc::new(Library::new(calendar, current)),
        rules: Arc::new(rules),
    })
}

/// As [`parts`], with every package checked and compiled.
pub fn loaded_parts(calendar: Calendar, cache: Option<PathBuf>) -> Result<Parts, Failure> {
    let parts = parts(calendar, cache, None)?;
    parts.rules.load_all().map_err(plugin_failure)?;
    Ok(parts)
}

/// What differs between a live system and a simulated one.
pub struct Adapters {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// The right-hand side of message ids.
    pub mail_domain: String,
    /// The work calendar with its layers.
    pub calendar: Calendar,
}

impl Adapters {
    /// As the configuration of a data folder says.
    pub fn configured(dir: &Path) -> Result<Self, Failure> {
        let config = Config::read(dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let layers: Vec<PathBuf> = config.calendar.layers.iter().map(|l| dir.join(l)).collect();
        Ok(Self {
            mailer: mail::mailer(&config.mail, dir, Arc::clone(&clock))?,
            clock,
            mail_domain: config.mail.domain,
            calendar: calendar(&layers)?,
        })
    }
}

/// Where the data is: a folder for configuration and caches, and the database.
#[derive(Debug, Clone)]
pub struct Place {
    /// The data folder.
    pub dir: PathBuf,
    /// The database: a path, `sqlite://PATH` or `postgres://USER@HOST/DATABASE`.
    pub database: String,
}

impl Place {
    /// A data folder with the database of the given location, by default the file in the folder.
    #[must_use]
    pub fn new(dir: PathBuf, database: Option<String>) -> Self {
        let database = database.unwrap_or_else(|| dir.join(DATABASE).display().to_string());
        Self { dir, database }
    }

    /// The database's file, where it is one.
    #[must_use]
    pub fn file(&self) -> &Path {
        let path = self.database.as_str();
        let path = path.strip_prefix("sqlite:").unwrap_or(path);
        Path::new(path.strip_prefix("//").unwrap_or(path))
    }

    /// Whether several nodes can share the database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        liucheng_store::is_shared(&self.database)
    }
}

/// Opens a place that there is for writing: a mistyped folder or database must not become a new one.
pub async fn open(place: &Place) -> Result<Engine, Failure> {
    need(place).await?;
    begin(place).await
}

/// Opens a place for writing, and makes it where there is none.
pub async fn begin(place: &Place) -> Result<Engine, Failure> {
    open_with(place, Adapters::configured(&place.dir)?).await
}

/// Opens a place for writing as a node of that name, the same after each start; `None` for one that has
/// no name.
pub async fn open_as(place: &Place, node: Option<String>) -> Result<Engine, Failure> {
    open_node(place, Adapters::configured(&place.dir)?, node).await
}

/// Opens a place for writing, with adapters of the caller's.
pub async fn open_with(place: &Place, adapters: Adapters) -> Result<Engine, Failure> {
    open_node(place, adapters, None).await
}

async fn open_node(
    place: &Place,
    adapters: Adapters,
    node: Option<String>,
) -> Result<Engine, Failure> {
    make_dir(&place.dir)?;
    let wake = Arc::new(tokio::sync::Notify::new());
    let database = Config::read(&place.dir)?.database;
    let options = Options {
        wake: Some(Arc::clone(&wake)),
        node,
        lease: Duration::from_secs(database.lease_seconds),
        connections: database.connections,
        ..Options::default()
    };
    let store = connect(place, options).await?;
    format::note(&*store).await?;
    let engine = assemble(&place.dir, store, adapters, wake)?;
    engine.library.keep_in(&*engine.store).await?;
    for package in &builtin::PACKAGES {
        keep(&engine, package).await?;
    }
    engine.refresh_packages().await?;
    Ok(engine)
}

/// Keeps a package that is built in, so that projects outlive a release that brings another version of it.
async fn keep(engine: &Engine, package: &builtin::BuiltinPackage) -> Result<(), Failure> {
    let entry = engine.library.entry(package.id)?;
    let Some(pin) = entry.package.clone() else {
        return Ok(());
    };
    packages::keep(&*engine.store, &stored(package, pin), package.component).await?;
    Ok(())
}

/// A package that is built in, as it is kept.
fn stored(package: &builtin::BuiltinPackage, pin: PackagePin) -> StoredPackage {
    StoredPackage {
        pin,
        manifest: package.manifest.to_owned(),
        overlay: Some(package.overlay.to_owned()),
        signed_by: None,
    }
}

/// Whether a place has a database.
///
/// # Errors
/// `E-DATA-DIR` where the data folder cannot be looked into, and nobody can tell.
pub async fn is_there(place: &Place) -> Result<bool, Failure> {
    is_folder(&place.dir)?;
    let found = liucheng_store::is_there(&place.database).await;
    found.map_err(store_failure)
}

/// Says that there is no database, for commands that show what is built in then.
pub fn note_absent(place: &Place) {
    let dir = place.dir.display();
    let what = match place.dir.exists() {
        true => format!("there is no database in {dir} yet"),
        false => format!("there is no folder {dir}, and so no database"),
    };
    output::note(&format!("{what}; this is what is built in"));
}

/// Refuses a place without a database.
async fn need(place: &Place) -> Result<(), Failure> {
    match is_there(place).await? {
        true => Ok(()),
        false => Err(no_database(place)),
    }
}

/// There is no database, where it was looked for, and what makes one.
fn no_database(place: &Place) -> Failure {
    let shown = liucheng_store::shown(&place.database);
    let message = format!("there is no database {shown}");
    Failure::new(Exit::Unavailable, "E-STORE-OPEN", message)
        .at(option(place))
        .hint(no_database_hint(place))
}

/// The option that says where the database is.
fn option(place: &Place) -> &'static str {
    let in_folder = place.dir.join(DATABASE).display().to_string();
    match place.database == in_folder {
        true => "--data",
        false => "--database",
    }
}

/// Where a database was looked for, and what makes one.
pub fn no_database_hint(place: &Place) -> String {
    let option = option(place);
    let place = match option {
        "--data" => format!("in the data folder {}", place.dir.display()),
        _ => format!("as {}", liucheng_store::shown(&place.database)),
    };
    format!(
        "it was looked for {place}: correct {option}, or make a new one with `liucheng migrate`, `project \
         create` or `serve`; without --data the folder is `liucheng-data` in the working directory"
    )
}

/// Opens a place for reading, beside a server that may be running.
pub async fn open_for_reading(place: &Place) -> Result<Engine, Failure> {
    need(place).await?;
    let store = open_read_only(place).await?;
    let adapters = Adapters::configured(&place.dir)?;
    let engine = assemble(&place.dir, store, adapters, Arc::default())?;
    engine.refresh_packages().await?;
    Ok(engine)
}

/// The store of a place that there is for writing, without anything that decides.
pub async fn open_for_writing(place: &Place) -> Result<Arc<dyn Store>, Failure> {
    need(place).await?;
    connect(place, Options::default()).await
}

/// Who signs epochs, as the configuration of a data folder says.
pub fn signer(dir: &Path) -> Result<Option<Arc<Signer>>, Failure> {
    let Some(file) = Config::read(dir)?.audit.key_file else {
        return Ok(None);
    };
    let path = dir.join(file);
    let wrong = |text: String| {
        Failure::new(
            Exit::Config,
            "E-AUDIT-KEY",
            format!("{}: {text}", path.display()),
        )
        .at("[audit] key-file")
        .hint("`liucheng audit keygen` makes one")
    };
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let signer = Signer::parse(&text).ok_or_else(|| wrong("it holds no key".to_owned()))?;
    Ok(Some(Arc::new(signer)))
}

/// The store of a place, for reading only.
pub async fn open_read_only(place: &Place) -> Result<Arc<dyn Store>, Failure> {
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    connect(place, options).await
}

async fn connect(place: &Place, options: Options) -> Result<Arc<dyn Store>, Failure> {
    is_folder(&place.dir)?;
    let store = liucheng_store::connect(&place.database, options).await;
    let store = store.map_err(store_failure)?;
    format::check(&*store).await?;
    Ok(store)
}

/// Looks at the database of a place without changing it.
pub async fn examine(place: &Place) -> Result<Vec<Finding>, Failure> {
    liucheng_store::examine(&place.database)
        .await
        .map_err(store_failure)
}

/// Brings the database to this version's schema; returns the schema's version.
pub async fn migrate(place: &Place) -> Result<liucheng_store::Migrated, Failure> {
    make_dir(&place.dir)?;
    liucheng_store::migrate(&place.database, Options::default())
        .await
        .map_err(store_failure)
}

fn assemble(
    dir: &Path,
    store: Arc<dyn Store>,
    adapters: Adapters,
    wake: Arc<tokio::sync::Notify>,
) -> Result<Engine, Failure> {
    let parts = parts(adapters.calendar, Some(dir.join(CACHE)), None)?;
    Ok(Engine {
        store,
        rules: parts.rules,
        mailer: adapters.mailer,
        clock: adapters.clock,
        library: parts.library,
        cache: Arc::default(),
        wake,
        figures: Arc::default(),
        mail_domain: adapters.mail_domain.into(),
    })
}

/// The national calendar with province and agency layers laid over it, in order.
pub fn calendar(layers: &[PathBuf]) -> Result<Calendar, Failure> {
    let broken = |name: &str, e: &CalendarError| {
        Failure::new(Exit::Usage, e.code(), e.problem.to_string())
            .at(format!("{name}:{}:{}", e.place.line, e.place.column))
            .hint(e.hint())
    };
    let national = Calendar::national().map_err(|e| broken("workflows/calendars/cn.toml", &e))?;
    let mut calendar = national.clone();
    for path in layers {
        let name = path.display().to_string();
        let text = input::read_text(path)?;
        let layer = CalendarLayer::parse(&text).map_err(|e| broken(&name, &e))?;
        calendar = calendar.with_layer(&layer).map_err(|e| broken(&name, &e))?;
    }
    Ok(calendar)
}

/// Whether there is a data folder; one that cannot be looked into is not taken for an empty one.
///
/// # Errors
/// `E-DATA-DIR` where it is no folder, or this user may not look into it.
pub fn is_folder(dir: &Path) -> Result<bool, Failure> {
    let refused = |reason: &str, hint: &str| {
        let message = format!("{}: {reason}", dir.display());
        Err(Failure::new(Exit::Unavailable, "E-DATA-DIR", message)
            .at("--data")
            .hint(hint))
    };
    // Looked at from within: whoever may not enter the folder may look at it from outside.
    let found = match std::fs::metadata(dir.join(".")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        found => found.and_then(|found| match found.is_dir() {
            true => Ok(()),
            false => Err(ErrorKind::NotADirectory.into()),
        }),
    };
    match found.map_err(|error| (error.kind(), error.to_string())) {
        Ok(()) => Ok(true),
        Err((ErrorKind::NotADirectory, _)) => refused(
            "it is no folder",
            "name the data folder, the one with liucheng.db and liucheng.toml in it",
        ),
        Err((ErrorKind::PermissionDenied, _)) => refused(
            "this user may not look into it",
            "run the command as the user that the folder belongs to, or change the folder's permissions",
        ),
        Err((_, reason)) => refused(&reason, "check the path and the disk"),
    }
}

/// There is no such data folder, though somebody named it.
pub fn no_folder(dir: &Path) -> Failure {
    let message = format!("{}: there is no such folder", dir.display());
    Failure::new(Exit::NotFound, "E-DATA-DIR", message)
        .at("--data")
        .hint("correct --data")
}

/// Makes a data folder unless it is there, for its owner only: tokens and personal data lie in it.
pub fn make_dir(dir: &Path) -> Result<(), Failure> {
    // The folders above it are as public as others.
    let above = dir.parent().map_or(Ok(()), std::fs::create_dir_all);
    above
        .and_then(|()| private_dir().recursive(true).create(dir))
        .map_err(|e| {
            Failure::new(
                Exit::Unavailable,
                "E-DATA-DIR",
                format!("{}: {e}", dir.display()),
            )
            .at("--data")
            .hint("choose a folder that can be written")
        })
}

/// How folders are made that only their owner may enter.
pub fn private_dir() -> std::fs::DirBuilder {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// A database that cannot be opened.
pub fn store_failure(error: StoreError) -> Failure {
    let (code, hint) = (error.code(), error.hint());
    let place = match code {
        NODE_TAKEN => "--node",
        _ => error.side(),
    };
    Failure::new(error.kind().into(), code, error.to_string())
        .at(place)
        .hint(hint)
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
