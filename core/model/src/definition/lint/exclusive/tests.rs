//! The prover against examples, and against what guards really answer.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    fact::{FactValue, Facts, Scalar, parse_date},
    guard::{Guard, Scope, World},
};

fn excluded(a: &str, b: &str) -> bool {
    let cases_of = |source: &str| cases(Guard::compile(source).unwrap().expression());
    let (a, b) = (cases_of(a), cases_of(b));
    a.iter().all(|one| b.iter().all(|two| one.contradicts(two)))
}

#[test]
fn contradictions_are_seen() {
    for (a, b) in [
        ("x.a == 'a'", "x.a == 'b'"),
        ("x.a == 'a'", "x.a != 'a'"),
        ("'a' == x.a", "!(x.a == 'a')"),
        ("x.a in ['a', 'b']", "x.a in ['c']"),
        ("x.a in ['a', 'b']", "!(x.a in ['a', 'b', 'c'])"),
        ("x.a in ['a', 'b']", "x.a != 'a' && x.a != 'b'"),
        ("x.flag", "!x.flag"),
        ("x.flag", "x.flag == false"),
        ("has(x.a)", "!has(x.a)"),
        ("x.a == 'a'", "!has(x.a)"),
        ("days_between(x.a, today) > 3", "!has(x.a)"),
        ("has(facts.a)", "!has(facts.a)"),
        ("a == 'a'", "!has(facts.a)"),
        ("x.n < 3", "x.n >= 3"),
        ("x.n > 1", "x.n < 2"),
        ("x.n <= 3", "3 < x.n"),
        ("x.d < '2021-01-01'", "x.d > '2021-01-01'"),
        ("x.a < x.b", "x.b <= x.a"),
        ("x.a == x.b", "x.a != x.b"),
        ("x.a < today", "today <= x.a"),
        ("x.a == 'a' || x.a == 'b'", "x.a == 'c' || x.a == 'd'"),
        ("x.a == 'a' && x.f || x.a == 'b'", "x.a == 'a' && !x.f"),
        ("!(x.f || x.g)", "x.g"),
        ("x.f ? x.a == 'a' : x.a == 'b'", "x.a == 'c'"),
        ("x.list.exists(s, s.ok)", "!x.list.exists(s, s.ok)"),
        ("size(x.list) == 0", "size(x.list) > 0"),
        ("x.a == 'a' && x.a == 'b'", "true"),
        ("false", "x.f"),
        ("x.n + 1 == 3", "x.n + 1 == 4"),
    ] {
        assert!(excluded(a, b), "{a} and {b}");
        assert!(excluded(b, a), "{b} and {a}");
    }
}

#[test]
fn nothing_is_invented() {
    for (a, b) in [
        ("x.a == 'a'", "x.b == 'b'"),
        ("x.a == 'a'", "x.a in ['a', 'b']"),
        ("x.a != 'a'", "x.a != 'b'"),
        ("x.f", "x.g"),
        ("x.n < 3", "x.n > 1"),
        ("x.n <= 3", "x.n >= 3"),
        ("x.d < '2021-01-02'", "x.d > '2021-01-01'"),
        ("x.a <= x.b", "x.b <= x.a"),
        ("x.a != x.b", "x.a < x.b"),
        ("has(x.a)", "has(x.b)"),
        ("has(x.a)", "x.a == 'a'"),
        ("x.a == 'a' || x.f", "x.a == 'b'"),
        ("x.f || has(x.a)", "!has(x.a)"),
        ("x.list.exists(s, s.ok)", "x.list.all(s, s.ok)"),
        ("x.n == 1", "x.n == '1' || x.n == 1"),
        ("x.f != true", "x.f != false"),
        ("true", "true"),
    ] {
        assert!(!excluded(a, b), "{a} and {b}");
    }
}

#[test]
fn many_alternatives_stay_few_cases() {
    let wide: Vec<String> = (0..16)
        .map(|i| format!("(x.a{i} == 'a' || x.b{i} == 'b')"))
        .collect();
    let source = wide.join(" && ");
    assert!(cases(Guard::compile(&source).unwrap().expression()).len() <= CASES_MAX);
    assert!(!excluded(&source, "x.a0 == 'c'"));
    assert!(excluded(&format!("({source}) && x.z"), "!x.z"));
}

const KEYS: [&str; 6] = ["x.t", "x.u", "x.n", "x.m", "x.f", "x.d"];

fn regex(pattern: &str) -> impl Strategy<Value = String> + use<> {
    proptest::string::string_regex(pattern).unwrap()
}

/// Conditions over a few facts, so that pairs of them meet often.
fn condition() -> impl Strategy<Value = String> {
    let text = "'[abc]'";
    let order = "(==|!=|<|<=|>|>=)";
    let leaf = prop_oneof![
        regex(&format!("x\\.[tu] {order} {text}")),
        regex(&format!("{text} {order} x\\.[tu]")),
        regex(&format!("x\\.[nm] {order} [0-3]")),
        regex(&format!("x\\.n {order} x\\.m")),
        regex(&format!("x\\.m {order} x\\.n")),
        regex(&format!("x\\.d {order} '2021-01-0[1-3]'")),
        regex(&format!("x\\.d {order} today")),
        regex("x\\.t in \\['[abc]', '[abc]'\\]"),
        regex("has\\(x\\.[tunmfd]\\)"),
        regex("x\\.f( (==|!=) (true|false))?"),
        regex("x\\.n \\+ 1 == [0-4]"),
        regex("days_between\\(x\\.d, today\\) [<>] [01]"),
        regex("(true|false)"),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
        ]
    })
}

/// Facts of every kind, each there or not.
fn facts() -> impl Strategy<Value = Facts> {
    let text = || prop::option::of("[abc]".prop_map(Scalar::Text));
    let int = || prop::option::of((0..4_i64).prop_map(Scalar::Int));
    let flag = prop::option::of(any::<bool>().prop_map(Scalar::Bool));
    let date =
        prop::option::of("2021-01-0[1-3]".prop_map(|d| Scalar::Date(parse_date(&d).unwrap())));
    (text(), text(), int(), int(), flag, date).prop_map(|(t, u, n, m, f, d)| {
        let values = [t, u, n, m, f, d];
        let present = KEYS
            .into_iter()
            .zip(values)
            .filter_map(|(key, value)| Some((key.to_owned(), FactValue::One(value?))));
        present.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_proved_is_true(
        (a, b) in (condition(), condition()),
        worlds in prop::collection::vec(facts(), 24),
    ) {
        let (Ok(one), Ok(two)) = (Guard::compile(&a), Guard::compile(&b)) else { return Ok(()) };
        let vocabulary = KEYS.into_iter().map(str::to_owned).collect();
        let states = BTreeMap::new();
        let never = |guard: &Guard| cases(guard.expression()).is_empty();
        let exclusive = excluded(&a, &b);
        for facts in &worlds {
            let world = World::new(Scope { vocabulary: &vocabulary, facts, states: &states, today: parse_date("2021-01-02").unwrap() });
            let (first, second) = (one.holds(&world) == Ok(true), two.holds(&world) == Ok(true));
            prop_assert!(!(exclusive && first && second), "{a} and {b} with {facts:?}");
            prop_assert!(!(never(&one) && first), "{a} with {facts:?}");
        }
    }
}
