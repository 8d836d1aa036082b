//! What is built into the binary: the definition and the province packages.
//!
//! A fresh machine needs nothing else to run the demo or a server.

/// The name of the definition in messages.
pub const DEFINITION_NAME: &str = "workflows/social-work-station.toml";
/// The definition.
pub const DEFINITION: &str = include_str!("../../../workflows/social-work-station.toml");

/// A package that is built in.
#[derive(Debug, Clone, Copy)]
pub struct BuiltinPackage {
    /// Its id.
    pub id: &'static str,
    /// Where its overlay is, for messages.
    pub overlay_name: &'static str,
    /// `plugin.toml`.
    pub manifest: &'static str,
    /// `overlay.toml`.
    pub overlay: &'static str,
    /// The component.
    pub component: &'static [u8],
}

macro_rules! package {
    ($id:literal) => {
        BuiltinPackage {
            id: $id,
            overlay_name: concat!("plugins/", $id, "/overlay.toml"),
            manifest: include_str!(concat!("../../../plugins/", $id, "/plugin.toml")),
            overlay: include_str!(concat!("../../../plugins/", $id, "/overlay.toml")),
            component: include_bytes!(concat!("../../../plugins/dist/", $id, ".wasm")),
        }
    };
}

/// The packages, in order of their ids.
pub const PACKAGES: [BuiltinPackage; 9] = [
    package!("county-action-plan"),
    package!("hebei-zhuolu"),
    package!("henan"),
    package!("ningxia-lingwu"),
    package!("ningxia-yuanzhou"),
    package!("shaanxi-county"),
    package!("shaanxi-pilot"),
    package!("shanxi-linfen"),
    package!("tianjin"),
];
