//! Removing answers to repeated commands whose time is over.
//!
//! An answer is promised for thirty days. Its record keeps its digest for ever, so a check is content
//! without it then. A record from before digests of answers needs its answer for the digest of its
//! effects: such answers stay.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    Engine,
    commands::Answer,
    error::CommandError,
    ports::{ANSWERS_KEPT_MICROS, AnswerPlace, Instant},
    record::Record,
};

/// Beyond the promise, so that a check by another clock never misses one: a day.
const MARGIN_MICROS: i64 = 86_400 * 1_000_000;
/// Answers looked at together.
const PAGE: u32 = 500;
/// Answers removed together: the writer is not to be held up.
const BATCH: usize = 100;
/// The pause between two pages.
const PAUSE: Duration = Duration::from_millis(200);
/// The pause when all were looked at, or nothing could be read or written.
const REST: Duration = Duration::from_secs(3_600);

impl Engine {
    /// Removes answers whose time is over, a few at a time, until `stop` becomes true.
    pub(crate) async fn run_forgetting(&self, mut stop: watch::Receiver<bool>) {
        let mut after = None;
        while !*stop.borrow() {
            after = match self.forget_page(after).await {
                Ok((_, next)) => next,
                Err(error) => {
                    tracing::warn!(error.code = error.code(), error = %error, "answers are not removed, trying again later");
                    None
                }
            };
            let pause = if after.is_some() { PAUSE } else { REST };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // An error means that nobody is left who could ask for a stop.
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Removes all answers whose time is over; returns how many.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn forget_answers(&self) -> Result<usize, CommandError> {
        let (mut removed, mut after) = (0, None);
        loop {
            let (count, next) = self.forget_page(after).await?;
            removed += count;
            if next.is_none() {
                return Ok(removed);
            }
            after = next;
        }
    }

    /// Removes those of one page; returns how many, and where the next page begins.
    async fn forget_page(
        &self,
        after: Option<AnswerPlace>,
    ) -> Result<(usize, Option<AnswerPlace>), CommandError> {
        let over = self
            .clock
            .now()
            .plus_micros(-ANSWERS_KEPT_MICROS - MARGIN_MICROS);
        let page = self.store.answers(after, PAGE).await?;
        let next = page.last().filter(|_| page.len() == PAGE as usize).cloned();
        let mut places = Vec::new();
        for place in page {
            if self.is_over(&place, over).await? {
                places.push(place);
            }
        }
        for batch in places.chunks(BATCH) {
            self.store.remove_answers(batch.to_vec()).await?;
        }
        let removed = places.len();
        if removed > 0 {
            tracing::debug!(removed, "answers removed whose time is over");
        }
        Ok((removed, next))
    }

    /// Whether an answer was given before `over`, and its record keeps its digest.
    async fn is_over(&self, place: &AnswerPlace, over: Instant) -> Result<bool, CommandError> {
        if place.at >= over {
            return Ok(false);
        }
        let Some(row) = self.store.answer(place.project, &place.key).await? else {
            return Ok(false);
        };
        // What does not read is for a check to find.
        let Ok(answer) = serde_json::from_str::<Answer>(&row.response) else {
            return Ok(false);
        };
        let before = answer.version.saturating_sub(1);
        let records = self.store.history(place.project, before, 1).await?;
        let record = records
            .first()
            .filter(|record| record.seq == answer.version);
        let record = record.and_then(|record| Record::open(record).ok());
        // The check goes by the record's time.
        Ok(record.is_some_and(|record| record.answer.is_some() && record.at < over))
    }
}
