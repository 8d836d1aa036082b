//! Sending what the outbox holds.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    Engine,
    error::CommandError,
    ports::{MailError, MailOutcome, ProjectId},
};

/// Mails sent between two looks at other work.
const BATCH: u32 = 64;
/// After this many attempts, two weeks with the longest pause, a person has to look.
const ATTEMPTS_MAX: u32 = 64;
/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE_MICROS: i64 = 60 * 1_000_000;
/// The longest pause between two attempts.
const PAUSE_MAX_MICROS: i64 = 6 * 3_600 * 1_000_000;

impl Engine {
    /// Sends the mails that are due; returns how many were tried.
    ///
    /// The result is recorded after the attempt: a crash in between leads to a second attempt
    /// with the same message id, never to a lost mail. While the store cannot record, nothing
    /// more is sent: what was sent is not sent again because the disk is full.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn deliver_due(&self) -> Result<usize, CommandError> {
        for ((project, key), outcome) in self.cache.results.all() {
            self.record(project, &key, outcome).await?;
        }
        let due = self.store.due_mail(self.clock.now(), BATCH).await?;
        let mut count = 0;
        for row in due {
            crate::crash_point!("outbox.claimed");
            // Another process may have taken over while the mails before were on their way.
            if !self.store.holds_mail(row.project, &row.key).await? {
                continue;
            }
            count += 1;
            let outcome = match self.mailer.send(&row.mail).await {
                Ok(()) => MailOutcome::Sent(self.clock.now()),
                Err(MailError::Transient(error)) if row.attempts + 1 < ATTEMPTS_MAX => {
                    MailOutcome::Retry {
                        not_before: self.clock.now().plus_micros(pause(row.attempts)),
                        error,
                    }
                }
                Err(MailError::Transient(error) | MailError::Permanent(error)) => {
                    MailOutcome::Dead { error }
                }
            };
            crate::crash_point!("outbox.accepted");
            if !matches!(outcome, MailOutcome::Sent(_)) {
                tracing::warn!(project.id = %row.project, mail.message_id = %row.mail.message_id, attempts = row.attempts + 1, error = %without_addresses(reason(&outcome)), "mail not sent");
            }
            self.figures.mailed(&outcome);
            self.record(row.project, &row.key, outcome).await?;
        }
        Ok(count)
    }

    /// Records the result of an attempt, or remembers it until that is possible.
    async fn record(
        &self,
        project: ProjectId,
        key: &str,
        outcome: MailOutcome,
    ) -> Result<(), CommandError> {
        let name = (project, key.to_owned());
        let results = &self.cache.results;
        results.held().insert(name.clone(), outcome.clone());
        self.store.finish_mail(project, key, outcome).await?;
        results.held().remove(&name);
        Ok(())
    }
}

/// Results of attempts that the store has not recorded yet, at most a few: nothing is sent
/// before they are recorded.
#[derive(Debug, Default)]
pub(crate) struct Results(Mutex<BTreeMap<(ProjectId, String), MailOutcome>>);

impl Results {
    fn held(&self) -> MutexGuard<'_, BTreeMap<(ProjectId, String), MailOutcome>> {
        // A map is whole at every moment, also for somebody who panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<((ProjectId, String), MailOutcome)> {
        let held = self.held();
        held.iter().map(|(n, o)| (n.clone(), o.clone())).collect()
    }
}

fn reason(outcome: &MailOutcome) -> &str {
    match outcome {
        MailOutcome::Sent(_) => "",
        MailOutcome::Retry { error, .. } | MailOutcome::Dead { error } => error,
    }
}

/// What a mail server said without the addresses it may have repeated: they have no business in a log.
fn without_addresses(text: &str) -> String {
    let word = |word: &str| {
        if word.contains('@') {
            "<address>".to_owned()
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn pause(attempts: u32) -> i64 {
    // Beyond twenty doublings the cap holds anyway, and the shift stays within the number.
    let doubled = FIRST_PAUSE_MICROS.saturating_mul(1_i64 << attempts.min(20));
    doubled.min(PAUSE_MAX_MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_no_addresses() {
        let said = "550 5.1.1 <a@b.example>: no such user; ask postmaster@b.example now";
        assert_eq!(
            without_addresses(said),
            "550 5.1.1 <address> no such user; ask <address> now"
        );
    }

    #[test]
    fn pauses_double_up_to_six_hours() {
        assert_eq!(pause(0), 60_000_000);
        assert_eq!(pause(3), 480_000_000);
        assert_eq!(pause(20), PAUSE_MAX_MICROS);
        assert_eq!(pause(63), PAUSE_MAX_MICROS);
        assert_eq!(pause(64), PAUSE_MAX_MICROS);
    }
}
