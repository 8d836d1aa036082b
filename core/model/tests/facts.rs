//! Whatever somebody hands in as facts: an answer or a coded refusal, never a panic.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::sync::LazyLock;

use liucheng_model::definition::{Definition, Source};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

static DEFINITION: LazyLock<Definition> = LazyLock::new(|| {
    let text = include_str!("../../../workflows/social-work-station.toml");
    Definition::load(Source { name: "base", text }, None).unwrap()
});

fn json_values() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,40}".prop_map(Json::from),
        "[0-9]{1,30}(\\.[0-9]{0,5})?".prop_map(Json::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map("(id|date|age|kind|[a-z]{1,6})", inner, 0..6)
                .prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_of_any_fact_is_read_or_refused(value in json_values(), pick in any::<prop::sample::Index>()) {
        let definition = &*DEFINITION;
        let keys: Vec<&String> = definition.vocabulary.iter().collect();
        let key = pick.get(&keys);
        match definition.parse_fact(key, &value) {
            // What was read is written in the canonical form, which reads back the same.
            Ok(fact) => prop_assert_eq!(definition.parse_fact(key, &fact.to_json()), Ok(fact)),
            Err(error) => {
                prop_assert!(error.code().starts_with("E-"));
                prop_assert!(error.place.starts_with(key.as_str()));
                prop_assert!(!error.hint().is_empty());
            }
        }
    }

    #[test]
    fn any_key_is_known_or_refused(key in ".{0,40}") {
        let definition = &*DEFINITION;
        let _ = definition.parse_fact(&key, &json!("2021-08-30"));
    }
}

#[test]
fn a_number_of_things_that_nobody_can_have_is_refused() {
    let read = |json: Json| DEFINITION.parse_fact("stations", &json);
    for good in [json!(0), json!(58), json!(1_000_000), json!([{"id": "a"}])] {
        assert!(read(good.clone()).is_ok(), "{good}");
    }
    for bad in [json!(-1), json!(1_000_001), json!(i64::MAX)] {
        let refused = read(bad.clone()).map_err(|error| error.code());
        assert_eq!(refused, Err("E-COUNT-RANGE"), "{bad}");
    }
}
