//! Sending mail (port).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A mail ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Fixed when the mail was planned: a second attempt carries the same one.
    pub message_id: String,
    /// The recipient's address.
    pub to: String,
    /// What the mail is about; the mailer renders it.
    pub reminder: crate::reminder::Reminder,
}

/// Why a mail did not go out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailError {
    /// Worth another attempt: the server is away, busy or slow.
    #[error("mail not sent, will be tried again: {0}")]
    Transient(String),
    /// Not worth another attempt: the server refuses this mail for good.
    #[error("mail refused: {0}")]
    Permanent(String),
}

/// Sends mail (port).
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one mail.
    ///
    /// # Errors
    /// [`MailError`], saying whether another attempt makes sense.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
