//! `liucheng token`.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use liucheng_engine::{
    CommandError, Engine,
    audit::journal::TOKEN_NAME_CHARS,
    commands::SYSTEM,
    ports::{KeptToken, Store, TokenAct, TokenChange, TokenRow},
    record::digest,
};
use liucheng_model::definition::hex;
use serde_json::json;

use super::{Global, table::fitted};
use crate::{
    compose,
    http::METRICS_ROLE,
    output::{Exit, Failure, document, line},
};

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Tokens read at a time.
const PAGE: u32 = 500;
/// Every role.
const ALL: &str = "*";

/// Commands on access tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make an access token and show it once. The server has to be stopped.
    Create(CreateArgs),
    /// List the access tokens, by what their hashes begin with.
    List,
    /// Revoke an access token: it opens nothing any more. The server of an SQLite database has to be
    /// stopped; other servers notice within ten seconds.
    Revoke(RevokeArgs),
}

/// For whom.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Who acts with it; the name is kept in the history.
    #[arg(long)]
    name: String,
    /// A role; repeat for several, all roles if absent.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    by: ByArgs,
}

/// Which token.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// What the token's hash begins with, as `token list` shows it.
    #[arg(value_name = "HASH")]
    hash: String,
    #[command(flatten)]
    by: ByArgs,
}

/// Who acts.
#[derive(Debug, Args)]
pub struct ByArgs {
    /// The name kept in the journal.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    acting_as: String,
}

/// Runs a command on tokens.
pub async fn run(global: &Global, command: TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Create(args) => create(global, &args).await,
        TokenCommand::List => list(global).await,
        TokenCommand::Revoke(args) => revoke(global, &args).await,
    }
}

async fn create(global: &Global, args: &CreateArgs) -> Result<Exit, Failure> {
    let name = args.name.trim();
    check_name(name, "--name")?;
    let by = args.by.acting_as.trim();
    check_name(by, "--as")?;
    let engine = compose::open(&global.place()).await?;
    check_roles(&engine, &args.roles)?;
    let roles: BTreeSet<&str> = args.roles.iter().map(String::as_str).collect();
    let roles = match roles.len() {
        0 => ALL.to_owned(),
        _ => roles.into_iter().collect::<Vec<_>>().join(","),
    };
    let token = fresh()?;
    // Shown before it is kept, as at the first start: nobody has a token that was never seen.
    if global.json {
        document(&json!({"token": token, "actor": name, "roles": roles}))?;
    } else {
        line(format!(
            "The access token of {name:?}, with the roles {roles}:\n\n  {token}\n\n\
             It is shown only now; nothing but its hash is kept."
        ))?;
    }
    let row = row(&engine, &token, name, &roles);
    change(&engine, by, TokenChange::Made(row)).await?;
    engine.store.close().await;
    Ok(Exit::Ok)
}

async fn list(global: &Global) -> Result<Exit, Failure> {
    let store = compose::open_read_only(&global.place()).await?;
    let mut tokens = all(&*store).await?;
    tokens.sort_by(|a, b| (a.at, &a.hash).cmp(&(b.at, &b.hash)));
    if global.json {
        let tokens: Vec<_> = tokens
            .iter()
            .map(|token| {
                json!({
                    "hash": token.hash,
                    "actor": token.actor,
                    "roles": token.roles,
                    "made_at": token.at.rfc3339(),
                    "revoked_at": token.revoked_at.map(|at| at.rfc3339()),
                })
            })
            .collect();
        return document(&json!({"tokens": tokens})).map(|()| Exit::Ok);
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            vec![
                short(&token.hash),
                token.actor.clone(),
                token.roles.clone(),
                token.at.rfc3339(),
                token.revoked_at.map_or(String::new(), |at| at.rfc3339()),
            ]
        })
        .collect();
    fitted(&["hash", "name", "roles", "made", "revoked"], &rows)
        .iter()
        .try_for_each(line)?;
    Ok(Exit::Ok)
}

async fn revoke(global: &Global, args: &RevokeArgs) -> Result<Exit, Failure> {
    let by = args.by.acting_as.trim();
    check_name(by, "--as")?;
    let engine = compose::open(&global.place()).await?;
    let wanted = args.hash.trim().to_ascii_lowercase();
    let mut found = all(&*engine.store).await?;
    found.retain(|token| !wanted.is_empty() && token.hash.starts_with(&wanted));
    let token = match found.as_slice() {
        [token] => token,
        [] => {
            return Err(Failure::new(
                Exit::NotFound,
                "E-TOKEN-UNKNOWN",
                format!("no token's hash begins with {:?}", args.hash),
            )
            .at("HASH")
            .hint("`liucheng token list` shows them"));
        }
        several => {
            return Err(Failure::new(
                Exit::Usage,
                "E-TOKEN-AMBIGUOUS",
                format!("{} tokens' hashes begin with {wanted:?}", several.len()),
            )
            .at("HASH")
            .hint("give more of the hash"));
        }
    };
    change(&engine, by, TokenChange::Revoked(token.hash.clone())).await?;
    engine.store.close().await;
    if global.json {
        document(&json!({"hash": token.hash, "actor": token.actor}))?;
    } else {
        let hash = short(&token.hash);
        line(format!("The token {hash} of {:?} is revoked.", token.actor))?;
    }
    Ok(Exit::Ok)
}

async fn all(store: &dyn Store) -> Result<Vec<KeptToken>, Failure> {
    let mut tokens: Vec<KeptToken> = Vec::new();
    loop {
        let after = tokens.last().map(|token| token.hash.clone());
        let page = store.kept_tokens(after, PAGE).await;
        let page = page.map_err(CommandError::from)?;
        if page.is_empty() {
            return Ok(tokens);
        }
        tokens.extend(page);
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(TOKEN_NAME_CHARS).collect()
}

fn check_name(name: &str, place: &str) -> Result<(), Failure> {
    let refused = |message: &str| {
        Failure::new(Exit::Usage, "E-TEXT", message)
            .at(place)
            .hint(format!(
                "give the name that the history is to show, such as {place} \"Li Min\""
            ))
    };
    if name.is_empty() {
        return Err(refused("the name is empty"));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(refused("the name is longer than 100 characters"));
    }
    if name.contains(char::is_control) {
        return Err(refused("the name has control characters"));
    }
    if name == SYSTEM {
        return Err(refused("the name \"system\" stands for timers"));
    }
    Ok(())
}

/// A role that no definition knows would open no door, and nobody would see why.
fn check_roles(engine: &Engine, roles: &[String]) -> Result<(), Failure> {
    let mut known = BTreeSet::from([ALL.to_owned(), METRICS_ROLE.to_owned()]);
    let national = std::iter::once("");
    let provinces = engine.library.provinces();
    for province in national.chain(provinces.iter().map(String::as_str)) {
        let entry = engine.library.entry(province)?;
        known.extend(entry.definition.doc.roles.keys().cloned());
    }
    match roles.iter().find(|role| !known.contains(*role)) {
        None => Ok(()),
        Some(role) => Err(Failure::new(
            Exit::Usage,
            "E-ROLE-UNKNOWN",
            format!("there is no role {role:?}"),
        )
        .at("--role")
        .hint(format!(
            "roles: {}",
            known.into_iter().collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// A new token.
pub fn fresh() -> Result<String, Failure> {
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            "E-RANDOM",
            format!("no random numbers: {error}"),
        )
    })?;
    Ok(format!("lc_{}", hex(&secret)))
}

/// Keeps the hash of a token that the program makes by itself.
pub async fn keep(engine: &Engine, token: &str, actor: &str, roles: &str) -> Result<(), Failure> {
    let row = row(engine, token, actor, roles);
    change(engine, SYSTEM, TokenChange::Made(row)).await
}

fn row(engine: &Engine, token: &str, actor: &str, roles: &str) -> TokenRow {
    TokenRow {
        hash: digest(token),
        actor: actor.to_owned(),
        roles: roles.to_owned(),
        at: engine.clock.now(),
    }
}

async fn change(engine: &Engine, by: &str, change: TokenChange) -> Result<(), Failure> {
    let act = TokenAct {
        by: by.to_owned(),
        at: engine.clock.now(),
        change,
    };
    let changed = engine.store.change_token(act).await;
    changed.map_err(|error| CommandError::from(error).into())
}
