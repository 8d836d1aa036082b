//! Hostile and broken packages: each is refused or stopped with one coded message, and its neighbour answers on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it fails"
)]

mod support;

use std::time::{Duration, Instant};

use liucheng_engine::ports::ProvinceRules;
use liucheng_model::{
    fact::{FactValue, Scalar},
    verdict::Verdict,
};
use liucheng_plugin_host::{Limits, PluginError, PluginHost};
use support::{Fixture, load, question, words};

fn host(limits: Limits) -> PluginHost {
    PluginHost::new(limits, None).unwrap()
}

/// Loads and asks; the neighbour must answer before and after.
fn ask(host: &PluginHost, fixture: &Fixture) -> Result<Verdict, PluginError> {
    let good = Fixture::default().load(host).unwrap().info.pin();
    let before = host.ask_blocking(&question(good.clone())).unwrap();
    let answer = fixture
        .load(host)
        .and_then(|package| host.ask_blocking(&question(package.info.pin())));
    assert_eq!(
        host.ask_blocking(&question(good)).unwrap(),
        before,
        "the neighbour is disturbed"
    );
    answer
}

/// The code and message of a refusal; panics if there was none.
fn refusal(fixture: &Fixture) -> String {
    let error =
        ask(&host(Limits::default()), fixture).expect_err("it was neither refused nor stopped");
    assert!(!error.hint().is_empty());
    format!("{} {error}", error.code())
}

fn compute(id: &'static str, compute: &'static str) -> Fixture {
    Fixture {
        id,
        compute,
        ..Fixture::default()
    }
}

const LOOP: &str = "(loop (br 0)) (unreachable)";

#[test]
fn an_endless_loop_is_stopped_by_fuel() {
    assert_eq!(
        refusal(&compute("loop", LOOP)),
        "E-PLUGIN-FUEL plugin loop: stopped: its fuel limit of 100000000 instructions is used up"
    );
}

#[test]
fn an_endless_loop_is_stopped_by_the_clock_where_fuel_is_plenty() {
    let wall = Duration::from_millis(200);
    let host = host(Limits {
        fuel: u64::MAX,
        wall,
        ..Limits::default()
    });
    let package = compute("loop", LOOP).load(&host).unwrap().info.pin();
    // The best of three: the machine may be busy with something else once, the host may not be late always.
    let late = (0..3).map(|_| {
        let started = Instant::now();
        let error = host.ask_blocking(&question(package.clone())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "plugin loop: stopped: its time limit of 200 ms has passed"
        );
        assert_eq!(error.code(), "E-PLUGIN-TIME");
        let took = started.elapsed();
        assert!(took >= wall, "stopped early, after {took:?}");
        took - wall
    });
    let late = late.min().unwrap();
    assert!(
        late <= Duration::from_millis(100),
        "stopped {late:?} past its budget"
    );
}

#[test]
fn a_neighbour_answers_while_a_loop_runs() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let wall = Duration::from_millis(800);
    let host = host(Limits {
        fuel: u64::MAX,
        wall,
        parallel_calls: 2,
        ..Limits::default()
    });
    let bad = compute("loop", LOOP).load(&host).unwrap().info.pin();
    let good = Fixture::default().load(&host).unwrap().info.pin();
    runtime.block_on(async {
        let looping = tokio::spawn({
            let host = host.clone();
            async move { host.ask(question(bad)).await }
        });
        for _ in 0..20 {
            host.ask(question(good.clone())).await.unwrap();
        }
        assert!(
            !looping.is_finished(),
            "the neighbour had to wait for the loop"
        );
        assert_eq!(looping.await.unwrap().unwrap_err().code, "E-PLUGIN-TIME");
    });
}

/// What is first tried where the caller stands has the same verdict as what is not, and counts once.
#[test]
fn a_longer_call_has_the_same_verdict_wherever_it_runs() {
    let body = "(local $n i32) (loop (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $n) (i32.const 500000)))) (i32.const 512)";
    let host = host(Limits::default());
    let long = compute("long", body).load(&host).unwrap().info.pin();
    let short = Fixture::default().load(&host).unwrap().info.pin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for (package, at_once) in [(long, false), (short, true)] {
        let verdict = host.ask_blocking(&question(package.clone())).unwrap();
        assert_eq!(verdict.fuel < 1_000_000, at_once, "{}", verdict.fuel);
        let asked = runtime.block_on(host.ask(question(package.clone())));
        assert_eq!(asked.unwrap(), verdict);
        let figures = host.figures();
        let counted = figures.iter().find(|f| f.package == package.id).unwrap();
        assert_eq!(counted.fuel, verdict.fuel * 2);
        assert!(counted.faults.is_empty());
    }
}

/// Few instructions can take long, such as counting many days: others get their turn all the same.
#[test]
fn a_slow_call_does_not_hold_up_its_thread() {
    let mut slow = asks_the_calendar();
    slow.compute = "(loop $next
        (call $add (i32.const 16) (i32.const 10) (i32.const 4000) (i32.const 64)) (br $next))
        (unreachable)";
    let host = host(Limits {
        fuel: u64::MAX,
        ..Limits::default()
    });
    let package = slow.load(&host).unwrap().info.pin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let started = Instant::now();
    let (answer, waited) = runtime
        .block_on(async { tokio::join!(host.ask(question(package)), async { started.elapsed() }) });
    assert_eq!(answer.unwrap_err().code, "E-PLUGIN-TIME");
    assert!(waited < Duration::from_millis(500), "{waited:?}");
}

/// One that took many places would leave none to its neighbours.
#[test]
fn a_component_with_many_memories_is_refused() {
    for (memories, fits) in [(1, true), (2, false)] {
        let many = Fixture {
            id: "many",
            more: "(memory 1)".repeat(memories),
            ..Fixture::default()
        };
        match ask(&host(Limits::default()), &many) {
            Ok(_) => assert!(fits, "{memories} more"),
            Err(error) => assert_eq!((error.code(), fits), ("E-PLUGIN-WORLD", false), "{error}"),
        }
    }
}

#[test]
fn a_memory_bomb_is_stopped() {
    let expected = "plugin bomb: stopped: its memory limit of 64 MiB is reached";
    let bomb = compute(
        "bomb",
        "(loop (drop (memory.grow (i32.const 16))) (br 0)) (unreachable)",
    );
    assert_eq!(refusal(&bomb), format!("E-PLUGIN-MEMORY {expected}"));
    // Already too large when it starts.
    let born_large = Fixture {
        id: "bomb",
        pages: 1_025,
        ..Fixture::default()
    };
    assert_eq!(refusal(&born_large), format!("E-PLUGIN-MEMORY {expected}"));
    let mut table = compute(
        "table",
        "(drop (table.grow $t (ref.null func) (i32.const 20001))) (i32.const 512)",
    );
    table.more = "(table $t 0 funcref)".to_owned();
    assert_eq!(
        refusal(&table),
        "E-PLUGIN-MEMORY plugin table: stopped: its limit of 20000 table entries is reached"
    );
}

#[test]
fn traps_are_told_in_our_words() {
    let cases = [
        ("(unreachable)", "it gave up (panic or unreachable code)"),
        (
            "(i32.div_u (i32.const 1) (i32.const 0))",
            "it divided by zero",
        ),
        ("(i32.load (i32.const -8))", "it reached outside its memory"),
        (
            "(i32.const -8)",
            "it breaks the calling convention of components",
        ),
    ];
    for (body, words) in cases {
        assert_eq!(
            refusal(&compute("trap", body)),
            format!("E-PLUGIN-TRAP plugin trap: crashed: {words}")
        );
    }
    let mut deep = compute("deep", "(call $deeper (i32.const 0))");
    deep.more = "(func $deeper (param i32) (result i32) (call $deeper (i32.add (local.get 0) (i32.const 1))))".to_owned();
    assert_eq!(
        refusal(&deep),
        "E-PLUGIN-TRAP plugin deep: crashed: its stack limit of 512 KiB is reached"
    );
}

#[test]
fn a_package_that_misbehaves_while_loading_is_not_loaded() {
    let cases = [
        (LOOP, "E-PLUGIN-FUEL"),
        ("(unreachable)", "E-PLUGIN-TRAP"),
        ("(i32.const 512)", "E-PLUGIN-MANIFEST"),
    ];
    for (describe, code) in cases {
        let host = host(Limits::default());
        let error = Fixture {
            id: "early",
            describe,
            ..Fixture::default()
        }
        .load(&host)
        .unwrap_err();
        assert_eq!((error.code(), error.package.as_str()), (code, "early"));
        assert!(host.packages().is_empty());
    }
    let starts = "(func $s (loop (br 0))) (start $s)".to_owned();
    assert!(
        refusal(&Fixture {
            id: "start",
            more: starts,
            ..Fixture::default()
        })
        .starts_with("E-PLUGIN-FUEL plugin start")
    );
}

#[test]
fn another_world_is_refused_before_it_runs() {
    let host = host(Limits::default());
    let refused = |bytes: &[u8]| {
        let error = load(&host, ("world", ""), bytes).unwrap_err();
        assert_eq!(error.code(), "E-PLUGIN-WORLD", "{error}");
        error.to_string()
    };
    let other = r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (export "f" (func $f)))"#;
    assert_eq!(
        refused(other.as_bytes()),
        "plugin world: is not a component of world liucheng:province@1: it does not export liucheng:province/rules"
    );
    refused(b"");
    refused(b"(module)");
    refused(b"\0asm\x01\0\0\0");
    refused(&[0xff; 64]);
    let good = Fixture::default().wat();
    // One field more in a record, and a function less: found by the types, not by a call.
    refused(
        good.replace(
            r#"(field "code" string)"#,
            r#"(field "code" string) (field "page" string)"#,
        )
        .as_bytes(),
    );
    refused(
        good.replace(r#"(export "run-step" (func $run-step))"#, "")
            .as_bytes(),
    );
}

#[test]
fn a_truncated_component_is_refused() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/dist/tianjin.wasm");
    let whole = std::fs::read(path).unwrap();
    let host = host(Limits::default());
    for length in [4, 8, 100, whole.len() / 2, whole.len() - 1] {
        let error = load(&host, ("cut", "\"logging\""), &whole[..length]).unwrap_err();
        assert_eq!(error.code(), "E-PLUGIN-WORLD", "{length}: {error}");
    }
}

#[test]
fn another_version_is_refused_before_it_runs() {
    for interface in ["2.0.0", "1.1.0", "0.9.0"] {
        let message = refusal(&Fixture {
            id: "version",
            interface,
            describe: LOOP,
            ..Fixture::default()
        });
        let expected = format!(
            "E-PLUGIN-VERSION plugin version: needs liucheng:province@{interface}, this host speaks liucheng:province 1.0"
        );
        assert_eq!(message, expected);
    }
    let patch = Fixture {
        interface: "1.0.7",
        ..Fixture::default()
    };
    assert!(
        patch.load(&host(Limits::default())).is_ok(),
        "a patch release changes no interface"
    );
}

#[test]
fn imports_beyond_the_list_are_refused_by_name() {
    let wasi = r#"(import "wasi:clocks/monotonic-clock@0.2.0" (instance (export "now" (func (result u64)))))"#;
    let fixture = Fixture {
        id: "wasi",
        imports: wasi,
        ..Fixture::default()
    };
    assert_eq!(
        refusal(&fixture),
        "E-PLUGIN-IMPORT plugin wasi: imports wasi:clocks/monotonic-clock@0.2.0, which no province may have"
    );
    let secrets = r#"(import "liucheng:province/secrets@1.0.0" (instance (export "read" (func (result string)))))"#;
    assert!(
        refusal(&Fixture {
            imports: secrets,
            ..fixture
        })
        .contains("secrets@1.0.0, which no province may have")
    );
    let unlisted = Fixture {
        id: "asks",
        listed: "\"logging\"",
        ..asks_the_calendar()
    };
    assert_eq!(
        refusal(&unlisted),
        "E-PLUGIN-IMPORT plugin asks: imports liucheng:province/calendar@1.0.0, which plugin.toml does not list"
    );
}

/// Adds 15 working days to 2021-08-30 and answers with the day as fact `x.due`.
fn asks_the_calendar() -> Fixture {
    Fixture {
        id: "asks",
        listed: "\"calendar\"",
        imports: r#"
  (import "liucheng:province/calendar@1.0.0" (instance $calendar
    (type (variant (case "invalid-date" string) (case "out-of-range" string)))
    (export "calendar-error" (type (eq 0)))
    (type (record (field "date" string) (field "provisional" bool)))
    (export "day" (type (eq 2)))
    (type (result 3 (error 1)))
    (export "add-working-days" (func (param "date" string) (param "n" s32) (result 4)))))
  (core module $memory-module (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
    (func (export "at") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (data (i32.const 16) "2021-08-30"))
  (core instance $outer (instantiate $memory-module))
  (core func $add (canon lower (func $calendar "add-working-days")
    (memory (core memory $outer "memory")) (realloc (core func $outer "realloc"))))
  (core instance $lowered (export "add" (func $add)))
"#,
        core_imports: r#"(import "calendar" "add" (func $add (param i32 i32 i32 i32)))
            (import "outer" "at" (func $at (param i32) (result i32)))"#,
        core_with: r#"(with "calendar" (instance $lowered)) (with "outer" (instance $outer))"#,
        more: format!(
            "(data (i32.const 520) \"\\00\\00\\00\\00{}\") (data (i32.const 8192) \"x.due\") (data (i32.const 16384) \"{}\")",
            words(&[16_384, 1]),
            words(&[8_192, 5, 0, 0, 8_200, 10])
        ),
        compute: "(local $i i32)
            (call $add (i32.const 16) (i32.const 10) (i32.const 15) (i32.const 64))
            (loop $next
              (i32.store8 (i32.add (i32.const 8200) (local.get $i)) (call $at (i32.add (i32.const 4096) (local.get $i))))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if $next (i32.lt_u (local.get $i) (i32.const 10))))
            (i32.const 512)",
        ..Fixture::default()
    }
}

#[test]
fn a_listed_calendar_can_be_asked() {
    let verdict = ask(&host(Limits::default()), &asks_the_calendar()).unwrap();
    let due = verdict
        .answer
        .facts
        .get("x.due")
        .and_then(FactValue::as_date);
    assert_eq!(
        due.map(|due| due.to_string()).as_deref(),
        Some("2021-09-18")
    );
}

/// A fixture whose answer has these lists: findings, facts, payments as (pointer, length).
fn answers(lists: [usize; 6], pages: u32, data: &str) -> Fixture {
    let list = words(&lists);
    Fixture {
        id: "answer",
        pages,
        more: format!("(data (i32.const 516) \"{list}\") {data}"),
        ..Fixture::default()
    }
}

#[test]
fn an_oversized_answer_is_refused() {
    // 100,000 findings of zeros, within its memory but beyond the bytes of an answer.
    let bytes = "E-PLUGIN-OUTPUT plugin answer: its answer has more than 1048576 bytes";
    assert_eq!(
        refusal(&answers([65_536, 100_000, 0, 0, 0, 0], 70, "")),
        bytes
    );
    // Few findings that all point to the same long text: small in the guest, huge in the host.
    let finding = words(&[0, 80_000, 60_000, 0, 80_000, 60_000, 80_000, 60_000, 0, 0]);
    let same = format!("(data (i32.const 65536) \"{}\")", finding.repeat(100));
    assert_eq!(
        refusal(&answers([65_536, 100, 0, 0, 0, 0], 3, &same)),
        bytes
    );
    let many = "E-PLUGIN-OUTPUT plugin answer: its answer has more than 500";
    assert_eq!(
        refusal(&answers([65_536, 501, 0, 0, 0, 0], 3, "")),
        format!("{many} findings")
    );
    assert_eq!(
        refusal(&answers([0, 0, 65_536, 501, 0, 0], 3, "")),
        format!("{many} facts")
    );
    assert_eq!(
        refusal(&answers([0, 0, 0, 0, 65_536, 501], 3, "")),
        format!("{many} payments")
    );
}

#[test]
fn a_nonsensical_answer_is_refused() {
    let text = "(data (i32.const 8192) \"a.b\\00XX-1YZ-9x\\0ay2021-02-30\")";
    let (key, rule, foreign, line_break, no_date) =
        ((8_192, 3), (8_196, 4), (8_200, 4), (8_204, 3), (8_207, 10));
    let at = |words: String| format!("{text} (data (i32.const 16384) \"{words}\")");
    let finding = |rule: (usize, usize), zh: (usize, usize)| {
        at(words(&[
            2, rule.0, rule.1, 2, zh.0, zh.1, key.0, key.1, 0, 0,
        ]))
    };
    let fact = |key: (usize, usize), case, value: (usize, usize)| {
        at(words(&[key.0, key.1, case, 0, value.0, value.1]))
    };
    let payment = |no| at(words(&[no, 0, 0, 0, 0, 0, 0, 0, 0, 0, rule.0, rule.1]));
    let (findings, facts, payments) = (
        [16_384, 1, 0, 0, 0, 0],
        [0, 0, 16_384, 1, 0, 0],
        [0, 0, 0, 0, 16_384, 1],
    );
    let cases = [
        (
            findings,
            finding(foreign, key),
            "a finding names rule \"YZ-9\", which the package does not declare",
        ),
        (
            findings,
            finding(rule, (0, 0)),
            "a finding of XX-1 has no message in one language",
        ),
        (
            findings,
            finding(rule, line_break),
            "a message of XX-1 is longer than 2000 bytes or not one line",
        ),
        (facts, fact(rule, 4, key), "\"XX-1\" is no key of a fact"),
        (
            facts,
            fact(key, 0, no_date),
            "fact a.b: \"2021-02-30\" is no date",
        ),
        (
            facts,
            fact(key, 1, (0xffff_ffff, 0xffff_ffff)),
            "fact a.b: -0.01 yuan is not between 0 and 10000000000000.00",
        ),
        (
            facts,
            fact(key, 2, rule),
            "fact a.b: \"XX-1\" is no percentage from 0 to 100",
        ),
        (
            payments,
            payment(1),
            "payment 1: \"\" is no percentage from 0 to 100",
        ),
    ];
    for (lists, data, reason) in cases {
        let message = refusal(&answers(lists, 1, &data));
        assert_eq!(
            message,
            format!("E-PLUGIN-ANSWER plugin answer: its answer cannot be used: {reason}")
        );
    }
    // Not even the shape of an answer: a text that is no UTF-8, an unknown case of a variant.
    let shape =
        "E-PLUGIN-TRAP plugin answer: crashed: it breaks the calling convention of components";
    let no_text = "(data (i32.const 8192) \"\\ff\\ff\\ff\")".to_owned()
        + &fact(key, 4, key).replace(text, "");
    assert_eq!(refusal(&answers(facts, 1, &no_text)), shape);
    assert_eq!(refusal(&answers(facts, 1, &fact(key, 99, key))), shape);
}

#[test]
fn an_oversized_request_is_refused() {
    let host = host(Limits {
        input_bytes: 10_000,
        ..Limits::default()
    });
    let package = Fixture::default().load(&host).unwrap().info.pin();
    let mut call = question(package);
    call.facts
        .insert("x".to_owned(), Scalar::Text("长".repeat(4_000)).into());
    let error = host.ask_blocking(&call).unwrap_err();
    assert_eq!(error.code(), "E-PLUGIN-INPUT");
    assert!(
        error.to_string().ends_with("the limit is 10000 bytes"),
        "{error}"
    );
}

#[test]
fn an_oversized_package_and_a_wrong_digest_are_refused() {
    let host = host(Limits {
        component_bytes: 1_000,
        manifest_bytes: 1_000,
        ..Limits::default()
    });
    let error = Fixture::default().load(&host).unwrap_err();
    assert!(
        error.to_string().contains("the component has") && error.code() == "E-PLUGIN-INPUT",
        "{error}"
    );
    let long = "# ".repeat(1_000);
    let source = liucheng_plugin_host::PackageSource {
        manifest: &long,
        component: b"",
    };
    assert_eq!(host.load(source).unwrap_err().code(), "E-PLUGIN-INPUT");
    let good = Fixture::default().wat();
    let manifest = format!(
        "schema = 1\nid = \"good\"\nversion = \"0.1.0\"\ntitle = {{ zh = \"试\", en = \"T\" }}\napi = \"liucheng:province@1\"\n[component]\nfile = \"x.wasm\"\nsha256 = \"{}\"\n",
        "a".repeat(64)
    );
    let source = liucheng_plugin_host::PackageSource {
        manifest: &manifest,
        component: good.as_bytes(),
    };
    let error = PluginHost::new(Limits::default(), None)
        .unwrap()
        .load(source)
        .unwrap_err();
    assert_eq!(error.code(), "E-PLUGIN-DIGEST");
}
