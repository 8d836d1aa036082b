//! `liucheng serve`: the worker and the HTTP door in one process.

use std::{
    io::IsTerminal,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use clap::Args;
use liucheng_engine::{CommandError, Engine, audit::seal::Sealer};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tracing_subscriber::EnvFilter;

use super::{Global, token};
use crate::{
    compose,
    http::{self, AppState},
    output::{Exit, Failure, json_line, line},
};

/// What the log shows, such as `info` or `liucheng=debug`.
const LOG: &str = "LIUCHENG_LOG";
/// How long the worker may take for its last batch. A mail that is cut off is tried again after
/// the next start, with the same message id.
const WORKER_MAX: Duration = Duration::from_secs(30);
/// How long the last epoch may take; what it would have sealed is sealed after the next start.
const SEALER_MAX: Duration = Duration::from_secs(10);
/// Where the server listens when nobody says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = LISTEN)]
    listen: SocketAddr,
    /// Allow an address that other machines reach. The connection is not encrypted.
    #[arg(long)]
    allow_remote: bool,
}

/// Runs the server until SIGINT or SIGTERM.
pub async fn run(global: &Global, args: ServeArgs) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        return Err(Failure::new(
            Exit::Usage,
            "E-LISTEN",
            format!("other machines reach {}", args.listen),
        )
        .at("--listen")
        .hint("put a proxy with TLS in front of 127.0.0.1, or give --allow-remote"));
    }
    start_log();
    let signer = compose::signer(&global.data_dir())?;
    let engine = compose::open(&global.place()).await?;
    let sealer = engine.sealer(signer);
    serve(engine, sealer, args.listen, global.json).await?;
    Ok(Exit::Ok)
}

/// Serves an engine: worker, sealer and HTTP, until SIGINT or SIGTERM.
pub async fn serve(
    engine: Engine,
    sealer: Sealer,
    listen: SocketAddr,
    as_json: bool,
) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| cannot_listen(listen, &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(listen, &error))?;
    first_token(&engine, as_json).await?;
    // A calendar that changed since the last start changes dates: each with its cause, now.
    let adopted = engine.adopt_calendar().await?;
    if adopted > 0 {
        tracing::info!(projects = adopted, "calendar adopted");
    }
    let signal = signals()?;
    let (stop, stopped) = watch::channel(false);
    let worker_engine = engine.clone();
    let worker_stopped = stopped.clone();
    let mut worker = tokio::spawn(async move { worker_engine.run_worker(worker_stopped).await });
    // Stopped last, so that what the others did last is sealed as well.
    let (stop_sealer, sealer_stopped) = watch::channel(false);
    let mut sealer = tokio::spawn(async move { sealer.run(sealer_stopped).await });
    let mut door = tokio::spawn(http::serve(listener, AppState::new(engine), stopped));
    say(
        as_json,
        json!({"listening": format!("http://{address}")}),
        &format!("listening on http://{address}"),
    )?;
    // Whichever ends first ends the other: reminders without a door are as bad as the reverse.
    let fault = tokio::select! {
        () = signal => None,
        result = &mut worker => Some(format!("the worker ended: {result:?}")),
        result = &mut door => Some(format!("the HTTP server ended: {result:?}")),
    };
    tracing::info!("stopping");
    stop.send_replace(true);
    if !door.is_finished() {
        let _ = (&mut door).await;
    }
    if !worker.is_finished() && timeout(WORKER_MAX, &mut worker).await.is_err() {
        worker.abort();
    }
    stop_sealer.send_replace(true);
    if timeout(SEALER_MAX, &mut sealer).await.is_err() {
        sealer.abort();
    }
    match fault {
        None => Ok(()),
        Some(reason) => Err(Failure::new(Exit::Internal, "E-INTERNAL", reason)),
    }
}

/// Makes a token for everything at the first start, shows it once and keeps only its hash.
///
/// It is shown before it is kept: killed in between, the next start makes another one, instead
/// of keeping one that nobody has seen.
async fn first_token(engine: &Engine, as_json: bool) -> Result<(), Failure> {
    if engine
        .store
        .token_count()
        .await
        .map_err(CommandError::from)?
        > 0
    {
        return Ok(());
    }
    let token = token::fresh()?;
    let text = format!(
        "First start. This is the access token of \"admin\", with all roles:\n\n  {token}\n\n\
         It is shown only now; the server keeps nothing but its hash.\n\
         Send it with every request as the header `Authorization: Bearer TOKEN`.\n"
    );
    say(
        as_json,
        json!({"token": token, "actor": "admin", "roles": "*"}),
        &text,
    )?;
    token::keep(engine, &token, "admin", "*").await
}

fn say(as_json: bool, json: serde_json::Value, text: &str) -> Result<(), Failure> {
    if as_json {
        json_line(&json)
    } else {
        line(text)
    }
}

fn cannot_listen(listen: SocketAddr, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unavailable,
        "E-LISTEN",
        format!("cannot listen on {listen}: {error}"),
    )
    .at("--listen")
    .hint("is another server running there? port 0 takes a free one")
}

/// Ends with the first SIGINT or SIGTERM. They are caught from here on, not from the first poll.
#[cfg(unix)]
fn signals() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed =
        |error: std::io::Error| Failure::new(Exit::Internal, "E-SIGNAL", error.to_string());
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends with the first Ctrl-C.
#[cfg(not(unix))]
fn signals() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async {
        // Without a handler the system ends the process itself.
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Logs to stderr: for people on a terminal, as JSON lines elsewhere.
fn start_log() {
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An error means that there is a log already.
    let _ = if std::io::stderr().is_terminal() {
        log.try_init()
    } else {
        log.json().try_init()
    };
}
