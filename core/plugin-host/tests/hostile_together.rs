//! Many hostile components at the same time: each is stopped, others are answered, the memory comes back.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where it fails, and says what it measured"
)]

mod support;

use std::time::{Duration, Instant};

use liucheng_engine::ports::ProvinceRules;
use liucheng_plugin_host::{BreakerLimits, Limits, PluginHost};
use support::{Fixture, question, words};

/// Calls at once.
const TOGETHER: usize = 64;

/// The process's resident memory in kilobytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn hostile() -> Vec<(Fixture, &'static str)> {
    let compute = |id, compute| Fixture {
        id,
        compute,
        ..Fixture::default()
    };
    let mut deep = compute("deep", "(call $deeper (i32.const 0))");
    deep.more = "(func $deeper (param i32) (result i32) (call $deeper (i32.add (local.get 0) (i32.const 1))))".to_owned();
    let large = Fixture {
        id: "output",
        pages: 70,
        more: format!(
            "(data (i32.const 516) \"{}\")",
            words(&[65_536, 100_000, 0, 0, 0, 0])
        ),
        ..Fixture::default()
    };
    let grow = "(loop (drop (memory.grow (i32.const 16))) (br 0)) (unreachable)";
    vec![
        (
            compute("loop", "(loop (br 0)) (unreachable)"),
            "E-PLUGIN-TIME",
        ),
        (compute("memory", grow), "E-PLUGIN-MEMORY"),
        (deep, "E-PLUGIN-TRAP"),
        (large, "E-PLUGIN-OUTPUT"),
        (compute("trap", "(unreachable)"), "E-PLUGIN-TRAP"),
    ]
}

#[test]
fn sixty_four_hostile_calls_at_once_disturb_nobody_for_long() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let wall = Duration::from_millis(100);
    let limits = Limits {
        fuel: u64::MAX,
        wall,
        // Each of them is to be asked.
        breaker: BreakerLimits {
            faults: u32::MAX,
            ..BreakerLimits::default()
        },
        ..Limits::default()
    };
    let host = PluginHost::new(limits, None).unwrap();
    let good = Fixture::default().load(&host).unwrap().info.pin();
    let before = host.ask_blocking(&question(good.clone())).unwrap();
    let bad: Vec<_> = hostile()
        .into_iter()
        .map(|(fixture, code)| (fixture.load(&host).unwrap().info.pin(), code))
        .collect();
    let mut settled = Vec::new();
    for _ in 0..3 {
        runtime.block_on(async {
            let mut calls = Vec::new();
            for number in 0..TOGETHER {
                let (package, code) = bad[number % bad.len()].clone();
                let host = host.clone();
                calls.push(tokio::spawn(async move {
                    (host.ask(question(package)).await, code)
                }));
            }
            // In the middle of it: an honest question is answered as ever.
            let asked = Instant::now();
            assert_eq!(host.ask(question(good.clone())).await.unwrap(), before);
            let waited = asked.elapsed();
            for call in calls {
                let (answer, code) = call.await.unwrap();
                assert_eq!(answer.unwrap_err().code, code);
            }
            let all = asked.elapsed();
            println!("answered after {waited:?}, all stopped after {all:?}");
            // Thirteen loops of a tenth of a second each, a few at a time.
            assert!(all < Duration::from_secs(10), "{all:?}");
        });
        settled.extend(resident());
    }
    // The first round fills pools and caches; the others must not add to them.
    if let [_, second, third] = settled[..] {
        println!("{settled:?} kB resident");
        assert!(third <= second + second / 20 + 4_096, "{settled:?}");
    }
    assert_eq!(host.ask_blocking(&question(good)).unwrap(), before);
}
