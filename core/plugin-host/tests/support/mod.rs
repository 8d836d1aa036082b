//! Small components as text: everything of the world is there, and a test changes the part it is about.

use std::{collections::BTreeMap, sync::Arc};

use chrono::NaiveDate;
use liucheng_engine::ports::RuleCall;
use liucheng_model::{
    calendar::Calendar,
    fact::Facts,
    verdict::{Hook, PackagePin},
};
use liucheng_plugin_host::{LoadedPackage, PackageSource, PluginError, PluginHost};
use sha2::{Digest, Sha256};

mod wat;

pub use wat::*;

impl Fixture {
    /// Loads the component into a host.
    pub fn load(&self, host: &PluginHost) -> Result<Arc<LoadedPackage>, PluginError> {
        load(host, (self.id, self.listed), self.wat().as_bytes())
    }
}

/// Loads bytes as a package of that id that lists those imports.
pub fn load(
    host: &PluginHost,
    (id, listed): (&str, &str),
    bytes: &[u8],
) -> Result<Arc<LoadedPackage>, PluginError> {
    let digest: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let manifest = manifest([id, "0.1.0"], listed, &digest);
    host.load(PackageSource {
        manifest: &manifest,
        component: bytes,
    })
}

/// A question about the cap, without facts.
pub fn question(package: PackagePin) -> RuleCall {
    RuleCall {
        package,
        hook: Hook::Cap,
        transition: String::new(),
        today: NaiveDate::from_ymd_opt(2021, 8, 30).unwrap(),
        facts: Facts::new(),
        parameters: Arc::new(BTreeMap::new()),
        calendar: Arc::new(Calendar::national().unwrap().clone()),
    }
}
