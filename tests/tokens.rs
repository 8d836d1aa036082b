//! Access tokens on the command line.

use std::collections::BTreeMap;

use crate::support::run;

/// Of seventeen hashes two begin with the same digit, whatever the tokens are.
#[test]
fn a_beginning_that_two_hashes_share_revokes_neither() {
    let data = tempfile::tempdir().unwrap();
    let on = |args: &[&str]| {
        let place = ["--data", data.path().to_str().unwrap()];
        run(&[&place, args].concat())
    };
    assert_eq!(on(&["migrate"]).code, 0);
    for _ in 0..17 {
        let said = on(&["token", "create", "--name", "li"]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let listed = on(&["token", "list", "--json"]).json();
    let hashes: Vec<&str> = listed["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["hash"].as_str().unwrap())
        .collect();
    assert_eq!(hashes.len(), 17);
    let mut beginnings: BTreeMap<&str, usize> = BTreeMap::new();
    for hash in &hashes {
        *beginnings.entry(&hash[..1]).or_default() += 1;
    }
    let (shared, several) = beginnings.into_iter().find(|(_, n)| *n > 1).unwrap();

    let said = on(&["token", "revoke", shared]);
    assert_eq!(said.code, 2, "{}", said.err);
    let message = format!("{several} tokens' hashes begin with {shared:?}");
    for part in [
        "error[E-TOKEN-AMBIGUOUS]: HASH",
        &message,
        "hint: give more of the hash",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let listed = on(&["token", "list", "--json"]).json();
    let untouched = |token: &serde_json::Value| token["revoked_at"].is_null();
    assert!(listed["tokens"].as_array().unwrap().iter().all(untouched));

    // More of the hash names one of them.
    let one = hashes.iter().find(|hash| hash.starts_with(shared)).unwrap();
    let said = on(&["token", "revoke", one]);
    assert_eq!(said.code, 0, "{}", said.err);
}
