//! From a manifest and a component's bytes to a package that can be asked.

use std::sync::Arc;

use liucheng_model::{
    text::Text,
    verdict::{Hook, PackagePin},
};
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::{
    cache::Cache,
    call::{Budget, Calls, detail},
    error::{PluginError, Problem},
    limits::Limits,
    manifest::{IMPORTS, Manifest},
    sandbox::Sandbox,
    v1::{self, Description, ProvincePre, State},
    work_days::WorkDays,
};

/// The parts of a package that the host needs.
#[derive(Debug, Clone, Copy)]
pub struct PackageSource<'a> {
    /// The text of `plugin.toml`.
    pub manifest: &'a str,
    /// The bytes of the component.
    pub component: &'a [u8],
}

/// What is known about a loaded package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageInfo {
    /// The package's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its name for people.
    pub title: Text,
    /// SHA-256 of the component, lower-case hex.
    pub digest: String,
    /// What it answers.
    pub hooks: Vec<Hook>,
    /// The rules and recorded ambiguities its findings may name.
    pub rules: Vec<String>,
    /// What it imports, such as `logging`.
    pub imports: Vec<String>,
    /// The overlay's file name, if the package has one.
    pub overlay: Option<String>,
}

impl PackageInfo {
    /// What a project remembers of the package.
    #[must_use]
    pub fn pin(&self) -> PackagePin {
        PackagePin {
            id: self.id.clone(),
            version: self.version.clone(),
            component: self.digest.clone(),
        }
    }
}

/// A checked package, ready to be asked.
pub struct LoadedPackage {
    /// What is known about it.
    pub info: PackageInfo,
    pub(crate) name: Arc<str>,
    pub(crate) component: ProvincePre<State>,
}

impl std::fmt::Debug for LoadedPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedPackage")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// What loading needs.
pub(crate) struct Loader<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) limits: &'a Limits,
    pub(crate) cache: Option<&'a Cache>,
}

/// Lower-case hex SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Loader<'_> {
    /// Checks everything that can be checked without asking, then asks the package who it is.
    pub(crate) fn load(&self, source: PackageSource<'_>) -> Result<LoadedPackage, PluginError> {
        let (found, limit) = (source.manifest.len(), self.limits.manifest_bytes);
        if found > limit {
            return Err(Problem::Input {
                what: "plugin.toml",
                found,
                limit,
            }
            .of("?"));
        }
        let manifest = Manifest::parse(source.manifest)?;
        self.checked(&manifest, source.component)
            .map_err(|problem| problem.of(&manifest.id))
    }

    fn checked(&self, manifest: &Manifest, bytes: &[u8]) -> Result<LoadedPackage, Problem> {
        let (found, limit) = (bytes.len(), self.limits.component_bytes);
        if found > limit {
            return Err(Problem::Input {
                what: "the component",
                found,
                limit,
            });
        }
        let digest = sha256(bytes);
        if digest != manifest.sha256 {
            return Err(Problem::Digest {
                expected: manifest.sha256.clone(),
                found: digest,
            });
        }
        let component = self.compile(&digest, bytes)?;
        let imports = self.check_interface(&component, manifest)?;
        let linked =
            v1::linker(&self.sandbox.engine).and_then(|linker| linker.instantiate_pre(&component));
        let linked = linked
            .and_then(ProvincePre::new)
            .map_err(|e| Problem::World(detail(&e)))?;
        let name: Arc<str> = manifest.id.as_str().into();
        let calls = Calls {
            sandbox: self.sandbox,
            limits: self.limits,
            package: &name,
            budget: Budget::whole(self.limits),
        };
        let (description, _) = calls.run(&linked, WorkDays::Closed, |province, store| {
            province.liucheng_province_rules().call_describe(store)
        })?;
        let (hooks, rules) = described(manifest, description)?;
        let info = PackageInfo {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            title: manifest.title.clone(),
            digest,
            hooks,
            rules,
            imports,
            overlay: manifest.overlay.clone(),
        };
        Ok(LoadedPackage {
            info,
            name,
            component: linked,
        })
    }

    fn compile(&self, digest: &str, bytes: &[u8]) -> Result<Component, Problem> {
        let engine = &self.sandbox.engine;
        if let Some(component) = self.cache.and_then(|cache| cache.load(engine, digest)) {
            return Ok(component);
        }
        // The whole file is parsed and validated here; a truncated one never gets further.
        let component = Component::new(engine, bytes).map_err(|e| Problem::World(detail(&e)))?;
        if let Some(cache) = self.cache {
            cache.store(engine, digest, &component);
        }
        Ok(component)
    }

    /// Looks at the names of imports and exports, before anything is instantiated.
    fn check_interface(
        &self,
        component: &Component,
        manifest: &Manifest,
    ) -> Result<Vec<String>, Problem> {
        let (ty, engine) = (component.component_type(), &self.sandbox.engine);
        let rules = ty
            .exports(engine)
            .find_map(|(name, _)| interface(name).filter(|(name, _)| *name == "rules"));
        let Some((_, version)) = rules else {
            return Err(Problem::World(
                "it does not export liucheng:province/rules".to_owned(),
            ));
        };
        let speaks = |version| matches!(parse_version(version), Some((1, minor)) if v1::MINORS.contains(&minor));
        if !speaks(version) {
            return Err(Problem::Version {
                found: format!("liucheng:province@{version}"),
            });
        }
        let mut imports = Vec::new();
        for (full, _) in ty.imports(engine) {
            let refused = |known| Problem::Import {
                name: full.chars().take(100).collect(),
                known,
            };
            let (name, version) = interface(full).ok_or_else(|| refused(false))?;
            if name != "types" && !IMPORTS.contains(&name) {
                return Err(refused(false));
            }
            if !speaks(version) {
                return Err(Problem::Version {
                    found: format!("liucheng:province/{name}@{version}"),
                });
            }
            if name == "types" {
                continue;
            }
            if !manifest.imports.iter().any(|listed| listed == name) {
                return Err(refused(true));
            }
            imports.push(name.to_owned());
        }
        imports.sort();
        Ok(imports)
    }
}

/// `liucheng:province/rules@1.0.0` → `rules`, `1.0.0`.
fn interface(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(v1::PACKAGE)?.split_once('@')
}

fn parse_version(text: &str) -> Option<(u64, u64)> {
    let (major, rest) = text.split_once('.')?;
    let (minor, _) = rest.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Compares what the component says about itself with the manifest.
fn described(
    manifest: &Manifest,
    description: Description,
) -> Result<(Vec<Hook>, Vec<String>), Problem> {
    const MOST: usize = 1_000;
    let Description {
        id,
        version,
        hooks,
        rules,
    } = description;
    let cut = |text: &str| text.chars().take(80).collect::<String>();
    if (&id, &version) != (&manifest.id, &manifest.version) {
        let (id, version) = (cut(&id), cut(&version));
        let reason = format!(
            "the component says it is {id} {version}, plugin.toml says {} {}",
            manifest.id, manifest.version
        );
        return Err(Problem::Manifest {
            line: 1,
            column: 1,
            reason,
        });
    }
    if hooks.len().max(rules.len()) > MOST {
        return Err(Problem::Output {
            limit: MOST,
            unit: "hooks or rules",
        });
    }
    let unknown =
        |name: &String| Problem::World(format!("it answers an unknown hook {:?}", cut(name)));
    let hooks = hooks
        .iter()
        .map(|name| Hook::from_name(name).ok_or_else(|| unknown(name)));
    let hooks = hooks.collect::<Result<Vec<_>, _>>()?;
    match rules.iter().find(|rule| !crate::answer::is_rule(rule)) {
        Some(rule) => Err(Problem::World(format!(
            "it names a rule {:?}, which is no rule id",
            cut(rule)
        ))),
        None => Ok((hooks, rules)),
    }
}
