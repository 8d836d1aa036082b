//! Against a mail server on the loopback that says what a test wants to hear.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lettre::transport::smtp::authentication::Credentials;
use liucheng_engine::ports::{MailError, Mailer, SimulatedClock};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{config, mail};
use crate::mail::{
    config::TlsMode,
    smtp::{Route, SmtpMailer},
};

/// What the server does.
#[derive(Clone, Copy)]
enum Mood {
    /// Takes everything.
    Kind,
    /// Answers RCPT with this.
    Recipient(&'static str),
    /// Greets with this.
    Greeting(&'static str),
    /// Answers AUTH with this.
    Login(&'static str),
    /// Never answers DATA's end.
    Silent,
    /// Takes the mail and never answers QUIT.
    NoGoodbye,
}

struct Sink {
    port: u16,
    connections: Arc<AtomicUsize>,
    mails: mpsc::UnboundedReceiver<String>,
}

async fn sink(mood: Mood) -> Sink {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let (sender, mails) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(talk(stream, mood, sender.clone()));
        }
    });
    Sink {
        port,
        connections,
        mails,
    }
}

async fn talk(stream: TcpStream, mood: Mood, mails: mpsc::UnboundedSender<String>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let greeting = if let Mood::Greeting(text) = mood {
        text
    } else {
        "220 sink"
    };
    say(&mut stream, greeting).await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let verb = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let answer = match (verb.as_str(), mood) {
            ("EHLO", _) => "250-sink\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            ("AUTH", Mood::Login(text)) | ("RCPT", Mood::Recipient(text)) => text,
            ("DATA", _) => {
                say(&mut stream, "354 go on").await?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut text).await.ok()?;
                }
                if let Mood::Silent = mood {
                    std::future::pending::<()>().await;
                }
                mails.send(text).ok()?;
                "250 taken"
            }
            ("QUIT", Mood::NoGoodbye) => std::future::pending().await,
            ("QUIT", _) => "221 bye",
            _ => "250 ok",
        };
        say(&mut stream, answer).await?;
    }
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> Option<()> {
    stream
        .write_all(format!("{text}\r\n").as_bytes())
        .await
        .ok()
}

fn smtp(port: u16) -> Route {
    Route {
        host: "127.0.0.1".to_owned(),
        port,
        tls: TlsMode::None,
        login: None,
        timeout: Duration::from_millis(300),
    }
}

fn mailer(route: Route) -> SmtpMailer {
    let clock = SimulatedClock::new(super::morning("2021-09-21"));
    SmtpMailer::new(route, config().sender().unwrap(), Arc::new(clock))
}

async fn outcome(mood: Mood) -> Result<(), MailError> {
    mailer(smtp(sink(mood).await.port)).send(&mail()).await
}

fn transient(result: Result<(), MailError>) -> String {
    match result {
        Err(MailError::Transient(reason)) => reason,
        other => panic!("expected a transient error, found {other:?}"),
    }
}

#[tokio::test]
async fn mails_arrive_whole_over_one_connection() {
    let mut sink = sink(Mood::Kind).await;
    let mailer = mailer(smtp(sink.port));
    for _ in 0..3 {
        mailer.send(&mail()).await.unwrap();
        let text = sink.mails.recv().await.unwrap();
        assert!(
            text.contains(
                "\r\nMessage-ID: <0123456789abcdef0123456789abcdef@liucheng.example>\r\n"
            )
        );
        assert!(
            text.ends_with("--\r\n\r\n.\r\n") || text.ends_with("--\r\n.\r\n"),
            "{text}"
        );
    }
    assert_eq!(sink.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn many_mails_change_the_connection() {
    let sink = sink(Mood::Kind).await;
    let mailer = mailer(smtp(sink.port));
    for _ in 0..51 {
        mailer.send(&mail()).await.unwrap();
    }
    assert_eq!(sink.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn refusals_are_sorted_by_their_code() {
    transient(outcome(Mood::Recipient("451 4.7.1 greylisted")).await);
    transient(outcome(Mood::Recipient("530 5.7.0 log in first")).await);
    transient(outcome(Mood::Greeting("554 5.7.1 no service today")).await);
    transient(outcome(Mood::Greeting("421 busy")).await);
    let refused = outcome(Mood::Recipient("550 5.1.1 officer@county.example unknown")).await;
    let Err(MailError::Permanent(reason)) = refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("550"), "{reason}");
    assert!(
        !reason.contains("officer@county.example"),
        "no address in what gets logged: {reason}"
    );
}

#[tokio::test]
async fn a_wrong_password_does_not_kill_the_mail() {
    let sink = sink(Mood::Login("535 5.7.8 wrong")).await;
    let mut route = smtp(sink.port);
    route.login = Some(Credentials::new("user".to_owned(), "pass".to_owned()));
    let reason = transient(mailer(route).send(&mail()).await);
    assert!(
        reason.contains("535") && !reason.contains("pass"),
        "{reason}"
    );
}

#[tokio::test]
async fn silence_ends_by_the_timeout_and_spoils_no_later_mail() {
    let reason = transient(outcome(Mood::Silent).await);
    assert!(reason.contains("300 ms"), "{reason}");
    let sink = sink(Mood::Silent).await;
    let mailer = mailer(smtp(sink.port));
    for _ in 0..2 {
        transient(mailer.send(&mail()).await);
    }
    assert_eq!(
        sink.connections.load(Ordering::SeqCst),
        2,
        "a connection cut off half-way is not used again"
    );
}

#[tokio::test]
async fn an_accepted_mail_does_not_wait_for_the_goodbye() {
    let mut sink = sink(Mood::NoGoodbye).await;
    mailer(smtp(sink.port)).send(&mail()).await.unwrap();
    sink.mails.recv().await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_worth_another_attempt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    transient(mailer(smtp(port)).send(&mail()).await);
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing_in_the_clear() {
    let mut sink = sink(Mood::Kind).await;
    let mut route = smtp(sink.port);
    route.host = "localhost".to_owned();
    route.tls = TlsMode::Starttls;
    let reason = transient(mailer(route).send(&mail()).await);
    assert!(reason.contains("STARTTLS"), "{reason}");
    assert!(sink.mails.try_recv().is_err());
}
