//! F16: whatever the bytes, a parser answers with an error or a value, soon, and never panics.

use std::time::{Duration, Instant};

use liucheng_model::{
    calendar::{Calendar, CalendarLayer},
    deadline::Period,
    definition::{Definition, Source, parse_ladder_step},
    fact::FactType,
    guard::Guard,
};
use liucheng_plugin_host::Manifest;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::Value as Json;

const SMALL: &str = include_str!("../../src/small.toml");
const TIANJIN: &str = include_str!("../../../../plugins/tianjin/overlay.toml");
const MANIFEST: &str = include_str!("../../../../plugins/tianjin/plugin.toml");
const LAYER: &str = "schema = 1\nid = \"p\"\nversion = \"1\"\nlayer = \"province\"\nextends = \"cn\"\n\
    [[day]]\ndate = \"2026-11-23\"\nkind = \"holiday\"\nname = \"地方节日\"\nsource = \"通知\"\n";
const GUARD: &str =
    "state.payments == 'released' && has(a.b) && days_between(today, contract.expiry) <= 30";

/// The most time one text may take.
const TIME: Duration = Duration::from_secs(2);

/// A text with some of its bytes replaced, cut out or doubled.
fn damaged(text: &'static str) -> impl Strategy<Value = String> {
    let wound = (
        any::<prop::sample::Index>(),
        0_u8..4,
        any::<u8>(),
        1_usize..60,
    );
    prop::collection::vec(wound, 1..6).prop_map(move |wounds| {
        let mut bytes = text.as_bytes().to_vec();
        for (place, kind, byte, length) in wounds {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                _ => bytes.insert(at, byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn anything() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        bytes.prop_map(|b| String::from_utf8_lossy(&b).into_owned()),
        "[\\[\\]{}()\"'=.,#&|!<>+a-z0-9 \n-]{0,200}",
        (1_usize..3_000, "[(\\[{!-]").prop_map(|(n, c)| c.repeat(n)),
    ]
}

/// Feeds texts to a parser.
fn feed(cases: u32, texts: impl Strategy<Value = String>, parse: impl Fn(&str)) {
    let cases = cases
        * if liucheng_faults::random::seconds().is_some() {
            50
        } else {
            1
        };
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let fed = runner.run(&texts, |text| {
        let started = Instant::now();
        parse(&text);
        prop_assert!(started.elapsed() < TIME, "took {:?}", started.elapsed());
        Ok(())
    });
    fed.unwrap_or_else(|error| panic!("{error}"));
}

fn source(text: &str) -> Source<'_> {
    Source {
        name: "fuzz.toml",
        text,
    }
}

#[test]
fn definitions_and_overlays() {
    let load = |text: &str| drop(Definition::load(source(text), None));
    feed(60, damaged(SMALL), load);
    feed(200, anything(), load);
    let overlay = |text: &str| drop(Definition::load(source(SMALL), Some(source(text))));
    feed(20, damaged(TIANJIN), overlay);
    feed(100, anything(), overlay);
}

#[test]
fn calendars() {
    let parse = |text: &str| {
        drop(Calendar::parse(text));
        if let Ok(layer) = CalendarLayer::parse(text)
            && let Ok(national) = Calendar::national()
        {
            drop(national.with_layer(&layer));
        }
    };
    feed(300, damaged(LAYER), parse);
    feed(300, anything(), parse);
}

#[test]
fn guards() {
    let compile = |text: &str| drop(Guard::compile(text));
    feed(200, damaged(GUARD), compile);
    feed(200, anything(), compile);
}

#[test]
fn package_manifests() {
    feed(300, damaged(MANIFEST), |text| drop(Manifest::parse(text)));
    feed(300, anything(), |text| drop(Manifest::parse(text)));
}

#[test]
fn periods_and_ladders() {
    let parse = |text: &str| {
        drop(text.parse::<Period>());
        let _ = parse_ladder_step(text);
    };
    feed(300, damaged("10 working-days before"), parse);
    feed(300, anything(), parse);
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[0-9.eE+-]{0,40}".prop_map(Json::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![
            Just("id".to_owned()),
            Just("date".to_owned()),
            any::<String>()
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(key, inner, 0..6).prop_map(Json::from_iter),
        ]
    })
}

#[test]
fn facts() {
    let definition = liucheng_faults::scene::Law::Tianjin
        .entry()
        .unwrap()
        .definition;
    let kinds: Vec<FactType> = definition
        .doc
        .facts
        .values()
        .map(|f| f.kind.clone())
        .collect();
    let config = Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let fed = TestRunner::new(config).run(&json(), |value| {
        for kind in &kinds {
            if let Ok(fact) = kind.parse("some.fact", &value) {
                // What was understood has one form, and that form is understood.
                let form = fact.to_json();
                prop_assert_eq!(
                    kind.parse("some.fact", &form).map(|f| f.to_json()),
                    Ok(form)
                );
            }
        }
        Ok(())
    });
    fed.unwrap_or_else(|error| panic!("{error}"));
}
