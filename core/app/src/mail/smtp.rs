//! Mail to a server.
//!
//! lettre's transport has no limit on the wait for an answer, and its pool takes a connection
//! back whose send was cut off half-way: the next mail would read the answer meant for the last
//! one. Here a connection is lent out, limited at every step, and kept only after a success.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, TlsParameters},
    extension::ClientId,
};
use liucheng_engine::ports::{Clock, Mail, MailError, Mailer};
use tokio::{sync::Mutex, time::timeout};

use super::{
    config::TlsMode,
    message::{self, Sender},
};

/// Servers close idle connections after some minutes; an older one is not worth a try.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Many servers limit the mails of one connection.
const MAILS_MAX: u32 = 50;
/// How long a goodbye may take. Its answer changes nothing.
const QUIT_MAX: Duration = Duration::from_secs(2);

/// The way to a mail server.
pub struct Route {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// User and password.
    pub login: Option<Credentials>,
    /// The longest wait at each step.
    pub timeout: Duration,
}

/// Sends mail through a server.
pub struct SmtpMailer {
    route: Route,
    sender: Sender,
    clock: Arc<dyn Clock>,
    /// The worker sends one mail after the other, so one connection is all it can use.
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
    mails: u32,
}

impl SmtpMailer {
    /// A mailer for a server; connects with the first mail.
    #[must_use]
    pub fn new(route: Route, sender: Sender, clock: Arc<dyn Clock>) -> Self {
        Self {
            route,
            sender,
            clock,
            idle: Mutex::new(None),
        }
    }

    /// Connects, encrypts and logs in as for a mail, and says goodbye.
    ///
    /// # Errors
    /// Which step failed, and why.
    pub async fn try_server(&self) -> Result<(), MailError> {
        let mut connection = self.connect().await?;
        // Its answer changes nothing.
        timeout(QUIT_MAX, connection.abort()).await.ok();
        Ok(())
    }

    /// The waiting connection if it still answers, else a new one.
    async fn connection(&self) -> Result<(AsyncSmtpConnection, u32), MailError> {
        let waiting = self.idle.lock().await.take();
        if let Some(mut idle) = waiting
            && idle.since.elapsed() < IDLE_MAX
            && idle.mails < MAILS_MAX
            && timeout(self.route.timeout, idle.connection.test_connected()).await == Ok(true)
        {
            return Ok((idle.connection, idle.mails));
        }
        self.connect().await.map(|connection| (connection, 0))
    }

    /// Errors before the first mail speak of the server, not of the mail: another attempt makes
    /// sense even after a permanent code such as 535, for somebody will mend the password.
    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let Route { host, port, .. } = &self.route;
        let hello = ClientId::default();
        let parameters = match self.route.tls {
            TlsMode::None => None,
            TlsMode::Starttls | TlsMode::Tls => {
                Some(TlsParameters::new(host.clone()).map_err(later)?)
            }
        };
        let at_once = parameters
            .clone()
            .filter(|_| self.route.tls == TlsMode::Tls);
        let limit = Some(self.route.timeout);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (host.as_str(), *port),
            limit,
            &hello,
            at_once,
            None,
        );
        let mut connection = self.limited("greeting", connecting).await?.map_err(later)?;
        if self.route.tls == TlsMode::Starttls
            && let Some(parameters) = parameters
        {
            let upgrade = connection.starttls(parameters, &hello);
            self.limited("STARTTLS", upgrade).await?.map_err(later)?;
        }
        if let Some(login) = &self.route.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let login = connection.auth(&mechanisms, login);
            self.limited("AUTH", login).await?.map_err(later)?;
        }
        Ok(connection)
    }

    async fn limited<T>(&self, step: &str, work: impl Future<Output = T>) -> Result<T, MailError> {
        let limit = self.route.timeout;
        timeout(limit, work).await.map_err(|_| {
            MailError::Transient(format!(
                "no answer of the mail server within {} ms ({step})",
                limit.as_millis()
            ))
        })
    }

    async fn keep(&self, connection: AsyncSmtpConnection, mails: u32) {
        if mails < MAILS_MAX {
            let since = Instant::now();
            *self.idle.lock().await = Some(Idle {
                connection,
                since,
                mails,
            });
        } else {
            part(connection);
        }
    }
}

/// Says goodbye without anybody waiting for it: the mail is accepted whatever the answer.
fn part(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move { timeout(QUIT_MAX, connection.abort()).await });
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message::build(mail, &self.sender, self.clock.now())?;
        let (mut connection, mails) = self.connection().await?;
        let bytes = message.formatted();
        let sending = connection.send(message.envelope(), &bytes);
        match self.limited("mail", sending).await? {
            Ok(_) => {
                self.keep(connection, mails + 1).await;
                Ok(())
            }
            Err(error) => Err(refused(&error, &mail.to)),
        }
    }
}

fn later(error: Error) -> MailError {
    MailError::Transient(error.to_string())
}

/// Sorts the refusal of a mail by its code.
fn refused(error: &Error, to: &str) -> MailError {
    // Servers like to repeat the address; errors end up in logs, where it has no business.
    let reason = error.to_string().replace(to, "<recipient>");
    let code: Option<u16> = error.status().map(Into::into);
    match code {
        // Asks for a login: a matter of the configuration, not of this mail.
        Some(530 | 534 | 535 | 538) => MailError::Transient(reason),
        Some(500..=599) => MailError::Permanent(reason),
        // The address has characters that the server cannot take.
        None if error.is_client() => MailError::Permanent(reason),
        _ => MailError::Transient(reason),
    }
}
