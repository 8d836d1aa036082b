//! `liucheng serve`: the worker and the HTTP door, in one process or, on PostgreSQL, in several.

use std::{
    io::IsTerminal,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use clap::{Args, ValueEnum};
use liucheng_engine::{CommandError, Engine, audit::seal::Sealer, error::ErrorKind};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tracing_subscriber::EnvFilter;

use super::{Global, token};
use crate::{
    compose::{self, NODE_TAKEN, Place},
    config::{Config, ReadyConfig},
    http::{self, AppState, Node, Roles},
    output::{Exit, Failure, json_line, line},
};

/// What the log shows, such as `info` or `info,plugin=debug`.
const LOG: &str = "LIUCHENG_LOG";
/// How long the worker may take for its last batch. A mail that is cut off is tried again after
/// the next start, with the same message id.
const WORKER_MAX: Duration = Duration::from_secs(30);
/// How long the store may take to write what is queued and to give up its claims.
const CLOSE_MAX: Duration = Duration::from_secs(10);
/// How often a calendar is adopted anew because another node was adopting it, too.
const ADOPTIONS: u32 = 20;
/// The longest name of a node, in characters.
const NODE_CHARS_MAX: usize = 64;
/// How often a node looks for packages that another one has installed.
const PACKAGES_EVERY: Duration = Duration::from_secs(30);
/// How long the last epoch may take; what it would have sealed is sealed after the next start.
const SEALER_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether another node has taken this one's name.
const TAKEN_LOOK: Duration = Duration::from_secs(1);
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
    /// What this node does; several nodes can share a PostgreSQL database.
    #[arg(
        long,
        value_name = "ROLES",
        value_delimiter = ',',
        default_value = "web,worker"
    )]
    roles: Vec<Role>,
    /// This node's name, the same after each start and different from all others': on PostgreSQL it
    /// then takes over at once what it was doing before. A second living node of a name is refused.
    #[arg(long, value_name = "NAME", env = "LIUCHENG_NODE")]
    node: Option<String>,
}

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Answers the API.
    Web,
    /// Fires timers and sends mail.
    Worker,
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
    let place = global.place();
    let roles = roles(&args, &place)?;
    let ready = Config::read(&place.dir)?.ready;
    start_log();
    let signer = compose::signer(&place.dir)?;
    let engine = compose::open_as(&place, args.node).await?;
    let sealer = roles.worker.then(|| engine.sealer(signer));
    let node = Node::new(roles, ready);
    let served = serve_as(&engine, sealer, node, (args.listen, global.json)).await;
    // Whatever is queued is written, and what was claimed is free for other nodes.
    if timeout(CLOSE_MAX, engine.store.close()).await.is_err() {
        tracing::warn!("the store was not closed in time");
    }
    served.map(|()| Exit::Ok)
}

/// What this node is to do, as far as the database allows it.
fn roles(args: &ServeArgs, place: &Place) -> Result<Roles, Failure> {
    let roles = Roles {
        web: args.roles.contains(&Role::Web),
        worker: args.roles.contains(&Role::Worker),
    };
    let all = roles.web && roles.worker;
    if !all && !place.is_shared() {
        return Err(Failure::new(
            Exit::Usage,
            "E-ROLES",
            "an SQLite database has one process, which has to do everything",
        )
        .at("--roles")
        .hint("leave --roles out, or share a PostgreSQL database: --database postgres://…"));
    }
    let Some(name) = &args.node else {
        return Ok(roles);
    };
    if !place.is_shared() {
        return Err(Failure::new(
            Exit::Usage,
            "E-NODE",
            "an SQLite database has one node, which needs no name",
        )
        .at("--node")
        .hint("leave --node out, or share a PostgreSQL database: --database postgres://…"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NODE_CHARS_MAX || !name.chars().all(plain) {
        return Err(Failure::new(
            Exit::Usage,
            "E-NODE",
            format!("{name:?} is not the name of a node"),
        )
        .at("--node")
        .hint(
            "1 to 64 letters, digits, dots, hyphens and underscores, such as the machine's name",
        ));
    }
    Ok(roles)
}

/// Serves an engine on the only node there is: worker and HTTP, until SIGINT or SIGTERM.
pub async fn serve(engine: Engine, listen: SocketAddr, as_json: bool) -> Result<(), Failure> {
    let roles = Roles {
        web: true,
        worker: true,
    };
    let node = Node::new(roles, ReadyConfig::default());
    let sealer = Some(engine.sealer(None));
    serve_as(&engine, sealer, node, (listen, as_json)).await
}

/// Serves an engine as a node, until SIGINT or SIGTERM.
async fn serve_as(
    engine: &Engine,
    sealer: Option<Sealer>,
    node: Node,
    (listen, as_json): (SocketAddr, bool),
) -> Result<(), Failure> {
    let roles = node.roles;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| cannot_listen(listen, &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(listen, &error))?;
    if roles.web {
        first_token(engine, as_json).await?;
    }
    // Whoever comes with a command goes by the new calendar anyway; timers wait until all projects do.
    let adopted = !roles.worker || engine.calendar_is_adopted().await?;
    let signal = signals()?;
    let (stop, stopped) = watch::channel(false);
    let mut worker = {
        let (engine, mut stopped) = (engine.clone(), stopped.clone());
        tokio::spawn(async move {
            if roles.worker {
                if !adopted {
                    adopt_calendar(&engine, &stopped).await?;
                }
                // A node of another age may have opened projects by another calendar since.
                let again = (adopted && !engine.store.writes_alone()).then(|| {
                    let (engine, stopped) = (engine.clone(), stopped.clone());
                    tokio::spawn(async move {
                        if let Err(failure) = adopt_calendar(&engine, &stopped).await {
                            tracing::error!(error.code = %failure.code, error = %failure.message, "calendar not adopted everywhere, the next start will do it");
                        }
                    })
                });
                engine.run_worker(stopped).await;
                if let Some(again) = again {
                    // It ends after the project it is at.
                    let _ = again.await;
                }
            } else {
                // An error means that nobody is left who could ask for a stop.
                let _ = stopped.wait_for(|stop| *stop).await;
            }
            Ok::<(), Failure>(())
        })
    };
    // Stopped last, so that what the others did last is sealed as well.
    let (stop_sealer, mut sealer_stopped) = watch::channel(false);
    let mut sealing = tokio::spawn(async move {
        match sealer {
            Some(sealer) => sealer.run(sealer_stopped).await,
            None => {
                let _ = sealer_stopped.wait_for(|stop| *stop).await;
            }
        }
    });
    // Nobody else installs packages where this process alone writes.
    if !engine.store.writes_alone() {
        let (engine, stopped) = (engine.clone(), stopped.clone());
        tokio::spawn(async move { engine.watch_packages(PACKAGES_EVERY, stopped).await });
    }
    let state = AppState::new(engine.clone(), node);
    let mut door = tokio::spawn(http::serve(listener, state, stopped));
    say(
        as_json,
        json!({"listening": format!("http://{address}")}),
        &format!("listening on http://{address}"),
    )?;
    // Whichever ends first ends the other: reminders without a door are as bad as the reverse.
    let fault = tokio::select! {
        () = signal => None,
        reason = name_taken(engine) => Some(
            Failure::new(Exit::Unavailable, NODE_TAKEN, reason)
                .at("--node")
                .hint("give each node a name of its own; a node that stood still for longer than its lease loses its name to the next one that has it"),
        ),
        result = &mut worker => Some(internal(format!("the worker ended: {result:?}"))),
        result = &mut door => Some(internal(format!("the HTTP server ended: {result:?}"))),
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
    if timeout(SEALER_MAX, &mut sealing).await.is_err() {
        sealing.abort();
    }
    fault.map_or(Ok(()), Err)
}

fn internal(reason: String) -> Failure {
    Failure::new(Exit::Internal, "E-INTERNAL", reason)
}

/// Waits until another node has taken this one's name; returns what happened.
async fn name_taken(engine: &Engine) -> String {
    loop {
        if let Some(taken) = engine.store.health().taken {
            return taken.reason;
        }
        tokio::time::sleep(TAKEN_LOOK).await;
    }
}

/// A calendar that changed since the last start changes dates: each with its cause, now.
///
/// Nodes that start together do it together; who was slower with a project looks again.
async fn adopt_calendar(engine: &Engine, stop: &watch::Receiver<bool>) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match engine.adopt_calendar_until(stop).await {
            Ok(0) => return Ok(()),
            Ok(adopted) => {
                tracing::info!(projects = adopted, "calendar adopted");
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Conflict && tries < ADOPTIONS => {}
            // The dates wait with everything else.
            Err(error) if error.kind() == ErrorKind::Full => {
                tracing::error!(error.code = error.code(), %error, "calendar not adopted, restart when there is room");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes a token for everything at the first start, shows it once and keeps only its hash.
///
/// It is shown before it is kept: killed in between, the next start makes another one, instead
/// of keeping one that nobody has seen. Nodes that start together on an empty database may each
/// make one; each is shown by its node, and each is good.
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
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new("info,plugin=off"));
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
