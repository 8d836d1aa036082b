//! Sending what the outbox holds.

use std::time::Duration;

use crate::{
    Engine,
    error::CommandError,
    ports::{CommitError, MailError, MailOutcome, OutboxRow},
};

/// How often a result that finds no room is recorded again.
const FULL_PAUSE: Duration = Duration::from_secs(1);
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
    /// with the same message id, never to a lost mail.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn deliver_due(&self) -> Result<usize, CommandError> {
        let due = self.store.due_mail(self.clock.now(), BATCH).await?;
        let mut count = 0;
        for row in due {
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
            if !matches!(outcome, MailOutcome::Sent(_)) {
                tracing::warn!(project.id = %row.project, mail.message_id = %row.mail.message_id, attempts = row.attempts + 1, error = %without_addresses(reason(&outcome)), "mail not sent");
            }
            self.figures.mailed(&outcome);
            self.record(&row, outcome).await?;
        }
        Ok(count)
    }
}

impl Engine {
    /// Records the result of an attempt. A full disk is waited for: the mail has been sent, and a
    /// result that is forgotten would send it again.
    async fn record(&self, row: &OutboxRow, outcome: MailOutcome) -> Result<(), CommandError> {
        loop {
            let finished = self
                .store
                .finish_mail(row.project, &row.key, outcome.clone())
                .await;
            match finished {
                Err(CommitError::Full(_)) => tokio::time::sleep(FULL_PAUSE).await,
                result => return Ok(result?),
            }
        }
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
