//! Putting back what a store has lost of a package that was installed before.

use liucheng_model::verdict::PackagePin;

use crate::{
    Engine,
    commands::Actor,
    error::CommandError,
    packages::{
        COMPONENT, Candidate, PACKAGE, PackageAct, StoredPackage, keep_definition, put_act,
        put_component, put_package,
    },
    ports::Store,
    record::digest_of_bytes,
};

impl Engine {
    /// Which documents of a package are missing or damaged, by their kind: `component`, `package`. None of one
    /// that was never here: it has to be installed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lost_parts(
        &self,
        candidate: &Candidate,
    ) -> Result<Vec<&'static str>, CommandError> {
        let stored = &candidate.stored;
        let document = Some(stored.digest()?);
        let current = self.library.entry(&stored.pin.id);
        let is_known = current.is_ok_and(|entry| entry.document == document)
            || self
                .package_acts()
                .await?
                .iter()
                .any(|act| act.package == document)
            || self.stored_packages().await?.contains(stored);
        match is_known {
            true => lost_parts(&*self.store, stored).await,
            false => Ok(Vec::new()),
        }
    }

    /// Puts back what is missing or damaged of a package; what new projects go by stays as it is.
    ///
    /// # Errors
    /// As [`lost_parts`](Self::lost_parts), or the store cannot write.
    pub async fn restore_package(
        &self,
        actor: &Actor,
        candidate: Candidate,
        reason: &str,
    ) -> Result<Vec<&'static str>, CommandError> {
        let lost = self.lost_parts(&candidate).await?;
        if lost.is_empty() {
            return Ok(lost);
        }
        let (store, stored) = (&*self.store, &candidate.stored);
        // The component is written first, so that a package that is there has one.
        put_component(store, stored, &candidate.component).await?;
        let document = put_package(store, stored).await?;
        keep_definition(store, &candidate.entry).await?;
        let acts = self.package_acts().await?;
        let newest = acts.into_iter().find(|act| act.province == stored.pin.id);
        // Without an act new projects go by what the program brings along, and that is to stay so.
        if let Some(newest) = newest {
            let is_current = newest.package.as_ref() == Some(&document);
            let act = PackageAct {
                at: self.clock.now(),
                actor: actor.name.clone(),
                reason: reason.to_owned(),
                restored: Some(stored.pin.clone()),
                ..newest
            };
            put_act(store, &act).await?;
            if is_current {
                self.library.set(&stored.pin.id, Some(candidate.entry));
            }
        }
        Ok(lost)
    }

    /// Packages that new projects should go by, and that cannot be loaded: they go by what they did before, or
    /// by none. With each the act that says so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn unavailable_packages(
        &self,
    ) -> Result<Vec<(PackagePin, PackageAct)>, CommandError> {
        let mut seen = std::collections::BTreeSet::new();
        let mut found = Vec::new();
        for act in self.package_acts().await? {
            let Some(pin) = act.pin.clone().filter(|_| act.package.is_some()) else {
                seen.insert(act.province);
                continue;
            };
            let current = self.library.entry(&act.province);
            let is_loaded = current.is_ok_and(|entry| entry.document == act.package);
            if seen.insert(act.province.clone()) && !is_loaded {
                found.push((pin, act));
            }
        }
        Ok(found)
    }
}

/// Which documents of a package are missing or damaged, by their kind.
pub(crate) async fn lost_parts(
    store: &dyn Store,
    stored: &StoredPackage,
) -> Result<Vec<&'static str>, CommandError> {
    let document = stored.digest()?;
    let mut lost = Vec::new();
    for (kind, digest) in [(COMPONENT, &stored.pin.component), (PACKAGE, &document)] {
        if state_of(store, kind, digest).await? != State::Sound {
            lost.push(kind);
        }
    }
    Ok(lost)
}

/// How a document is that has the digest of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is not there.
    Missing,
    /// Its bytes are others than its digest says.
    Damaged,
    /// As it was kept.
    Sound,
}

pub(crate) async fn state_of(
    store: &dyn Store,
    kind: &str,
    digest: &str,
) -> Result<State, CommandError> {
    Ok(match store.document(kind, digest).await? {
        None => State::Missing,
        Some(found) if digest_of_bytes(&found.bytes) != digest => State::Damaged,
        Some(_) => State::Sound,
    })
}
