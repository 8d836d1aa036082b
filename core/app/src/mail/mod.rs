//! Reminders as real mail: what they say, their MIME form, and the ways they go out.
//!
//! `letter` words a reminder, `text`, `html` and `calendar` are its three forms, `message` puts
//! them together; `file` and `smtp` are the adapters of the engine's port.

mod calendar;
mod config;
mod file;
mod html;
mod letter;
mod message;
mod smtp;
mod text;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use liucheng_engine::ports::{Clock, Mailer};

pub use config::{MailConfig, MailMode};

use self::{file::FileMailer, smtp::SmtpMailer};
use crate::output::{Exit, Failure};

/// The folder for `.eml` files within the data folder.
const FOLDER: &str = "mail";

/// Connects to the configured mail server, up to the login, and sends nothing; where it is.
///
/// # Errors
/// A setting that cannot be used, or what the server or the network said.
pub async fn try_server(config: &MailConfig, clock: Arc<dyn Clock>) -> Result<String, Failure> {
    let sender = config.sender()?;
    let route = config.route(config::login_from_env()?)?;
    let server = format!("{}:{}", route.host, route.port);
    let mailer = SmtpMailer::new(route, sender, clock);
    match mailer.try_server().await {
        Ok(()) => Ok(server),
        Err(error) => Err(Failure::new(
            Exit::Unavailable,
            "E-MAIL-SERVER",
            format!("{server}: {error}"),
        )),
    }
}

/// The mailer that a configuration asks for.
///
/// User and password of the server come from `LIUCHENG_SMTP_USER` and `LIUCHENG_SMTP_PASSWORD`,
/// so that they stand in no file.
///
/// # Errors
/// A setting that cannot be used, with its place; exit code 78.
pub fn mailer(
    config: &MailConfig,
    data: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Mailer>, Failure> {
    let sender = config.sender()?;
    match config.mode {
        MailMode::File => Ok(Arc::new(FileMailer::new(data.join(FOLDER), sender, clock))),
        MailMode::Smtp => {
            let route = config.route(config::login_from_env()?)?;
            Ok(Arc::new(SmtpMailer::new(route, sender, clock)))
        }
    }
}
