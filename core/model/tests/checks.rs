//! The conditions that packages and national law set for transitions: `tests/packages/checks/<package>.toml`
//! says which facts each of them refuses.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use liucheng_model::{
    definition::{Definition, Source},
    fact::Facts,
    guard::{Scope, World},
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

const BASE: Source<'_> = Source {
    name: "social-work-station.toml",
    text: include_str!("../../../workflows/social-work-station.toml"),
};

/// The file for the conditions of the definition itself.
const NATIONAL: &str = "national";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    check: String,
    refused: bool,
    facts: Map<String, Json>,
}

fn refuses(definition: &Definition, check: &str, facts: &Map<String, Json>) -> bool {
    let read =
        |(key, json): (&String, &Json)| (key.clone(), definition.parse_fact(key, json).unwrap());
    let facts: Facts = facts.iter().map(read).collect();
    let states = BTreeMap::new();
    let world = World::new(Scope {
        vocabulary: &definition.vocabulary,
        facts: &facts,
        states: &states,
        today: "2022-03-01".parse().unwrap(),
    });
    let check = definition.doc.checks.iter().find(|c| c.id == check);
    let guard = definition.guard(&check.unwrap().holds).unwrap();
    guard.holds(&world) == Ok(false)
}

#[test]
fn conditions_refuse_what_breaks_them_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let base = Definition::load(BASE, None).unwrap();
    let national: BTreeSet<&str> = base.doc.checks.iter().map(|c| c.id.as_str()).collect();
    let mut packages = 0;
    for entry in fs::read_dir(root.join("tests/packages/checks")).unwrap() {
        let path = entry.unwrap().path();
        let package = path.file_stem().unwrap().to_str().unwrap();
        let overlay = root.join("plugins").join(package).join("overlay.toml");
        let overlay = (package != NATIONAL).then(|| fs::read_to_string(overlay).unwrap());
        let overlay = overlay.as_deref().map(|text| Source {
            name: package,
            text,
        });
        let own = |id: &str| overlay.is_none() || !national.contains(id);
        let definition = Definition::load(BASE, overlay).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let file: File = Source {
            name: package,
            text: &text,
        }
        .parse()
        .unwrap();
        let mut seen = BTreeSet::new();
        for case in &file.case {
            let found = refuses(&definition, &case.check, &case.facts);
            assert_eq!(
                found, case.refused,
                "{package} {} {:?}",
                case.check, case.facts
            );
            seen.insert((case.check.as_str(), case.refused));
        }
        for check in definition.doc.checks.iter().filter(|c| own(&c.id)) {
            for refused in [true, false] {
                let shown = seen.contains(&(check.id.as_str(), refused));
                assert!(
                    shown,
                    "{package}: no case of {} with refused = {refused}",
                    check.id
                );
            }
        }
        packages += 1;
    }
    assert!(packages > 0);
}
