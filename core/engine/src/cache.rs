//! Projects changed or looked at lately, so that a command reads nothing it has just written.
//!
//! What is remembered is a hint: the store's compare-and-set has the last word. Where other
//! processes write too, a refusal that rests on a remembered state is decided once more on a fresh
//! one before anybody is told (see [`crate::commands`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use liucheng_model::project::Project;

use crate::ports::{Instant, ProjectId, ProjectRow};

/// How many projects are remembered, some ten kilobytes each.
const PROJECTS: usize = 2_048;

/// A project as of one version, with what the next change of it has to name.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// How many records its history has.
    pub version: u64,
    /// Hash of the last record, lower-case hex.
    pub head: String,
    /// Who made the last change.
    pub changed_by: String,
    /// When.
    pub changed_at: Instant,
    /// The state.
    pub project: Arc<Project>,
}

impl Snapshot {
    /// Reads a state row.
    ///
    /// # Errors
    /// When the row's state is not a project.
    pub fn read(row: ProjectRow) -> Result<Self, serde_json::Error> {
        Ok(Self {
            project: Arc::new(serde_json::from_str(&row.state)?),
            version: row.version,
            head: row.head,
            changed_by: row.changed_by,
            changed_at: row.changed_at,
        })
    }
}

/// The projects remembered.
pub struct Cache(Mutex<LruCache<ProjectId, Snapshot>>);

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(PROJECTS)))
    }
}

impl Cache {
    /// What is remembered of a project.
    #[must_use]
    pub fn get(&self, id: ProjectId) -> Option<Snapshot> {
        self.entries().get(&id).cloned()
    }

    /// Remembers a project, unless a later version of it is remembered already.
    pub fn put(&self, id: ProjectId, snapshot: Snapshot) {
        let mut entries = self.entries();
        let newer = entries
            .peek(&id)
            .is_some_and(|known| known.version > snapshot.version);
        if !newer {
            entries.insert(id, snapshot);
        }
    }

    /// Forgets a project; says whether it was remembered.
    pub fn forget(&self, id: ProjectId) -> bool {
        self.entries().remove(&id).is_some()
    }

    fn entries(&self) -> MutexGuard<'_, LruCache<ProjectId, Snapshot>> {
        // Whoever panicked left whole entries behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use liucheng_model::{event::Opening, project::Pin};
    use uuid::Uuid;

    use super::*;

    fn snapshot(version: u64) -> Snapshot {
        let opening = Opening {
            code: "N-1".to_owned(),
            name: "n".to_owned(),
            definition: Pin {
                id: "d".to_owned(),
                version: "1".to_owned(),
                digest: String::new(),
            },
            package: None,
            calendar: "cn".to_owned(),
            contacts: BTreeMap::new(),
            states: BTreeMap::new(),
        };
        Snapshot {
            version,
            head: String::new(),
            changed_by: String::new(),
            changed_at: Instant(0),
            project: Arc::new(Project::opened(&opening)),
        }
    }

    #[test]
    fn a_late_reader_does_not_bring_back_an_older_version() {
        let cache = Cache::default();
        let id = ProjectId(Uuid::from_u128(1));
        cache.put(id, snapshot(2));
        cache.put(id, snapshot(1));
        assert_eq!(cache.get(id).map(|s| s.version), Some(2));
        assert!(cache.forget(id));
        assert!(cache.get(id).is_none() && !cache.forget(id));
    }
}
