//! Projects changed or looked at lately, so that a command reads nothing it has just written.
//!
//! What is remembered is a hint: the store's compare-and-set has the last word. Where other
//! processes write too, a refusal that rests on a remembered state is decided once more on a fresh
//! one before anybody is told (see [`crate::commands`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use liucheng_model::project::Project;

use crate::{
    outbox::Results,
    ports::{Instant, ProjectId, ProjectRow, TokenRow},
};

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

/// How many tokens are remembered.
const TOKENS: usize = 1_024;
/// How long a token is taken as known; it could have been withdrawn by another process.
const TOKEN_MICROS: i64 = 10 * 1_000_000;

/// Projects and tokens remembered.
pub struct Cache {
    projects: Mutex<Projects>,
    /// When a token was last read, by its hash.
    tokens: Mutex<LruCache<String, (Instant, TokenRow)>>,
    /// Results of sent mails that are still to be recorded.
    pub(crate) results: Results,
}

struct Projects {
    by_id: LruCache<ProjectId, Snapshot>,
    by_code: LruCache<String, ProjectId>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            projects: Mutex::new(Projects {
                by_id: LruCache::new(PROJECTS),
                by_code: LruCache::new(PROJECTS),
            }),
            tokens: Mutex::new(LruCache::new(TOKENS)),
            results: Results::default(),
        }
    }
}

impl Cache {
    /// What is remembered of a project.
    #[must_use]
    pub fn get(&self, id: ProjectId) -> Option<Snapshot> {
        self.projects().by_id.get(&id).cloned()
    }

    /// The project of that id or code, if it is remembered.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ProjectId> {
        let mut projects = self.projects();
        if let Ok(id) = name.parse::<ProjectId>() {
            return projects.by_id.contains_key(&id).then_some(id);
        }
        let id = *projects.by_code.get(name)?;
        // It may have another code by now.
        let known = projects.by_id.peek(&id)?;
        (known.project.code == name).then_some(id)
    }

    /// Remembers a project, unless a later version of it is remembered already.
    pub fn put(&self, id: ProjectId, snapshot: Snapshot) {
        let mut projects = self.projects();
        let known = projects.by_id.peek(&id);
        if known.is_some_and(|known| known.version > snapshot.version) {
            return;
        }
        if projects.by_code.get(&snapshot.project.code) != Some(&id) {
            let code = snapshot.project.code.clone();
            projects.by_code.insert(code, id);
        }
        projects.by_id.insert(id, snapshot);
    }

    /// Forgets a project; says whether it was remembered.
    pub fn forget(&self, id: ProjectId) -> bool {
        self.projects().by_id.remove(&id).is_some()
    }

    /// The token of that hash, if it was read lately.
    #[must_use]
    pub fn token(&self, hash: &str, now: Instant) -> Option<TokenRow> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, row) = tokens.get(hash)?;
        // A clock that was set back makes nothing known for longer.
        let age = now.0.saturating_sub(read.0);
        (0..TOKEN_MICROS).contains(&age).then(|| row.clone())
    }

    /// Remembers a token that was read just now.
    pub fn put_token(&self, row: TokenRow, now: Instant) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(row.hash.clone(), (now, row));
    }

    fn projects(&self) -> MutexGuard<'_, Projects> {
        // Whoever panicked left whole entries behind.
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn a_token_is_known_for_ten_seconds() {
        let cache = Cache::default();
        let row = TokenRow {
            hash: "h".to_owned(),
            actor: "li".to_owned(),
            roles: "*".to_owned(),
            at: Instant(0),
        };
        cache.put_token(row.clone(), Instant(100));
        assert_eq!(cache.token("h", Instant(100)), Some(row.clone()));
        assert_eq!(cache.token("h", Instant(99 + TOKEN_MICROS)), Some(row));
        assert_eq!(cache.token("h", Instant(100 + TOKEN_MICROS)), None);
        assert_eq!(
            cache.token("h", Instant(99)),
            None,
            "the clock stepped back"
        );
        assert_eq!(cache.token("other", Instant(100)), None);
    }

    #[test]
    fn a_late_reader_does_not_bring_back_an_older_version() {
        let cache = Cache::default();
        let id = ProjectId(Uuid::from_u128(1));
        cache.put(id, snapshot(2));
        cache.put(id, snapshot(1));
        assert_eq!(cache.get(id).map(|s| s.version), Some(2));
        assert_eq!(cache.find("N-1"), Some(id));
        assert_eq!(cache.find(&id.to_string()), Some(id));
        assert!(cache.forget(id));
        assert_eq!(cache.find("N-1"), None);
        assert!(cache.get(id).is_none() && !cache.forget(id));
    }
}
