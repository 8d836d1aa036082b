//! The interface is frozen: what was built against it keeps working.

use std::{error::Error, fs, path::Path};

use sha2::{Digest, Sha256};

/// The digest of `plugins/wit/v1/province.wit`, with line ends as `\n`.
const FROZEN: &str = "140ffb2ffbae1c0acb0d8a07e559db85fb122debac85b80c52c1e1bcea06f7a5";

#[test]
fn the_interface_is_frozen() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/wit/v1/province.wit");
    let text = fs::read_to_string(path)?.replace("\r\n", "\n");
    let digest: String = Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        digest, FROZEN,
        "plugins/wit/v1/province.wit has changed. It is frozen: packages in other people's hands were built \
         against it, and a record, variant, enum or exported function that differs makes the host refuse all of \
         them at load.\n\
         * A new fact, parameter, topic, step or problem code needs no change: they are names in lists.\n\
         * Another host function may be added to an imported interface: raise the minor version of the package, \
         add it to MINORS in core/plugin-host/src/v1, and write the new digest here.\n\
         * Anything else is major 2: a folder plugins/wit/v2, a module v2 in core/plugin-host beside v1, and both \
         are spoken. Leave this file as it is.\n\
         * Only a comment changed: run `cargo xtask guests` and write the new digest here."
    );
    Ok(())
}
