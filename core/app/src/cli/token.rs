//! `liucheng token`.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use liucheng_engine::{CommandError, Engine, commands::SYSTEM, ports::TokenRow, record::digest};
use liucheng_model::definition::hex;
use serde_json::json;

use super::Global;
use crate::{
    compose,
    http::METRICS_ROLE,
    output::{Exit, Failure, document, line},
};

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Every role.
const ALL: &str = "*";

/// Commands on access tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make an access token and show it once. The server has to be stopped.
    Create(CreateArgs),
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
}

/// Runs a command on tokens.
pub async fn run(global: &Global, command: TokenCommand) -> Result<Exit, Failure> {
    let TokenCommand::Create(args) = command;
    let name = args.name.trim();
    check_name(name)?;
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
    keep(&engine, &token, name, &roles).await?;
    Ok(Exit::Ok)
}

fn check_name(name: &str) -> Result<(), Failure> {
    let refused = |message: &str| {
        Failure::new(Exit::Usage, "E-TEXT", message)
            .at("--name")
            .hint("give the name that the history is to show, such as --name \"Li Min\"")
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
    for province in national.chain(engine.library.provinces()) {
        let definition = &engine.library.entry(province)?.definition;
        known.extend(definition.doc.roles.keys().cloned());
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

/// Keeps the hash of a token.
pub async fn keep(engine: &Engine, token: &str, actor: &str, roles: &str) -> Result<(), Failure> {
    let row = TokenRow {
        hash: digest(token),
        actor: actor.to_owned(),
        roles: roles.to_owned(),
        at: engine.clock.now(),
    };
    let kept = engine.store.put_token(row).await;
    kept.map_err(|error| CommandError::from(error).into())
}
