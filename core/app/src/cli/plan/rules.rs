//! Where the rules of a plan come from: what is built in, what a data folder has installed, or a package that
//! is named by its path.

use std::{
    collections::BTreeMap,
    path::{Path, is_separator},
    sync::Arc,
};

use liucheng_engine::{
    CommandError, Engine,
    library::{Entry, Library, Sources},
    ports::ProvinceRules,
};

use super::PlanArgs;
use crate::{
    builtin,
    cli::Global,
    compose::{self, Parts},
    output::{Exit, Failure},
    package::Package,
};

/// Definitions and the calendar, and whoever answers for packages.
pub struct Rules {
    /// Definitions and the calendar.
    pub library: Arc<Library>,
    /// Asks the packages.
    pub rules: Arc<dyn ProvinceRules>,
}

impl From<Parts> for Rules {
    fn from(parts: Parts) -> Self {
        Self {
            library: parts.library,
            rules: parts.rules,
        }
    }
}

/// What a plan goes by.
///
/// # Errors
/// `E-PROVINCE-UNKNOWN` where nothing of that name is there; what is wrong with a data folder or a package.
pub async fn find(global: &Global, args: &PlanArgs) -> Result<(Arc<Entry>, Rules), Failure> {
    let province = args.province.as_deref().unwrap_or_default();
    let path = Path::new(province);
    // An id has neither of them.
    let is_path = province.contains(|c: char| is_separator(c) || c == '.');
    if is_path && path.exists() {
        // Rules of its own need nobody else's, but the days of the data folder's calendar.
        let rules = rules(global, args, "").await?;
        return Ok((of_package(&rules, path).await?, rules));
    }
    let rules = rules(global, args, province).await?;
    if let Ok(entry) = rules.library.entry(province) {
        return Ok((entry, rules));
    }
    if path.exists() {
        return Ok((of_package(&rules, path).await?, rules));
    }
    let message = match is_path {
        true => format!("there is no package {province:?}"),
        false => format!("no package {province:?} is installed"),
    };
    // With one id asked for, the others were left out.
    let all = self::rules(global, args, "").await?.library.provinces();
    let known = match all.is_empty() {
        true => builtin::PACKAGES.iter().map(|p| p.id.to_owned()).collect(),
        false => all,
    };
    let hint = format!(
        "installed: {}; --data names the folder whose packages count, and a package's folder or tar file is named by \
         its path",
        known.join(", ")
    );
    Err(Failure::new(Exit::NotFound, "E-PROVINCE-UNKNOWN", message)
        .at("--province")
        .hint(hint))
}

/// What the data folder has installed, else what is built in under that id.
async fn rules(global: &Global, args: &PlanArgs, province: &str) -> Result<Rules, Failure> {
    let Some(engine) = installed(global).await? else {
        let parts = compose::parts(compose::calendar(&args.layers)?, None, Some(province))?;
        return Ok(parts.into());
    };
    engine.store.close().await;
    let library = match args.layers.is_empty() {
        true => engine.library,
        false => with_calendar(&engine.library, &args.layers)?,
    };
    Ok(Rules {
        library,
        rules: engine.rules,
    })
}

/// The engine of the data folder for reading: of one that is named, or of the usual one where it is there.
async fn installed(global: &Global) -> Result<Option<Engine>, Failure> {
    let place = global.place();
    // A database that somebody names has to be there.
    if global.database.is_none() {
        let is_named = global.data.is_some();
        if !compose::is_folder(&place.dir)? {
            return match is_named {
                true => Err(compose::no_folder(&place.dir)
                    .hint("correct --data; without it a plan goes by what is built in")),
                false => Ok(None),
            };
        }
        if !compose::is_there(&place).await? {
            if is_named {
                compose::note_absent(&place);
            }
            return Ok(None);
        }
    }
    compose::open_for_reading(&place).await.map(Some)
}

/// The same definitions with the calendar of the layers that are named.
fn with_calendar(
    library: &Library,
    layers: &[std::path::PathBuf],
) -> Result<Arc<Library>, Failure> {
    let calendar = Arc::new(compose::calendar(layers)?);
    let ids = library.provinces().into_iter().chain([String::new()]);
    let entries = ids.map(|id| {
        let entry = library.entry(&id)?;
        Ok((id, Entry::clone(&entry)))
    });
    let entries = entries.collect::<Result<BTreeMap<_, _>, CommandError>>()?;
    Ok(Arc::new(Library::new(calendar, entries)))
}

/// What a package that is not installed says, laid over the national definition.
async fn of_package(rules: &Rules, path: &Path) -> Result<Arc<Entry>, Failure> {
    let package = Package::read(path)?;
    let national = rules.library.entry("")?;
    let definition = match &package.overlay {
        None => Arc::clone(&national.definition),
        Some(file) => {
            let laid = national.definition.with_overlay(file.source());
            Arc::new(laid.map_err(|errors| Failure::of_sources(&errors))?)
        }
    };
    let pin = rules
        .rules
        .learn(package.manifest_text, package.component)
        .await
        .map_err(|fault| Failure::from(CommandError::from(fault)).within(&package.place))?;
    Ok(Arc::new(Entry {
        definition,
        sources: Sources {
            base: national.sources.base.clone(),
            overlay: package.overlay.map(|file| file.text),
        },
        package: Some(pin),
        document: None,
    }))
}
