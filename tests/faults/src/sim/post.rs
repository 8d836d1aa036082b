//! The mail server of a simulation, which keeps what it accepted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use liucheng_engine::ports::{Mail, MailError, MailState, Mailer, Store};

use super::{database::Database, store::give_way};
use crate::{Failed, check::projects};

/// What was accepted.
#[derive(Default)]
pub struct PostOffice(Mutex<Accepted>);

/// The books of the mail server.
#[derive(Debug, Default)]
pub struct Accepted {
    /// Message id → its recipients, one for each time it was accepted.
    pub mails: BTreeMap<String, Vec<String>>,
    /// Message id → how often a process died after it was accepted and before that was recorded.
    died: BTreeMap<String, u64>,
    /// Process → the mail whose acceptance it has not recorded yet.
    open: BTreeMap<u64, String>,
    refused: u64,
}

impl PostOffice {
    /// The books.
    pub fn books(&self) -> MutexGuard<'_, Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process has recorded what it sent.
    pub fn settled(&self, process: u64) {
        self.books().open.remove(&process);
    }

    /// A process is gone.
    pub fn died(&self, process: u64) {
        let mut books = self.books();
        if let Some(id) = books.open.remove(&process) {
            *books.died.entry(id).or_default() += 1;
        }
    }

    /// What contradicts the outbox: mails lost, sent twice without a reason, or by nobody.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn problems(
        &self,
        store: &dyn Store,
        database: &Database,
        drained: bool,
    ) -> Result<Vec<String>, Failed> {
        let mut problems = Vec::new();
        let mut known = BTreeMap::new();
        for row in projects(store).await? {
            for mail in store.mail(row.id).await? {
                known.insert(mail.row.mail.message_id.clone(), (row.id, mail));
            }
        }
        let books = self.books();
        let state = database.state();
        for (id, recipients) in &books.mails {
            let Some((project, mail)) = known.get(id) else {
                problems.push(format!("the mail {id} to {recipients:?} was never planned"));
                continue;
            };
            if recipients.iter().any(|to| *to != mail.row.mail.to) {
                problems.push(format!("the mail {id} went to {recipients:?}"));
            }
            let name = (*project, mail.row.key.clone());
            // Accepted from a process that stands still and has not recorded it yet.
            let open = books.open.values().filter(|open| *open == id).count() as u64;
            let excuses = open
                + books.died.get(id).copied().unwrap_or(0)
                + state.notes.late.get(&name).copied().unwrap_or(0);
            if recipients.len() as u64 > 1 + excuses {
                problems.push(format!(
                    "the mail {id} ({}) was sent {} times, with {excuses} reasons to repeat it",
                    mail.row.key,
                    recipients.len()
                ));
            }
            if state.notes.recorded.get(&name).copied().unwrap_or(0) > 1 {
                problems.push(format!("the mail {id} is recorded as sent more than once"));
            }
        }
        for (id, (_, mail)) in &known {
            match mail.state {
                MailState::Sent if !books.mails.contains_key(id) => {
                    problems.push(format!("the mail {id} is recorded as sent and was not"));
                }
                MailState::Pending if drained && mail.row.not_before <= state.now => {
                    problems.push(format!("the mail {id} is still pending"))
                }
                MailState::Dead if books.refused == 0 && mail.row.attempts < 60 => {
                    problems.push(format!("the mail {id} was given up without a reason"));
                }
                _ => {}
            }
        }
        Ok(problems)
    }
}

/// A process's way to the mail server.
pub struct NodeMailer {
    /// The server.
    pub office: Arc<PostOffice>,
    /// For chance.
    pub database: Arc<Database>,
    /// The process.
    pub process: u64,
}

#[async_trait]
impl Mailer for NodeMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        give_way().await;
        let fate = {
            let mut state = self.database.state();
            let rates = state.rates;
            if state.random.chance(rates.mail_transient) {
                Some(MailError::Transient("injected: 450".to_owned()))
            } else if state.random.chance(rates.mail_permanent) {
                Some(MailError::Permanent("injected: 550".to_owned()))
            } else {
                None
            }
        };
        {
            let mut books = self.office.books();
            books.open.remove(&self.process);
            if let Some(error) = fate {
                books.refused += u64::from(matches!(error, MailError::Permanent(_)));
                return Err(error);
            }
            books
                .mails
                .entry(mail.message_id.clone())
                .or_default()
                .push(mail.to.clone());
            books.open.insert(self.process, mail.message_id.clone());
        }
        give_way().await;
        Ok(())
    }
}
