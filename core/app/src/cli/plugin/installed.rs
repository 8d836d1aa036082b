//! What is installed: looking at it, and taking it away.

use std::collections::BTreeMap;

use clap::Args;
use liucheng_engine::{
    Engine,
    packages::{PackageAct, StoredPackage},
};
use liucheng_model::verdict::PackagePin;
use liucheng_plugin_host::Manifest;
use serde_json::{Value as Json, json};

use super::{
    Global,
    install::{ActArgs, short},
};
use crate::{
    builtin,
    cli::table,
    compose,
    output::{Exit, Failure, document, line, paragraph},
};

/// Which package.
#[derive(Debug, Args)]
pub struct IdArgs {
    /// The package's id.
    id: String,
}

/// Which package to remove.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The package's id.
    id: String,
    #[command(flatten)]
    act: ActArgs,
}

/// A package that new projects go by.
struct Row {
    pin: PackagePin,
    hooks: Vec<&'static str>,
    rules: Vec<String>,
    imports: Vec<String>,
    /// Who installed it; nobody where it is built in.
    act: Option<PackageAct>,
    signed_by: Option<String>,
    /// It cannot be loaded: its component is missing or damaged.
    is_lost: bool,
}

/// What is installed where there is a database, else what is built in.
async fn rows(global: &Global) -> Result<Vec<Row>, Failure> {
    let Some(engine) = reading(global).await? else {
        compose::note_absent(&global.place());
        return built_in();
    };
    let stored = engine.stored_packages().await?;
    let acts = newest(engine.package_acts().await?);
    let mut rows = Vec::new();
    for province in engine.library.provinces() {
        let entry = engine.library.entry(&province)?;
        let Some(pin) = entry.package.clone() else {
            continue;
        };
        let kept = stored.iter().find(|stored| stored.pin == pin);
        let act = acts
            .get(&province)
            .filter(|act| act.pin.as_ref() == Some(&pin));
        let hooks = engine.rules.hooks(&pin).unwrap_or_default();
        rows.push(Row {
            hooks: hooks.iter().map(|hook| hook.name()).collect(),
            rules: engine.rules.rules(&pin),
            imports: kept.map(imports).unwrap_or_default(),
            act: act.cloned(),
            signed_by: kept.and_then(|kept| kept.signed_by.clone()),
            is_lost: false,
            pin,
        });
    }
    for (pin, act) in engine.unavailable_packages().await? {
        let kept = stored.iter().find(|stored| stored.pin == pin);
        rows.push(Row {
            hooks: Vec::new(),
            rules: Vec::new(),
            imports: kept.map(imports).unwrap_or_default(),
            act: Some(act),
            signed_by: kept.and_then(|kept| kept.signed_by.clone()),
            is_lost: true,
            pin,
        });
    }
    engine.store.close().await;
    Ok(rows)
}

/// The engine for reading, if there is a database.
async fn reading(global: &Global) -> Result<Option<Engine>, Failure> {
    let place = global.place();
    // A database that somebody names has to be there.
    if global.database.is_none() && !compose::is_there(&place).await? {
        return Ok(None);
    }
    compose::open_for_reading(&place).await.map(Some)
}

fn imports(stored: &StoredPackage) -> Vec<String> {
    Manifest::parse(&stored.manifest)
        .map(|m| m.imports)
        .unwrap_or_default()
}

/// The last act on each province.
fn newest(acts: Vec<PackageAct>) -> BTreeMap<String, PackageAct> {
    let mut newest = BTreeMap::new();
    for act in acts {
        newest.entry(act.province.clone()).or_insert(act);
    }
    newest
}

fn built_in() -> Result<Vec<Row>, Failure> {
    let parts = compose::loaded_parts(compose::calendar(&[])?, None)?;
    let rows = parts.rules.packages().into_iter().map(|info| Row {
        pin: info.pin(),
        hooks: info.hooks.iter().map(|hook| hook.name()).collect(),
        rules: info.rules,
        imports: info.imports,
        act: None,
        signed_by: None,
        is_lost: false,
    });
    Ok(rows.collect())
}

/// Lists what new projects go by.
pub async fn list(global: &Global) -> Result<Exit, Failure> {
    let rows = rows(global).await?;
    if global.json {
        let rows: Vec<Json> = rows.iter().map(row_json).collect();
        return document(&json!({"packages": rows})).map(|()| Exit::Ok);
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.pin.id.clone(),
                row.pin.version.clone(),
                short(&row.pin.component),
                origin(row),
                row.hooks.join(" "),
            ]
        })
        .collect();
    let head = ["package", "version", "component", "installed", "computes"];
    for text in table::fitted(&head, &cells) {
        line(text)?;
    }
    Ok(Exit::Ok)
}

fn origin(row: &Row) -> String {
    match &row.act {
        Some(_) if row.is_lost => "lost: install it again".to_owned(),
        Some(act) => act.at.date().to_string(),
        None => "built in".to_owned(),
    }
}

fn row_json(row: &Row) -> Json {
    json!({
        "id": row.pin.id,
        "version": row.pin.version,
        "component": row.pin.component,
        "hooks": row.hooks,
        "rules": row.rules,
        "imports": row.imports,
        "signed_by": row.signed_by,
        "built_in": row.act.is_none(),
        "lost": row.is_lost,
        "installed_by": row.act.as_ref().map(|act| &act.actor),
        "installed_at": row.act.as_ref().map(|act| act.at.rfc3339()),
        "reason": row.act.as_ref().map(|act| &act.reason),
    })
}

/// Shows one package, the versions that are kept, and what was done with it.
pub async fn show(global: &Global, args: &IdArgs) -> Result<Exit, Failure> {
    let rows = rows(global).await?;
    let current = rows.iter().find(|row| row.pin.id == args.id);
    let (kept, acts) = match reading(global).await? {
        None => (Vec::new(), Vec::new()),
        Some(engine) => {
            let kept = engine.stored_packages().await?;
            let acts = engine.package_acts().await?;
            engine.store.close().await;
            (kept, acts)
        }
    };
    let kept: Vec<&StoredPackage> = kept.iter().filter(|p| p.pin.id == args.id).collect();
    let acts: Vec<&PackageAct> = acts.iter().filter(|act| act.province == args.id).collect();
    if current.is_none() && kept.is_empty() {
        let known: Vec<&str> = rows.iter().map(|row| row.pin.id.as_str()).collect();
        let message = format!("there is no package {:?}", args.id);
        return Err(Failure::new(Exit::NotFound, "E-PROVINCE-UNKNOWN", message)
            .at("ID")
            .hint(format!("packages: {}", known.join(", "))));
    }
    if global.json {
        let versions: Vec<Json> = kept
            .iter()
            .map(|p| json!({"version": p.pin.version, "component": p.pin.component, "signed_by": p.signed_by}))
            .collect();
        let acts: Vec<Json> = acts.iter().map(|act| act_json(act)).collect();
        let answer = json!({"current": current.map(row_json), "kept": versions, "acts": acts});
        return document(&answer).map(|()| Exit::Ok);
    }
    match current {
        None => line(format!("{}: removed, no new project goes by it", args.id))?,
        Some(row) => {
            line(format!("{} {}", row.pin.id, row.pin.version))?;
            for (what, text) in [
                ("component", row.pin.component.clone()),
                ("computes", row.hooks.join(", ")),
                ("rules", row.rules.join(" ")),
                ("imports", row.imports.join(", ")),
                ("installed", origin(row)),
                (
                    "signed by",
                    row.signed_by.clone().unwrap_or_else(|| "nobody".to_owned()),
                ),
            ] {
                let head = format!("  {what:9}  ");
                paragraph(&text, (&head, "             "))?;
            }
        }
    }
    for stored in &kept {
        line(format!(
            "kept: {} {}",
            stored.pin.version,
            short(&stored.pin.component)
        ))?;
    }
    for act in acts {
        let what = match (&act.restored, &act.pin) {
            (Some(pin), _) => format!("restored {} {}", pin.version, short(&pin.component)),
            (None, Some(pin)) => format!("installed {} {}", pin.version, short(&pin.component)),
            (None, None) => "removed".to_owned(),
        };
        let text = format!(
            "{}  {what} by {}  {}",
            act.at.rfc3339(),
            act.actor,
            act.reason
        );
        paragraph(text.trim_end(), ("", "  "))?;
    }
    Ok(Exit::Ok)
}

fn act_json(act: &PackageAct) -> Json {
    json!({
        "at": act.at.rfc3339(),
        "actor": act.actor,
        "reason": act.reason,
        "restored": act.restored.as_ref().map(|pin| &pin.version),
        "version": act.pin.as_ref().map(|pin| &pin.version),
        "component": act.pin.as_ref().map(|pin| &pin.component),
    })
}

/// Lets no new project go by a package; the versions stay for those that do.
pub async fn remove(global: &Global, args: RemoveArgs) -> Result<Exit, Failure> {
    let engine = compose::open(&global.place()).await?;
    engine
        .remove_package(&args.act.actor(), &args.id, args.act.reason())
        .await?;
    engine.store.close().await;
    let is_built_in = builtin::PACKAGES
        .iter()
        .any(|package| package.id == args.id);
    if global.json {
        return document(&json!({"removed": args.id})).map(|()| Exit::Ok);
    }
    line(format!(
        "{}: no new project goes by it; those that do keep it",
        args.id
    ))?;
    if is_built_in {
        let text = format!(
            "it is built in: `liucheng plugin install {}` brings it back",
            args.id
        );
        paragraph(&text, ("", "  "))?;
    }
    Ok(Exit::Ok)
}
