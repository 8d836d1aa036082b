//! Which packages a store has, what they are needed for, and what is missing: for whoever looks after it.

use std::collections::{BTreeMap, BTreeSet};

use liucheng_model::{
    decide,
    project::Project,
    verdict::{Hook, PackagePin},
};

use crate::{
    error::CommandError,
    library::Library,
    packages::{ACT, COMPONENT, PACKAGE, PackageAct, StoredPackage},
    ports::{Page, Store},
    restoring::{State, state_of},
};

/// Projects read at a time.
const PAGE: u32 = 200;

/// A package that projects go by, or new ones would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which package it is.
    pub pin: PackagePin,
    /// Who let new projects go by it; `None` for one that is built in, or that new projects do not go by.
    pub installed: Option<PackageAct>,
    /// The program brings it.
    pub is_built_in: bool,
    /// New projects go by it.
    pub is_current: bool,
    /// The public key that signed it.
    pub signed_by: Option<String>,
    /// Open projects that go by it.
    pub open_projects: u64,
    /// Its component, or the package itself, is in neither the store nor the program.
    pub is_missing: bool,
    /// What is kept of it has other bytes than its digest says: its component, or the package itself.
    pub is_damaged: bool,
}

/// What there is of packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// What new projects go by and what open ones do, by package and version.
    pub packages: Vec<Standing>,
    /// Open projects whose component could not answer, by code, with what it was asked.
    pub incidents: BTreeMap<String, Vec<Hook>>,
}

/// Looks at all packages and open projects of a store, without asking or compiling anything; components are
/// compared with their digests. The library
/// has what the program brings.
///
/// # Errors
/// When the store cannot be read, or what it has does not read back.
pub async fn inventory(store: &dyn Store, library: &Library) -> Result<Inventory, CommandError> {
    let built_in: BTreeSet<PackagePin> = library
        .provinces()
        .iter()
        .filter_map(|province| library.entry(province).ok()?.package.clone())
        .collect();
    let mut acts: BTreeMap<String, PackageAct> = BTreeMap::new();
    for document in store.documents(ACT).await? {
        let act: PackageAct = serde_json::from_slice(&document.bytes)?;
        // The newest comes first; what was put back is what was there before.
        if act.restored.is_some() {
            continue;
        }
        acts.entry(act.province.clone()).or_insert(act);
    }
    let mut kept: BTreeMap<String, StoredPackage> = BTreeMap::new();
    for document in store.documents(PACKAGE).await? {
        kept.insert(document.digest, serde_json::from_slice(&document.bytes)?);
    }
    let untouched = built_in.iter().filter(|pin| !acts.contains_key(&pin.id));
    let installed = acts.values().filter_map(|act| act.pin.as_ref());
    let current: BTreeSet<PackagePin> = untouched.chain(installed).cloned().collect();
    let (open, incidents) = open_projects(store, library).await?;

    let mut packages = Vec::new();
    let needed: BTreeSet<&PackagePin> = current.iter().chain(open.keys()).collect();
    for pin in needed {
        let is_current = current.contains(pin);
        let act = acts
            .get(&pin.id)
            .filter(|act| act.pin.as_ref() == Some(pin));
        // The same content may be kept signed and unsigned; the act says which one counts.
        let named = act.and_then(|act| kept.get(act.package.as_ref()?));
        let stored = named.or_else(|| kept.values().find(|stored| stored.pin == *pin));
        let is_built_in = built_in.contains(pin);
        let component = state_of(store, COMPONENT, &pin.component).await?;
        let is_kept = stored.is_some() && component != State::Missing;
        packages.push(Standing {
            pin: pin.clone(),
            installed: act.cloned(),
            is_built_in,
            is_current,
            signed_by: stored.and_then(|stored| stored.signed_by.clone()),
            open_projects: open.get(pin).copied().unwrap_or_default(),
            is_missing: !is_built_in && !is_kept,
            is_damaged: component == State::Damaged,
        });
    }
    Ok(Inventory {
        packages,
        incidents,
    })
}

type OpenProjects = (BTreeMap<PackagePin, u64>, BTreeMap<String, Vec<Hook>>);

/// How many open projects go by each package, and which of them have incidents.
async fn open_projects(store: &dyn Store, library: &Library) -> Result<OpenProjects, CommandError> {
    let mut counts = BTreeMap::new();
    let mut incidents = BTreeMap::new();
    let mut after = None;
    loop {
        let rows = store.list(Page { after, limit: PAGE }).await?;
        let Some(last) = rows.last() else {
            return Ok((counts, incidents));
        };
        after = Some(last.code.clone());
        for row in &rows {
            let project: Project = serde_json::from_str(&row.state)?;
            let definition = library.definition(&project.definition, store).await?;
            if decide::has_ended(&definition, &project) {
                continue;
            }
            if !project.incidents.is_empty() {
                let hooks = project.incidents.keys().copied().collect();
                incidents.insert(project.code, hooks);
            }
            if let Some(pin) = project.package {
                *counts.entry(pin).or_default() += 1;
            }
        }
    }
}
