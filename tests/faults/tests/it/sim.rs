//! F17: deterministic simulation, and the checker that judges it.

use std::time::{Duration, Instant};

use liucheng_faults::{
    random::{first_seed, seconds},
    sim::{Broken, Options, Report, run},
};

/// Runs in `cargo test`.
const RUNS: u64 = 24;

fn simulate(options: Options) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(run(options))
        .map_err(|failure| failure.to_string())
}

#[test]
fn sim_of_random_commands_and_faults() {
    let first = first_seed();
    println!("LIUCHENG_SEED={first}");
    let started = Instant::now();
    let limit = seconds().map(Duration::from_secs);
    let mut total = (0, 0, 0, 0);
    for run in 0.. {
        let goes_on = limit.map_or(run < RUNS, |limit| started.elapsed() < limit);
        if !goes_on {
            println!(
                "{run} runs, {} commands, {} records, {} timers, {} mails",
                total.0, total.1, total.2, total.3
            );
            break;
        }
        let report = simulate(Options::of_seed(first.wrapping_add(run)))
            .unwrap_or_else(|failure| panic!("{failure}"));
        total.0 += report.commands.1;
        total.1 += report.records;
        total.2 += report.fired;
        total.3 += report.mails;
    }
    assert!(total.0 > 0 && total.2 > 0 && total.3 > 0, "{total:?}");
}

#[test]
fn sim_of_one_seed_is_the_same_run_again() {
    let seed = first_seed();
    println!("LIUCHENG_SEED={seed}");
    let once = simulate(Options::of_seed(seed)).unwrap_or_else(|failure| panic!("{failure}"));
    let again = simulate(Options::of_seed(seed)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(once, again);
    let other = simulate(Options::of_seed(seed.wrapping_add(1)))
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert_ne!(once.digest, other.digest);
}

#[test]
fn sim_checker_catches_every_broken_store() {
    let first = first_seed();
    println!("LIUCHENG_SEED={first}");
    for broken in Broken::ALL {
        let caught = (0..40).find_map(|n| {
            let mut options = Options::of_seed(first.wrapping_add(n));
            options.law = liucheng_faults::scene::Law::Small;
            options.broken = Some(broken);
            // Second attempts are needed to see what differs in them.
            options.rates.mail_transient = 150;
            simulate(options).err()
        });
        assert!(caught.is_some(), "{broken:?} was not noticed");
        println!(
            "{broken:?}: {}",
            caught.unwrap().lines().last().unwrap_or_default()
        );
    }
}
