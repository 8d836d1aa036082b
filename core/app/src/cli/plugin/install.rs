//! Installing packages, and looking at what is installed.

use std::collections::BTreeMap;

use clap::Args;
use liucheng_engine::{
    Engine,
    commands::Actor,
    packages::{PackageAct, PackageFiles, StoredPackage},
    upgrade::ProjectChange,
};
use liucheng_model::verdict::PackagePin;
use liucheng_plugin_host::Manifest;
use serde_json::{Value as Json, json};

use super::{Global, PackageArgs};
use crate::{
    builtin,
    cli::table,
    compose::{self, CACHE, DATABASE},
    output::{Exit, Failure, counted, document, line, paragraph},
    package::{
        Package,
        examine::{Examined, examine},
        signature::{self, SignedBy, Trust},
    },
    progress::Spinner,
};

/// Projects shown one by one; the others are counted.
const SHOWN: usize = 20;

/// Who acts on packages, and why.
#[derive(Debug, Args)]
pub struct ActArgs {
    /// The name kept with what was done.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    acting_as: String,
    /// Why; kept with what was done.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

impl ActArgs {
    /// The actor, with all roles.
    pub fn actor(&self) -> Actor {
        Actor {
            name: self.acting_as.clone(),
            roles: ["*".to_owned()].into(),
        }
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// What to install.
#[derive(Debug, Args)]
pub struct InstallArgs {
    #[command(flatten)]
    package: PackageArgs,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Install although open projects cannot go by this version; they keep theirs.
    #[arg(long)]
    keep_refused: bool,
    #[command(flatten)]
    act: ActArgs,
}

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

/// Installs a package: everything that speaks against it is found before anything changes.
pub async fn install(global: &Global, args: InstallArgs) -> Result<Exit, Failure> {
    let package = Package::read(&args.package.path)?;
    let place = global.place();
    let signed = signature::verify(&package, &Trust::configured(&place.dir)?)?;
    compose::make_dir(&place.dir)?;
    let examined = {
        let spinner = Spinner::new(global.json, "");
        examine(&package, Some(place.dir.join(CACHE)), &|doing| {
            spinner.say(doing);
        })?
    };
    if let Some(problem) = examined.first_problem() {
        return Err(problem);
    }
    let engine = compose::open(&place).await?;
    is_new(&engine, &package).await?;
    let (candidate, changes) = {
        let spinner = Spinner::new(global.json, "asking what would change for open projects");
        let files = PackageFiles {
            manifest: package.manifest_text.clone(),
            overlay: package.overlay.as_ref().map(|file| file.text.clone()),
            component: package.component.clone(),
            signed_by: signed.key().map(str::to_owned),
        };
        let candidate = engine.examine_package(files).await?;
        let changes = engine.preview_upgrades(&candidate.entry).await?;
        drop(spinner);
        (candidate, changes)
    };
    let before = engine.library.entry(&package.manifest.id).ok();
    let before = before.and_then(|entry| entry.package.clone());
    let refused = changes
        .iter()
        .filter(|change| change.refused.is_some())
        .count();
    let found = Found {
        examined: &examined,
        signed: &signed,
        before: before.as_ref(),
        changes: &changes,
    };
    let goes_on = !args.dry_run && (refused == 0 || args.keep_refused);
    if goes_on {
        engine
            .install_package(&args.act.actor(), candidate, args.act.reason())
            .await?;
    }
    engine.store.close().await;
    if global.json {
        let mut answer = found.json()?;
        answer["installed"] = goes_on.into();
        document(&answer)?;
    } else {
        found.show()?;
        line(match (goes_on, args.dry_run) {
            (true, _) => {
                "installed: new projects go by it, others when they enter a stage or with `plugin upgrade`"
            }
            (false, true) => "nothing was changed",
            (false, false) => "nothing was installed",
        })?;
    }
    if refused > 0 && !goes_on {
        let message = format!(
            "{} cannot go by {} {}",
            counted(refused as u64, "open project", "open projects"),
            package.manifest.id,
            package.manifest.version
        );
        return Err(Failure::new(Exit::Rejected, "E-PLUGIN-DRY-RUN", message)
            .hint("correct the package; with --keep-refused those projects keep their version"));
    }
    Ok(Exit::Ok)
}

/// A version says one thing for all time: projects and their history name it.
async fn is_new(engine: &Engine, package: &Package) -> Result<(), Failure> {
    let manifest = &package.manifest;
    let overlay = package.overlay.as_ref().map(|file| &file.text);
    let stored = engine.stored_packages().await?;
    let same_version = stored
        .iter()
        .find(|kept| kept.pin.id == manifest.id && kept.pin.version == manifest.version);
    match same_version {
        Some(kept) if kept.pin.component != manifest.sha256 || kept.overlay.as_ref() != overlay => {
            let message = format!(
                "{} {} was installed before with another content",
                manifest.id, manifest.version
            );
            Err(
                Failure::new(Exit::Rejected, "E-PLUGIN-VERSION-TAKEN", message)
                    .at(package.place.clone())
                    .hint(
                        "raise the version in plugin.toml and in the component, and build it again",
                    ),
            )
        }
        _ => Ok(()),
    }
}

/// What was found out before anything was installed.
struct Found<'a> {
    examined: &'a Examined,
    signed: &'a SignedBy,
    before: Option<&'a PackagePin>,
    changes: &'a [ProjectChange],
}

impl Found<'_> {
    fn json(&self) -> Result<Json, Failure> {
        let info = &self.examined.info;
        let changes =
            serde_json::to_value(self.changes).map_err(liucheng_engine::CommandError::from)?;
        Ok(json!({
            "package": info.id,
            "version": info.version,
            "component": info.digest,
            "replaces": self.before,
            "signed_by": self.signed.key(),
            "trusted": matches!(self.signed, SignedBy::Trusted(_)),
            "imports": info.imports,
            "hooks": info.hooks,
            "cases": self.examined.cases.len(),
            "changes": changes,
        }))
    }

    fn show(&self) -> Result<(), Failure> {
        let info = &self.examined.info;
        let replaces = match self.before {
            None => "nothing: new here".to_owned(),
            Some(pin) => format!(
                "version {} with component {}",
                pin.version,
                short(&pin.component)
            ),
        };
        let imports = match info.imports.is_empty() {
            true => "nothing".to_owned(),
            false => info.imports.join(", "),
        };
        let largest = self.examined.largest();
        let cases = largest.map_or_else(String::new, |case| {
            format!(
                ", at most {:.2} % of the instructions of a call",
                case.fuel_percent
            )
        });
        line(format!("{} {}", info.id, info.version))?;
        for (what, text) in [
            ("component", info.digest.clone()),
            ("replaces", replaces),
            ("imports", imports),
            (
                "cases",
                format!("{} passed{cases}", self.examined.cases.len()),
            ),
            ("signature", self.signed.words()),
        ] {
            let head = format!("  {what:9}  ");
            paragraph(&text, (&head, "             "))?;
        }
        show_changes(self.changes)
    }
}

/// What would change for open projects.
pub fn show_changes(changes: &[ProjectChange]) -> Result<(), Failure> {
    let visible: Vec<&ProjectChange> = changes.iter().filter(|c| c.is_visible()).collect();
    line(format!(
        "{} on another version: dates or answers change for {}",
        counted(changes.len() as u64, "open project", "open projects"),
        visible.len()
    ))?;
    for change in visible.iter().take(SHOWN) {
        show_change(change)?;
    }
    if visible.len() > SHOWN {
        line(format!(
            "  … and {} more; --json lists all",
            visible.len() - SHOWN
        ))?;
    }
    Ok(())
}

fn show_change(change: &ProjectChange) -> Result<(), Failure> {
    line(format!("  {}", change.project))?;
    let tell = |text: String| paragraph(&text, ("    ", "      "));
    if let Some(reason) = &change.refused {
        return tell(format!("cannot go by it: {reason}"));
    }
    let day =
        |day: Option<chrono::NaiveDate>| day.map_or_else(|| "–".to_owned(), |d| d.to_string());
    for date in &change.dates {
        tell(format!(
            "{}: {} → {}",
            date.obligation,
            day(date.before),
            day(date.after)
        ))?;
    }
    for verdict in &change.verdicts {
        let said = match (&verdict.before, &verdict.after) {
            (_, Err(reason)) => format!("no answer any more: {reason}"),
            (_, Ok(None)) => "not answered any more".to_owned(),
            (_, Ok(Some(answer))) => match answer.findings.first() {
                Some(finding) => {
                    format!("answers otherwise: {} {}", finding.rule, finding.message.zh)
                }
                None => "answers otherwise".to_owned(),
            },
        };
        tell(format!("{}: {said}", verdict.hook.name()))?;
    }
    if !change.facts.is_empty() {
        tell(format!("facts: {}", change.facts.join(", ")))?;
    }
    Ok(())
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
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
}

/// What is installed where there is a database, else what is built in.
async fn rows(global: &Global) -> Result<Vec<Row>, Failure> {
    let Some(engine) = reading(global).await? else {
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
            pin,
        });
    }
    engine.store.close().await;
    Ok(rows)
}

/// The engine for reading, if there is a database.
async fn reading(global: &Global) -> Result<Option<Engine>, Failure> {
    let place = global.place();
    if global.database.is_none() && !place.dir.join(DATABASE).exists() {
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
    let parts = compose::parts(compose::calendar(&[])?, None, None)?;
    let rows = parts.rules.packages().into_iter().map(|info| Row {
        pin: info.pin(),
        hooks: info.hooks.iter().map(|hook| hook.name()).collect(),
        rules: info.rules,
        imports: info.imports,
        act: None,
        signed_by: None,
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
        let what = match &act.pin {
            Some(pin) => format!("installed {} {}", pin.version, short(&pin.component)),
            None => "removed".to_owned(),
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
        line("it is built in: `plugin install` of its folder brings it back")?;
    }
    Ok(Exit::Ok)
}
