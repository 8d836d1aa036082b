//! Installing packages.

use clap::Args;
use liucheng_engine::{
    Engine,
    commands::Actor,
    packages::{PackageFiles, StoredPackage},
    upgrade::ProjectChange,
};
use liucheng_model::verdict::PackagePin;
use serde_json::{Value as Json, json};

use super::{Global, PackageArgs};
use crate::{
    compose::{self, CACHE},
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
        let told = match (goes_on, args.dry_run) {
            (true, _) => {
                "installed: new projects go by it, others when they enter a stage or with `plugin upgrade`"
            }
            (false, true) => "nothing was changed",
            (false, false) => "nothing was installed",
        };
        paragraph(told, ("", "  "))?;
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
    let same_version =
        |kept: &&StoredPackage| kept.pin.id == manifest.id && kept.pin.version == manifest.version;
    let same_content = |kept: &StoredPackage| {
        kept.pin.component == manifest.sha256
            && kept.overlay.as_ref() == overlay
            && kept.manifest == package.manifest_text
    };
    // A release of this program may have brought another content under the same version.
    let same_version: Vec<&StoredPackage> = stored.iter().filter(same_version).collect();
    match same_version.first() {
        Some(_) if !same_version.iter().any(|kept| same_content(kept)) => {
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
    if changes.is_empty() {
        return line("no open project goes by another version");
    }
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

/// A digest as far as people read it.
pub fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
