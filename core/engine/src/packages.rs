//! Province packages that are installed: kept in the store, by digest, for as long as a project may need
//! them.
//!
//! A package is a document, its component another. Which package new projects of a province go by is said
//! by acts, the newest of which counts: documents too, so that the epochs seal who did it, when and why.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use liucheng_model::{definition::Source, verdict::PackagePin};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::timeout};

use crate::{
    Engine,
    commands::Actor,
    error::CommandError,
    library::{Entry, Sources},
    ports::{Document, Instant, RuleFault, Store},
    record::{digest, digest_of_bytes},
};

/// The kind under which packages are kept.
pub(crate) const PACKAGE: &str = "package";
/// The kind under which components are kept; the digest is that of their bytes.
pub(crate) const COMPONENT: &str = "component";
/// The kind under which acts on packages are kept.
pub(crate) const ACT: &str = "package-act";

/// A package as it comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFiles {
    /// The text of `plugin.toml`.
    pub manifest: String,
    /// The text of the overlay.
    pub overlay: Option<String>,
    /// The bytes of the component.
    pub component: Vec<u8>,
    /// The public key that signed it, lower-case hex; `None` for one that nobody signed.
    pub signed_by: Option<String>,
}

/// A package as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPackage {
    /// Which package it is.
    pub pin: PackagePin,
    /// The text of `plugin.toml`.
    pub manifest: String,
    /// The text of the overlay.
    pub overlay: Option<String>,
    /// The public key that signed it.
    pub signed_by: Option<String>,
}

impl StoredPackage {
    /// The digest of the document that it is kept as: two contents under one version differ in it.
    ///
    /// # Errors
    /// When it has no JSON form; none of its types can cause that.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        Ok(digest(&serde_json::to_string(self)?))
    }

    /// Whether both say the same, whoever signed them.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        let content = |package: &Self| {
            (
                package.pin.clone(),
                package.manifest.clone(),
                package.overlay.clone(),
            )
        };
        content(self) == content(other)
    }
}

/// What was done with a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageAct {
    /// The province.
    pub province: String,
    /// The package that new projects go by, as its document's digest; `None` when they go by none.
    pub package: Option<String>,
    /// Which package that is.
    pub pin: Option<PackagePin>,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The package that was put back because the store had lost something of it; what new projects go by is
    /// as it was before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<PackagePin>,
}

/// A package that was checked and compiled, and changes nothing yet.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What new projects would go by.
    pub entry: Arc<Entry>,
    /// What will be kept.
    pub stored: StoredPackage,
    pub(crate) component: Vec<u8>,
}

impl Engine {
    /// Checks a package, compiles it and lays its overlay over the definition; nothing is kept.
    ///
    /// # Errors
    /// [`CommandError`] with one coded reason.
    pub async fn examine_package(&self, files: PackageFiles) -> Result<Candidate, CommandError> {
        let PackageFiles {
            manifest,
            overlay,
            component,
            signed_by,
        } = files;
        let pin = self
            .rules
            .learn(manifest.clone(), component.clone())
            .await?;
        let stored = StoredPackage {
            pin,
            manifest,
            overlay,
            signed_by,
        };
        let entry = Arc::new(self.entry_of(&stored)?);
        Ok(Candidate {
            entry,
            stored,
            component,
        })
    }

    /// Whether new projects of its province go by exactly this package already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_current(&self, candidate: &Candidate) -> Result<bool, CommandError> {
        let stored = &candidate.stored;
        let document = Some(stored.digest()?);
        let acts = self.package_acts().await?;
        if let Some(newest) = acts.iter().find(|act| act.province == stored.pin.id) {
            return Ok(newest.package == document);
        }
        // Nobody has done anything with it: it is as the program brings it.
        let current = self.library.entry(&stored.pin.id).ok();
        Ok(current.is_some_and(|entry| entry.document == document))
    }

    /// Keeps a package and lets new projects of its province go by it.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn install_package(
        &self,
        actor: &Actor,
        candidate: Candidate,
        reason: &str,
    ) -> Result<PackagePin, CommandError> {
        let Candidate {
            entry,
            stored,
            component,
        } = candidate;
        let document = keep(&*self.store, &stored, &component).await?;
        keep_definition(&*self.store, &entry).await?;
        let pin = stored.pin;
        let act = PackageAct {
            province: pin.id.clone(),
            package: Some(document),
            pin: Some(pin.clone()),
            at: self.clock.now(),
            actor: actor.name.clone(),
            reason: reason.to_owned(),
            restored: None,
        };
        put_act(&*self.store, &act).await?;
        self.library.set(&pin.id, Some(entry));
        Ok(pin)
    }

    /// Lets no new project go by a province's package; those that do keep it.
    ///
    /// # Errors
    /// [`CommandError::ProvinceUnknown`], or the store cannot write.
    pub async fn remove_package(
        &self,
        actor: &Actor,
        province: &str,
        reason: &str,
    ) -> Result<(), CommandError> {
        // One that cannot be loaded is one that can be removed.
        if let Err(unknown) = self.library.entry(province) {
            let acts = self.package_acts().await?;
            let newest = acts.iter().find(|act| act.province == province);
            if newest.is_none_or(|act| act.package.is_none()) {
                return Err(unknown);
            }
        }
        let act = PackageAct {
            province: province.to_owned(),
            package: None,
            pin: None,
            at: self.clock.now(),
            actor: actor.name.clone(),
            reason: reason.to_owned(),
            restored: None,
        };
        put_act(&*self.store, &act).await?;
        self.library.set(province, None);
        Ok(())
    }

    /// What was done with packages, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read, or an act does not read back.
    pub async fn package_acts(&self) -> Result<Vec<PackageAct>, CommandError> {
        let acts = self.store.documents(ACT).await?;
        let acts = acts.iter().map(|act| serde_json::from_slice(&act.bytes));
        acts.collect::<Result<_, _>>().map_err(CommandError::from)
    }

    /// All packages that are kept, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read, or a package does not read back.
    pub async fn stored_packages(&self) -> Result<Vec<StoredPackage>, CommandError> {
        let packages = self.store.documents(PACKAGE).await?;
        let packages = packages.iter().map(|p| serde_json::from_slice(&p.bytes));
        packages
            .collect::<Result<_, _>>()
            .map_err(CommandError::from)
    }

    /// Brings what new projects go by up to what was last done with packages, here or on another node.
    ///
    /// A package that cannot be loaded any more leaves its province as it was, and the log says so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn refresh_packages(&self) -> Result<(), CommandError> {
        let mut seen = BTreeSet::new();
        for act in self.package_acts().await? {
            if !seen.insert(act.province.clone()) {
                continue;
            }
            let current = self.library.entry(&act.province).ok();
            let current = current.and_then(|entry| entry.document.clone());
            // Not the version alone: the program's own package may have another content under the same one.
            if current == act.package {
                continue;
            }
            let Some(document) = act.package else {
                self.library.set(&act.province, None);
                continue;
            };
            match self.load_package(&document).await {
                Ok(entry) => self.library.set(&act.province, Some(Arc::new(entry))),
                Err(error) => {
                    tracing::error!(plugin.id = %act.province, error.code = error.code(), error = %error, "an installed package cannot be loaded");
                }
            }
        }
        Ok(())
    }

    /// Looks for what another node has done with packages, again and again until `stop` is true.
    pub async fn watch_packages(&self, every: Duration, mut stop: watch::Receiver<bool>) {
        loop {
            // An error means that nobody is left who could ask for a stop.
            if timeout(every, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
            if let Err(error) = self.refresh_packages().await {
                tracing::warn!(error.code = error.code(), error = %error, "what other nodes have done with packages is not known; it is looked for again");
            }
        }
    }

    async fn load_package(&self, document: &str) -> Result<Entry, CommandError> {
        let found = self.store.document(PACKAGE, document).await?;
        let found = found.ok_or_else(|| {
            CommandError::Library(format!("the package {document} is not in the store"))
        })?;
        let stored: StoredPackage = serde_json::from_slice(&found.bytes)?;
        self.learn(&stored).await?;
        self.entry_of(&stored)
    }

    /// Makes sure that exactly this package can be asked, from what is kept if need be.
    ///
    /// # Errors
    /// `E-PLUGIN-MISSING` when it is not there: a project is never decided without its component.
    pub(crate) async fn need_package(&self, pin: &PackagePin) -> Result<(), CommandError> {
        if self.rules.knows(pin) {
            return Ok(self.rules.prepare(pin).await?);
        }
        let mut packages = self.stored_packages().await?.into_iter();
        match packages.find(|stored| stored.pin == *pin) {
            Some(stored) => self.learn(&stored).await,
            None => Err(missing(pin).into()),
        }
    }

    async fn learn(&self, stored: &StoredPackage) -> Result<(), CommandError> {
        let pin = &stored.pin;
        if self.rules.knows(pin) {
            return Ok(());
        }
        let component = self.store.document(COMPONENT, &pin.component).await?;
        let component = component.ok_or_else(|| missing(pin))?;
        if digest_of_bytes(&component.bytes) != pin.component {
            return Err(damaged(pin).into());
        }
        let manifest = stored.manifest.clone();
        self.rules.learn(manifest, component.bytes).await?;
        Ok(())
    }

    /// What projects of a package go by: its overlay, laid over this release's definition.
    fn entry_of(&self, stored: &StoredPackage) -> Result<Entry, CommandError> {
        let national = self.library.entry("")?;
        let sources = Sources {
            base: national.sources.base.clone(),
            overlay: stored.overlay.clone(),
        };
        let name = format!("{}/overlay.toml", stored.pin.id);
        let definition = match &stored.overlay {
            Some(text) => {
                let overlay = Source { name: &name, text };
                let laid = national.definition.with_overlay(overlay);
                Arc::new(laid.map_err(CommandError::Sources)?)
            }
            None => Arc::clone(&national.definition),
        };
        Ok(Entry {
            definition,
            sources,
            package: Some(stored.pin.clone()),
            document: Some(stored.digest()?),
        })
    }
}

/// Keeps a package with its component; returns the document's digest.
///
/// # Errors
/// When the store cannot write.
pub async fn keep(
    store: &dyn Store,
    stored: &StoredPackage,
    component: &[u8],
) -> Result<String, CommandError> {
    let pin = &stored.pin;
    // The component is written first, so that a package that is there has one.
    if !store.holds_document(COMPONENT, &pin.component).await? {
        put_component(store, stored, component).await?;
    }
    let package = stored.digest()?;
    if store.holds_document(PACKAGE, &package).await? {
        return Ok(package);
    }
    // Projects pin the digests of component and definition, so that each keeps the content it goes by.
    for kept in store.documents(PACKAGE).await? {
        if (&kept.id, &kept.version) != (&pin.id, &pin.version) {
            continue;
        }
        let kept: StoredPackage = serde_json::from_slice(&kept.bytes)?;
        if kept.has_content_of(stored) {
            break;
        }
        tracing::warn!(plugin.id = %pin.id, plugin.version = %pin.version, "the package has another content than before under the same version; projects go by it when they enter a stage");
        break;
    }
    put_package(store, stored).await
}

pub(crate) async fn put_component(
    store: &dyn Store,
    stored: &StoredPackage,
    component: &[u8],
) -> Result<(), CommandError> {
    let pin = &stored.pin;
    let document = Document {
        kind: COMPONENT.to_owned(),
        digest: pin.component.clone(),
        id: pin.id.clone(),
        version: pin.version.clone(),
        bytes: component.to_vec(),
    };
    Ok(store.put_document(document).await?)
}

/// Returns the document's digest.
pub(crate) async fn put_package(
    store: &dyn Store,
    stored: &StoredPackage,
) -> Result<String, CommandError> {
    let pin = &stored.pin;
    let text = serde_json::to_string(stored)?;
    let package = digest(&text);
    let document = Document {
        kind: PACKAGE.to_owned(),
        digest: package.clone(),
        id: pin.id.clone(),
        version: pin.version.clone(),
        bytes: text.into_bytes(),
    };
    store.put_document(document).await?;
    Ok(package)
}

/// Keeps the sources of a definition, so that projects outlive an upgrade.
///
/// # Errors
/// When the store cannot write.
pub(crate) async fn keep_definition(store: &dyn Store, entry: &Entry) -> Result<(), CommandError> {
    let (kind, digest) = (crate::library::DEFINITION, &entry.definition.digest);
    if store.holds_document(kind, digest).await? {
        return Ok(());
    }
    let document = Document {
        kind: kind.to_owned(),
        digest: digest.clone(),
        id: entry.definition.doc.id.clone(),
        version: entry.definition.doc.version.clone(),
        bytes: serde_json::to_vec(&entry.sources)?,
    };
    Ok(store.put_document(document).await?)
}

pub(crate) async fn put_act(store: &dyn Store, act: &PackageAct) -> Result<(), CommandError> {
    let text = serde_json::to_string(act)?;
    let document = Document {
        kind: ACT.to_owned(),
        digest: digest(&text),
        id: act.province.clone(),
        version: act
            .pin
            .as_ref()
            .map(|p| p.version.clone())
            .unwrap_or_default(),
        bytes: text.into_bytes(),
    };
    Ok(store.put_document(document).await?)
}

fn damaged(pin: &PackagePin) -> RuleFault {
    RuleFault {
        code: "E-PLUGIN-DIGEST",
        package: pin.id.clone(),
        reason: format!(
            "the component that is kept for version {} is not the one of that digest",
            pin.version
        ),
        hint: RuleFault::hint_for_users(RuleFault::MISSING_REMEDY),
    }
}

fn missing(pin: &PackagePin) -> RuleFault {
    let component: String = pin.component.chars().take(12).collect();
    RuleFault {
        code: "E-PLUGIN-MISSING",
        package: pin.id.clone(),
        reason: format!(
            "version {} with component {component} is not installed",
            pin.version
        ),
        hint: RuleFault::hint_for_users(RuleFault::MISSING_REMEDY),
    }
}
