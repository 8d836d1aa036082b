//! Installing packages.

use std::path::{Path, PathBuf};

use clap::Args;
use liucheng_engine::{
    Engine,
    commands::Actor,
    packages::{PackageFiles, StoredPackage},
    preview::ProjectChange,
};
use liucheng_model::verdict::PackagePin;
use liucheng_plugin_host::Manifest;
use serde_json::{Value as Json, json};

use super::{Global, cache, changes};
use crate::{
    builtin::{self, BuiltinPackage},
    compose,
    output::{Exit, Failure, counted, document, line, paragraph},
    package::{
        Package,
        examine::{Examined, examine},
        signature::{self, SignedBy, Trust},
    },
    progress::Spinner,
};

/// Who acts on packages, and why.
#[derive(Debug, Args)]
pub struct ActArgs {
    #[command(flatten)]
    by: ByArgs,
    /// Why; kept with what was done. May be left out.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
}

impl ActArgs {
    /// The actor, with all roles.
    pub fn actor(&self) -> Actor {
        self.by.actor()
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Who acts on packages.
#[derive(Debug, Args)]
pub struct ByArgs {
    /// The name kept with what was done.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    acting_as: String,
}

impl ByArgs {
    /// The actor, with all roles.
    pub fn actor(&self) -> Actor {
        Actor {
            name: self.acting_as.clone(),
            roles: ["*".to_owned()].into(),
        }
    }
}

/// What to install.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// The package: a folder with plugin.toml, a tar file, or the id of a package that is built in, which
    /// comes from this program itself and needs no signature.
    #[arg(value_name = "PATH|ID", default_value = ".")]
    package: PathBuf,
    /// Say what would change, and change nothing. Reads beside a running server.
    #[arg(long)]
    dry_run: bool,
    /// Install although open projects cannot go by this version; they keep theirs.
    #[arg(long)]
    keep_refused: bool,
    #[command(flatten)]
    act: ActArgs,
}

/// A package that nothing stands against as far as it can be told without open projects.
struct Incoming {
    files: PackageFiles,
    /// The manifest, read.
    manifest: Manifest,
    origin: Origin,
}

impl Incoming {
    /// What the component imports, as `plugin check` says it; the manifest may allow more.
    fn imports(&self) -> Vec<String> {
        let mut imports = match &self.origin {
            Origin::BuiltIn => self.manifest.imports.clone(),
            Origin::Given(_, examined, _) => examined.info.imports.clone(),
        };
        imports.sort();
        imports
    }
}

/// Where a package comes from.
enum Origin {
    /// This program.
    BuiltIn,
    /// A folder or an archive: where, what was found out about it, and who signed it.
    Given(String, Box<Examined>, SignedBy),
}

/// Installs a package: everything that speaks against it is found before anything changes.
pub async fn install(global: &Global, args: InstallArgs) -> Result<Exit, Failure> {
    let place = global.place();
    // Looking makes nothing, and needs no lock.
    let looking = match args.dry_run {
        true => Some(compose::open_for_reading(&place).await?),
        false => None,
    };
    let incoming = match built_in(&args.package) {
        Some(package) => of_program(package)?,
        None => given(global, &args.package)?,
    };
    let engine = match looking {
        Some(engine) => engine,
        None => compose::begin(&place).await?,
    };
    is_new(&engine, &incoming).await?;
    let (id, version) = (&incoming.manifest.id, &incoming.manifest.version);
    let before = engine.library.entry(id).ok();
    let before = before.and_then(|entry| entry.package.clone());
    let (candidate, changes) = {
        let _spinner = Spinner::new(global.json, "asking what would change for open projects");
        let candidate = engine.examine_package(incoming.files.clone()).await?;
        let changes = engine.preview_upgrades(&candidate.entry).await?;
        (candidate, changes)
    };
    let hooks = engine.rules.hooks(&candidate.stored.pin);
    let hooks = hooks.unwrap_or_default();
    let found = Found {
        incoming: &incoming,
        pin: candidate.stored.pin.clone(),
        hooks: hooks.iter().map(|hook| hook.name()).collect(),
        before,
        changes: &changes,
    };
    let is_current = engine.is_current(&candidate).await?;
    let refused = changes.iter().filter(|change| change.refused.is_some());
    let refused = refused.count();
    // What the store has lost of it comes back first, whatever new projects go by.
    let lost = engine.lost_parts(&candidate).await?;
    let is_new = !is_current && lost.is_empty();
    let goes_on = !args.dry_run && is_new && (refused == 0 || args.keep_refused);
    if !lost.is_empty() && !args.dry_run {
        engine
            .restore_package(&args.act.actor(), candidate, args.act.reason())
            .await?;
    } else if goes_on {
        engine
            .install_package(&args.act.actor(), candidate, args.act.reason())
            .await?;
    }
    engine.store.close().await;
    if global.json {
        let mut answer = found.json()?;
        answer["installed"] = goes_on.into();
        answer["unchanged"] = (is_current && lost.is_empty()).into();
        answer["lost"] = lost.clone().into();
        answer["restored"] = (!lost.is_empty() && !args.dry_run).into();
        document(&answer)?;
    } else {
        found.show()?;
        let text = match lost.is_empty() {
            true => told(goes_on, is_current, args.dry_run).to_owned(),
            false => restored(&lost, is_current, args.dry_run),
        };
        paragraph(&text, ("", "  "))?;
    }
    if refused > 0 && !goes_on && is_new {
        let message = format!(
            "{} cannot go by {id} {version}",
            counted(refused as u64, "open project", "open projects"),
        );
        return Err(Failure::new(Exit::Rejected, "E-PLUGIN-DRY-RUN", message)
            .at(id.clone())
            .hint("correct the package; with --keep-refused those projects keep their version"));
    }
    Ok(Exit::Ok)
}

fn told(goes_on: bool, is_current: bool, is_dry: bool) -> &'static str {
    match (goes_on, is_current) {
        (true, _) => {
            "installed: new projects go by it, others when they enter a stage or with `plugin upgrade`"
        }
        (false, true) => {
            "exactly this is installed already, new projects go by it: nothing was changed"
        }
        (false, false) if is_dry => "nothing was changed",
        (false, false) => "nothing was installed",
    }
}

/// What is said where the store has lost something of a package that was installed before.
fn restored(lost: &[&str], is_current: bool, is_dry: bool) -> String {
    let lost = lost.join(" and ");
    if is_dry {
        return format!("{lost}: missing or damaged in the store; an install restores it");
    }
    let then = match is_current {
        true => "new projects go by it as before",
        false => {
            "what new projects go by is as before; install it once more to let them go by this one"
        }
    };
    format!("restored: {lost}, which the store had lost or damaged; {then}")
}

/// The built-in package of that id, unless a file or folder has the name.
fn built_in(path: &Path) -> Option<&'static BuiltinPackage> {
    let name = path.to_str().filter(|_| !path.exists())?;
    builtin::PACKAGES.iter().find(|package| package.id == name)
}

/// What the program carries was built and tested with it, and whoever runs the program trusts it.
fn of_program(package: &BuiltinPackage) -> Result<Incoming, Failure> {
    Ok(Incoming {
        files: PackageFiles {
            manifest: package.manifest.to_owned(),
            overlay: Some(package.overlay.to_owned()),
            component: package.component.to_vec(),
            signed_by: None,
        },
        manifest: Manifest::parse(package.manifest).map_err(compose::plugin_failure)?,
        origin: Origin::BuiltIn,
    })
}

fn given(global: &Global, path: &Path) -> Result<Incoming, Failure> {
    let package = Package::read(path).map_err(|failure| match path.exists() {
        true => failure,
        false => {
            let known: Vec<&str> = builtin::PACKAGES.iter().map(|p| p.id).collect();
            let hint = format!(
                "{}, or the id of a built-in one: {}",
                failure.hint,
                known.join(", ")
            );
            failure.at("PATH|ID").hint(hint)
        }
    })?;
    let signed = signature::verify(&package, &Trust::configured(&global.data_dir())?)?;
    let examined = {
        let spinner = Spinner::new(global.json, "");
        let examined = examine(&package, cache(global), &|doing| spinner.say(doing));
        examined.map_err(|failure| failure.within(&package.place))?
    };
    if let Some(problem) = examined.first_problem() {
        return Err(problem.within(&package.place));
    }
    Ok(Incoming {
        files: PackageFiles {
            manifest: package.manifest_text,
            overlay: package.overlay.map(|file| file.text),
            component: package.component,
            signed_by: signed.key().map(str::to_owned),
        },
        manifest: package.manifest,
        origin: Origin::Given(package.place, Box::new(examined), signed),
    })
}

/// A version says one thing for all time: projects and their history name it.
async fn is_new(engine: &Engine, incoming: &Incoming) -> Result<(), Failure> {
    let (manifest, files) = (&incoming.manifest, &incoming.files);
    let stored = engine.stored_packages().await?;
    let same_version =
        |kept: &&StoredPackage| kept.pin.id == manifest.id && kept.pin.version == manifest.version;
    let same_content = |kept: &StoredPackage| {
        kept.pin.component == manifest.sha256
            && kept.overlay == files.overlay
            && kept.manifest == files.manifest
    };
    // A release of this program may have brought another content under the same version.
    let same_version: Vec<&StoredPackage> = stored.iter().filter(same_version).collect();
    if same_version.is_empty() || same_version.iter().any(|kept| same_content(kept)) {
        return Ok(());
    }
    let message = format!(
        "{} {} was installed before with another content",
        manifest.id, manifest.version
    );
    let (place, hint) = match &incoming.origin {
        Origin::Given(place, ..) => (
            place.clone(),
            "raise the version in plugin.toml and in the component, and build it again; `liucheng plugin show` lists \
             the versions that are kept",
        ),
        Origin::BuiltIn => (
            manifest.id.clone(),
            "a package of that version was installed from elsewhere and stays as it is: install a newer one",
        ),
    };
    Err(
        Failure::new(Exit::Rejected, "E-PLUGIN-VERSION-TAKEN", message)
            .at(place)
            .hint(hint),
    )
}

/// What was found out before anything was installed.
struct Found<'a> {
    incoming: &'a Incoming,
    pin: PackagePin,
    hooks: Vec<&'static str>,
    before: Option<PackagePin>,
    changes: &'a [ProjectChange],
}

impl Found<'_> {
    fn json(&self) -> Result<Json, Failure> {
        let changes =
            serde_json::to_value(self.changes).map_err(liucheng_engine::CommandError::from)?;
        let (is_trusted, cases) = match &self.incoming.origin {
            Origin::BuiltIn => (true, None),
            Origin::Given(_, examined, signed) => (
                matches!(signed, SignedBy::Trusted(_)),
                Some(examined.cases.len()),
            ),
        };
        Ok(json!({
            "package": self.pin.id,
            "version": self.pin.version,
            "component": self.pin.component,
            "built_in": matches!(self.incoming.origin, Origin::BuiltIn),
            "replaces": self.before,
            "signed_by": self.incoming.files.signed_by,
            "trusted": is_trusted,
            "imports": self.incoming.imports(),
            "hooks": self.hooks,
            "cases": cases,
            "changes": changes,
        }))
    }

    fn show(&self) -> Result<(), Failure> {
        let replaces = match &self.before {
            None => "nothing: new projects go by no package of that id".to_owned(),
            Some(pin) => format!(
                "version {} with component {}",
                pin.version,
                short(&pin.component)
            ),
        };
        let imports = self.incoming.imports();
        let imports = match imports.is_empty() {
            true => "nothing".to_owned(),
            false => imports.join(", "),
        };
        let (cases, signature) = match &self.incoming.origin {
            Origin::BuiltIn => (
                "passed when this program was built".to_owned(),
                "built in: part of this program, none is needed".to_owned(),
            ),
            Origin::Given(_, examined, signed) => (cases(examined), signed.words()),
        };
        line(format!("{} {}", self.pin.id, self.pin.version))?;
        for (what, text) in [
            ("component", self.pin.component.clone()),
            ("replaces", replaces),
            ("imports", imports),
            ("cases", cases),
            ("signature", signature),
        ] {
            let head = format!("  {what:9}  ");
            paragraph(&text, (&head, "             "))?;
        }
        changes::show(self.changes)
    }
}

fn cases(examined: &Examined) -> String {
    let most = examined.largest().map_or_else(String::new, |case| {
        format!(
            ", at most {:.2} % of the instructions of a call",
            case.fuel_percent
        )
    });
    format!("{} passed{most}", examined.cases.len())
}

/// A digest as far as people read it.
pub fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
