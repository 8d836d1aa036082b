//! The committed components belong to their sources.

use std::{error::Error, path::Path};

#[test]
fn components_are_as_new_as_their_sources() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let stale = xtask::lock::verify(&root)?;
    assert!(
        stale.is_empty(),
        "run `cargo xtask guests`:\n{}",
        stale.join("\n")
    );
    Ok(())
}
