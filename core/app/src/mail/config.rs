//! The table `[mail]` of the configuration.

use std::{net::IpAddr, time::Duration};

use lettre::{message::Mailbox, transport::smtp::authentication::Credentials};
use serde::Deserialize;

use super::{message::Sender, smtp::Route};
use crate::output::{Exit, Failure};

/// Where the user's name of the mail server is read from.
const USER: &str = "LIUCHENG_SMTP_USER";
/// Where the password of the mail server is read from.
const PASSWORD: &str = "LIUCHENG_SMTP_PASSWORD";
/// The longest wait for an answer of the server. A worker that stops waits for it, too.
const TIMEOUT_MAX_SECONDS: u64 = 20;

/// How mail goes out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MailConfig {
    /// Into files or to a server.
    pub mode: MailMode,
    /// The right-hand side of message ids, such as `liucheng.example`.
    pub domain: String,
    /// The sender; by default `liucheng <no-reply@DOMAIN>`.
    pub from: Option<String>,
    /// The server, for the mode `smtp`.
    pub smtp: Option<SmtpConfig>,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            mode: MailMode::File,
            // RFC 2606: nobody can ever receive an answer to it.
            domain: "liucheng.invalid".to_owned(),
            from: None,
            smtp: None,
        }
    }
}

/// Where mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailMode {
    /// `.eml` files in the data folder.
    File,
    /// A mail server.
    Smtp,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SmtpConfig {
    /// Its name; the certificate has to carry it.
    pub host: String,
    /// Its port; by default 465, 587 or 25, after `tls`.
    pub port: Option<u16>,
    /// How the connection is protected; by default `starttls`.
    #[serde(default)]
    pub tls: TlsMode,
    /// How long to wait for any one answer of the server, 1 to 20.
    #[serde(default = "timeout_default")]
    pub timeout_seconds: u64,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Not at all; for a server on this machine.
    None,
    /// Upgraded after the greeting; a server that does not offer it gets no mail.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
}

impl TlsMode {
    fn default_port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::Starttls => 587,
            Self::Tls => 465,
        }
    }
}

fn timeout_default() -> u64 {
    TIMEOUT_MAX_SECONDS
}

impl MailConfig {
    /// The sender with the domain of message ids.
    pub(super) fn sender(&self) -> Result<Sender, Failure> {
        let label =
            |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if self.domain.len() > 253 || !self.domain.split('.').all(label) {
            return Err(
                wrong("mail.domain", format!("{:?} is not a domain", self.domain))
                    .hint("write a domain such as liucheng.example"),
            );
        }
        let default = format!("liucheng <no-reply@{}>", self.domain);
        let from = self.from.as_ref().unwrap_or(&default);
        let mailbox: Mailbox = from.parse().map_err(|_| {
            wrong("mail.from", format!("{from:?} is not a sender"))
                .hint("write a name and an address: liucheng <no-reply@liucheng.example>")
        })?;
        Ok(Sender {
            from: mailbox,
            domain: self.domain.clone(),
        })
    }

    /// The way to the server.
    pub(super) fn route(&self, login: Option<Credentials>) -> Result<Route, Failure> {
        let smtp = self.smtp.as_ref().ok_or_else(|| {
            wrong("mail.smtp", "mode \"smtp\" needs a server").hint("add [mail.smtp] with host = …")
        })?;
        if !(1..=TIMEOUT_MAX_SECONDS).contains(&smtp.timeout_seconds) {
            let message = format!(
                "{} is not between 1 and {TIMEOUT_MAX_SECONDS}",
                smtp.timeout_seconds
            );
            return Err(wrong("mail.smtp.timeout-seconds", message));
        }
        if smtp.host.trim().is_empty() {
            return Err(wrong("mail.smtp.host", "is empty"));
        }
        if login.is_some() && smtp.tls == TlsMode::None && !is_this_machine(&smtp.host) {
            return Err(wrong(
                "mail.smtp.tls",
                "a password would cross the network in the clear",
            )
            .hint("set tls = \"starttls\" or \"tls\""));
        }
        Ok(Route {
            host: smtp.host.clone(),
            port: smtp.port.unwrap_or(smtp.tls.default_port()),
            tls: smtp.tls,
            login,
            timeout: Duration::from_secs(smtp.timeout_seconds),
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|a| a.is_loopback())
}

/// User and password from the environment; both or neither.
pub(super) fn login_from_env() -> Result<Option<Credentials>, Failure> {
    match (std::env::var(USER).ok(), std::env::var(PASSWORD).ok()) {
        (Some(user), Some(password)) => Ok(Some(Credentials::new(user, password))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(wrong(PASSWORD, format!("{USER} is set, {PASSWORD} is not"))),
        (None, Some(_)) => Err(wrong(USER, format!("{PASSWORD} is set, {USER} is not"))),
    }
}

fn wrong(place: &str, message: impl Into<String>) -> Failure {
    Failure::new(Exit::Config, "E-CONFIG-MAIL", message)
        .at(place)
        .hint("see docs/configuration.md for the keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> MailConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn everything_has_a_default() {
        let config = read("");
        assert_eq!(config, MailConfig::default());
        let sender = config.sender().unwrap();
        assert_eq!(
            sender.from.to_string(),
            "liucheng <no-reply@liucheng.invalid>"
        );
    }

    #[test]
    fn a_server_gets_the_usual_port() {
        for (tls, port) in [("none", 25), ("starttls", 587), ("tls", 465)] {
            let text = format!("mode = 'smtp'\n[smtp]\nhost = 'mail.example'\ntls = '{tls}'");
            assert_eq!(read(&text).route(None).unwrap().port, port);
        }
    }

    #[test]
    fn bad_settings_name_their_place() {
        let place = |text: &str| {
            let config = read(text);
            let login = Some(Credentials::new("u".to_owned(), "p".to_owned()));
            let sender = config.sender().err();
            sender.or_else(|| config.route(login).err()).unwrap().place
        };
        assert_eq!(place("domain = 'a b'"), "mail.domain");
        assert_eq!(place("domain = 'x\\r\\nBcc: y'"), "mail.domain");
        assert_eq!(place("from = 'nobody'"), "mail.from");
        assert_eq!(place("mode = 'smtp'"), "mail.smtp");
        assert_eq!(place("[smtp]\nhost = ''"), "mail.smtp.host");
        assert_eq!(
            place("[smtp]\nhost = 'h'\ntimeout-seconds = 60"),
            "mail.smtp.timeout-seconds"
        );
        assert_eq!(
            place("[smtp]\nhost = 'mail.example'\ntls = 'none'"),
            "mail.smtp.tls"
        );
        assert!(toml::from_str::<MailConfig>("password = 'x'").is_err());
    }
}
