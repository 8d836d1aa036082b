//! Definitions and calendars, by what projects pin.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source, hex},
    project::Pin,
    verdict::PackagePin,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::CommandError,
    packages,
    ports::{Document, Store},
    record::digest,
};

/// The kind under which calendars are kept in the store.
const CALENDAR: &str = "calendar";
/// The kind under which a definition and its overlay are kept in the store.
pub(crate) const DEFINITION: &str = "definition";

/// A definition's sources, kept so that a project stays on what it began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The definition file.
    pub base: String,
    /// The province's overlay.
    pub overlay: Option<String>,
}

impl Sources {
    /// The digest of the definition they make: SHA-256 of the base, and of a zero byte and the overlay
    /// where there is one; lower-case hex.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.base.as_bytes());
        if let Some(overlay) = &self.overlay {
            hasher.update([0]);
            hasher.update(overlay.as_bytes());
        }
        hex(&hasher.finalize())
    }
}

/// What a new project of a province goes by.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The compiled definition.
    pub definition: Arc<Definition>,
    /// Its sources.
    pub sources: Sources,
    /// The province's package; `None` for national law alone.
    pub package: Option<PackagePin>,
    /// The digest of the package's document: manifest, overlay, component and signer; `None` for what is no
    /// package.
    pub document: Option<String>,
}

/// Definitions and calendars.
pub struct Library {
    calendar: Arc<Calendar>,
    /// Province → what new projects go by; the empty name stands for national law alone.
    current: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// All definitions met so far, by digest.
    by_digest: RwLock<BTreeMap<String, Arc<Definition>>>,
}

impl Library {
    /// A library of what is installed.
    #[must_use]
    pub fn new(calendar: Arc<Calendar>, current: BTreeMap<String, Entry>) -> Self {
        let known = current.values().map(|e| &e.definition);
        let by_digest = known.map(|d| (d.digest.clone(), Arc::clone(d))).collect();
        let current = current.into_iter().map(|(id, e)| (id, Arc::new(e)));
        Self {
            calendar,
            current: RwLock::new(current.collect()),
            by_digest: RwLock::new(by_digest),
        }
    }

    /// The calendar.
    #[must_use]
    pub fn calendar(&self) -> Arc<Calendar> {
        Arc::clone(&self.calendar)
    }

    /// What new projects of a province go by; empty for national law alone.
    ///
    /// # Errors
    /// When no such package is installed.
    pub fn entry(&self, province: &str) -> Result<Arc<Entry>, CommandError> {
        let entry = self.current().get(province).cloned();
        entry.ok_or_else(|| CommandError::ProvinceUnknown {
            name: province.to_owned(),
            installed: self.provinces(),
        })
    }

    /// The provinces that are installed.
    #[must_use]
    pub fn provinces(&self) -> Vec<String> {
        let current = self.current();
        current
            .keys()
            .filter(|id| !id.is_empty())
            .cloned()
            .collect()
    }

    /// Lets new projects of a province go by something else; by nothing where there is `None`.
    pub(crate) fn set(&self, province: &str, entry: Option<Arc<Entry>>) {
        if let Some(entry) = &entry {
            let definition = Arc::clone(&entry.definition);
            let mut known = self
                .by_digest
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            known.insert(definition.digest.clone(), definition);
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        match entry {
            Some(entry) => current.insert(province.to_owned(), entry),
            None => current.remove(province),
        };
    }

    fn current(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pin of an installed definition.
    #[must_use]
    pub fn pin(entry: &Entry) -> Pin {
        Pin {
            id: entry.definition.doc.id.clone(),
            version: entry.definition.doc.version.clone(),
            digest: entry.definition.digest.clone(),
        }
    }

    /// Keeps the sources of everything installed, so that projects outlive an upgrade.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn keep_in(&self, store: &dyn Store) -> Result<(), CommandError> {
        self.keep_calendar(store).await?;
        let entries: Vec<Arc<Entry>> = self.current().values().cloned().collect();
        for entry in entries {
            packages::keep_definition(store, &entry).await?;
        }
        Ok(())
    }

    async fn keep_calendar(&self, store: &dyn Store) -> Result<(), CommandError> {
        let text = serde_json::to_string(&*self.calendar)?;
        let digest = digest(&text);
        if store.holds_document(CALENDAR, &digest).await? {
            return Ok(());
        }
        let document = Document {
            kind: CALENDAR.to_owned(),
            digest,
            id: self.calendar.id().to_owned(),
            version: self.calendar.version().to_owned(),
            bytes: text.into_bytes(),
        };
        Ok(store.put_document(document).await?)
    }

    /// The calendar of that version, the present one or one that was kept; `None` where it is gone.
    ///
    /// # Errors
    /// When the store cannot be read, or what it has is no calendar.
    pub async fn calendar_of(
        &self,
        version: &str,
        store: &dyn Store,
    ) -> Result<Option<Arc<Calendar>>, CommandError> {
        if self.calendar.version() == version {
            return Ok(Some(self.calendar()));
        }
        let kept = store.documents(CALENDAR).await?;
        let kept = kept
            .into_iter()
            .find(|document| document.version == version);
        let kept = kept.map(|document| serde_json::from_slice(&document.bytes));
        Ok(kept.transpose()?.map(Arc::new))
    }

    /// The definition a project pins, from memory or from the store.
    ///
    /// # Errors
    /// When neither has it, or what the store has does not compile.
    pub async fn definition(
        &self,
        pin: &Pin,
        store: &dyn Store,
    ) -> Result<Arc<Definition>, CommandError> {
        if let Some(found) = self.remembered(&pin.digest) {
            return Ok(found);
        }
        let name = format!("{} {}", pin.id, pin.version);
        let document = store.document(DEFINITION, &pin.digest).await?;
        let document = document.ok_or_else(|| {
            CommandError::Library(format!("definition {name} is not in the store"))
        })?;
        let sources: Sources = serde_json::from_slice(&document.bytes)?;
        let base = Source {
            name: &name,
            text: &sources.base,
        };
        let overlay = sources.overlay.as_ref().map(|text| Source {
            name: "overlay",
            text,
        });
        let definition = Definition::load(base, overlay).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            CommandError::Library(format!("definition {name}: {first}"))
        })?;
        let definition = Arc::new(definition);
        if let Ok(mut known) = self.by_digest.write() {
            known.insert(pin.digest.clone(), Arc::clone(&definition));
        }
        Ok(definition)
    }

    fn remembered(&self, digest: &str) -> Option<Arc<Definition>> {
        // A poisoned lock only means that another thread died while it wrote; read the store then.
        self.by_digest.read().ok()?.get(digest).cloned()
    }
}
