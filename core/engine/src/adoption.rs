//! Letting every project go by the present calendar.
//!
//! A pass looks at every project, so it is not made at each start: that it was completed for a calendar
//! is kept as a document, and the next start with that calendar makes none.

use liucheng_model::decide;

use tokio::sync::watch;

use crate::{
    Engine,
    cache::Snapshot,
    commands::{SYSTEM, Step},
    error::CommandError,
    ports::{CommitError, Document, Page, ProjectRow},
    record::{Cause, digest},
};

/// The kind of the documents that say which calendar all projects go by.
const KIND: &str = "calendar-adopted";
/// Projects read at a time.
const PAGE: u32 = 200;
/// How often a project is looked at again because somebody was faster.
const ATTEMPTS: usize = 8;

impl Engine {
    /// Whether a pass over all projects was completed for the present calendar, and for no other since.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn calendar_is_adopted(&self) -> Result<bool, CommandError> {
        let newest = self.store.documents(KIND).await?.into_iter().next();
        Ok(newest.is_some_and(|document| document.id == self.library.calendar().version()))
    }

    /// Lets every project go by the present calendar; returns how many changed.
    ///
    /// Each date that changes has the calendar as its cause in the history.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn adopt_calendar(&self) -> Result<usize, CommandError> {
        let (_go, stop) = watch::channel(false);
        self.adopt_calendar_until(&stop).await
    }

    /// As [`adopt_calendar`](Self::adopt_calendar), but ends between two projects once `stop` is true; the
    /// next start goes on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn adopt_calendar_until(
        &self,
        stop: &watch::Receiver<bool>,
    ) -> Result<usize, CommandError> {
        let mut changed = 0;
        let mut after = None;
        loop {
            let page = self.store.list(Page { after, limit: PAGE }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.code.clone());
            for row in page {
                if *stop.borrow() {
                    return Ok(changed);
                }
                changed += usize::from(self.adopt_for(row).await?);
            }
        }
        if !self.calendar_is_adopted().await? {
            self.note_adoption().await?;
        }
        Ok(changed)
    }

    async fn note_adoption(&self) -> Result<(), CommandError> {
        let version = self.library.calendar().version().to_owned();
        // With the time, so that a calendar that comes back after another is noted anew.
        let text = serde_json::to_string(&(&version, self.clock.now()))?;
        let document = Document {
            kind: KIND.to_owned(),
            digest: digest(&text),
            id: version.clone(),
            version,
            bytes: text.into_bytes(),
        };
        Ok(self.store.put_document(document).await?)
    }

    /// Lets one project go by the present calendar; again when somebody was faster, such as another
    /// node that starts at the same time.
    async fn adopt_for(&self, row: ProjectRow) -> Result<bool, CommandError> {
        let id = row.id;
        let mut loaded = self.loaded_from(id, Snapshot::read(row)?).await?;
        for _ in 0..ATTEMPTS {
            let Some(decision) = decide::adopt_calendar(loaded.context(), &loaded.before.project)
            else {
                return Ok(false);
            };
            let step = Step {
                id,
                before: Some(loaded.before),
                decision,
                cause: Cause::Calendar,
                actor: SYSTEM.to_owned(),
                now: loaded.at,
                answer: None,
            };
            match self.write(step).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Conflict { .. }) => loaded = self.loaded(id).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Unavailable(
            "the project changes too fast".to_owned(),
        ))
    }
}
