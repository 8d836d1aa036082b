//! Where the benchmarks measure, and with what.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use liucheng_bench::{
    lifecycle::RawPlace,
    work::{self, Parts},
};
use liucheng_engine::{
    CommandError, Engine,
    ports::{Page, ProvinceRules, Store},
};
use liucheng_model::verdict::PackagePin;
use liucheng_store::{Options, PostgresStore, SqliteStore, Stats, StoreError};

use super::{super::Global, failure};
use crate::{
    compose::{self, SystemClock, store_failure},
    output::{Exit, Failure},
};

/// Where to measure; a folder of ours is removed at the end.
pub struct Place {
    pub dir: PathBuf,
    pub database: String,
    pub postgres: bool,
    /// The folder is another one's to remove.
    borrowed: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.borrowed {
            // Nothing is lost if it stays.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

impl Place {
    /// A new folder in the working directory, where the disk is the one of real data, and the
    /// database that was named or a new file in it.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let dir = std::env::current_dir().map(|here| {
            let pid = std::process::id();
            here.join(format!("liucheng-bench-{pid}"))
        });
        let made = dir.and_then(|dir| std::fs::create_dir_all(&dir).map(|()| dir));
        let dir = made.map_err(|error| failure(error.into()))?;
        let file = dir.join("bench.db").display().to_string();
        let database = global.database.clone().unwrap_or(file);
        Ok(Self {
            postgres: database.starts_with("postgres"),
            dir,
            database,
            borrowed: false,
        })
    }

    /// A further SQLite file in the same folder, which has to stay for as long.
    pub fn beside(&self, name: &str) -> Self {
        let file = self.dir.join(format!("{name}.db"));
        Self {
            dir: self.dir.clone(),
            database: file.display().to_string(),
            postgres: false,
            borrowed: true,
        }
    }

    pub fn kind(&self) -> &'static str {
        if self.postgres {
            "postgresql"
        } else {
            "sqlite"
        }
    }

    pub async fn open(&self, wake: &Arc<tokio::sync::Notify>) -> Result<Opened, Failure> {
        let options = Options {
            wake: Some(Arc::clone(wake)),
            ..Options::default()
        };
        Opened::open(&self.database, options)
            .await
            .map_err(store_failure)
    }

    /// As [`open`](Self::open), for a database without projects: a benchmark leaves its own behind.
    pub async fn open_empty(&self, wake: &Arc<tokio::sync::Notify>) -> Result<Opened, Failure> {
        let opened = self.open(wake).await?;
        let page = Page {
            after: None,
            limit: 1,
        };
        let found = opened
            .store()
            .list(page)
            .await
            .map_err(CommandError::from)?;
        if found.is_empty() {
            return Ok(opened);
        }
        Err(Failure::new(
            Exit::Usage,
            "E-BENCH-DATABASE",
            "the database holds projects, and a benchmark would leave its own among them",
        )
        .at("--database")
        .hint("name an empty database, or none for a new file that is removed at the end"))
    }

    /// Where the raw limit is measured.
    pub async fn raw(&self) -> Result<RawPlace, Failure> {
        if self.postgres {
            return Ok(RawPlace::Postgres(self.database.clone()));
        }
        let path = self.dir.join("raw.db");
        let location = path.display().to_string();
        liucheng_store::migrate(&location, Options::default())
            .await
            .map_err(store_failure)?;
        Ok(RawPlace::Sqlite(path))
    }

    /// Bytes of the database file.
    pub fn bytes(&self) -> Option<u64> {
        let path = self.database.trim_start_matches("sqlite://");
        let file = (!self.postgres).then(|| std::fs::metadata(path).ok());
        file.flatten().map(|file| file.len())
    }
}

/// A store with its counters.
pub enum Opened {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

impl Opened {
    pub async fn open(location: &str, options: Options) -> Result<Self, StoreError> {
        Ok(if location.starts_with("postgres") {
            Self::Postgres(Arc::new(
                liucheng_store::postgres::open(location, options).await?,
            ))
        } else {
            Self::Sqlite(Arc::new(liucheng_store::open(location, options).await?))
        })
    }

    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    pub fn stats(&self) -> Stats {
        match self {
            Self::Sqlite(store) => store.stats(),
            Self::Postgres(store) => store.stats(),
        }
    }
}

/// A package to ask, with the host that runs it.
pub struct Rules {
    pub host: Arc<dyn ProvinceRules>,
    pub pin: Option<PackagePin>,
}

pub fn rules(dir: &Path, package: Option<&str>) -> Result<Rules, Failure> {
    let calendar = compose::calendar(&[])?;
    // Without a package the host is there all the same, and empty.
    let only = Some(package.unwrap_or_default());
    let parts = compose::parts(calendar, Some(dir.join("cache")), only)?;
    let Some(package) = package else {
        return Ok(Rules {
            host: parts.rules,
            pin: None,
        });
    };
    parts.rules.load_all().map_err(compose::plugin_failure)?;
    let found = parts.rules.packages().into_iter().find(|p| p.id == package);
    let Some(found) = found else {
        return Err(Failure::new(
            Exit::NotFound,
            "E-PLUGIN-UNKNOWN",
            format!("no package {package:?} is built in"),
        )
        .at("--package")
        .hint("`liucheng plugin list` shows what there is"));
    };
    Ok(Rules {
        pin: Some(found.pin()),
        host: parts.rules,
    })
}

pub async fn engine(
    opened: &Opened,
    rules: Rules,
    wake: Arc<tokio::sync::Notify>,
) -> Result<Engine, Failure> {
    let parts = Parts {
        store: opened.store(),
        rules: rules.host,
        package: rules.pin,
        clock: Arc::new(SystemClock),
        wake,
    };
    work::engine(parts).await.map_err(failure)
}
