//! Faults at the port of both databases, clocks that jump, storms, races and cut connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant as Moment},
};

use liucheng_engine::{commands::FireEvent, ports::Store};
use liucheng_faults::{
    check::projects,
    faulty::FaultyStore,
    random::{Random, first_seed, seconds},
    scene::{self, Law},
};
use liucheng_store::{Options, connect};
use serde_json::json;

use crate::{
    proxy::Proxy,
    rig::{DAY, Place, Rig},
    server::{self, Server},
};

fn dice() -> Random {
    let seed = first_seed();
    println!("LIUCHENG_SEED={seed}");
    Random::new(seed)
}

/// As many times as much in the long form.
fn long(short: usize) -> usize {
    short * if seconds().is_some() { 10 } else { 1 }
}

/// F5, F12: one call in ten fails, commands come ten times and in any order; each has one effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_at_the_port_lose_and_repeat_nothing() {
    let mut random = dice();
    for place in Place::both().await {
        let rig = Rig::new(Law::Small);
        let store = place.open().await;
        scene::library(Law::Small, &rig.entry, 0)
            .unwrap()
            .keep_in(&*store)
            .await
            .unwrap();
        let faulty = Arc::new(FaultyStore::new(
            Arc::clone(&store),
            Random::new(random.number()),
            100,
        ));
        let engines = [rig.engine(faulty.clone())];
        for _ in 0..5 {
            rig.clients(&engines, (8, long(6)), &mut random).await;
            rig.clock.forward(6 * DAY);
            rig.work_off(&engines).await;
        }
        // A timer that could not be fired waits for five minutes.
        let calm = [rig.engine(Arc::clone(&store))];
        rig.clock.forward(DAY / 24);
        rig.work_off(&engines).await;
        rig.work_off(&calm).await;
        rig.judge(&*store).await;
        let mails = rig.each_mail_once();
        let faults = faulty.faults.load(Ordering::Relaxed);
        let acknowledged = rig.oracle.lock().unwrap().acknowledged();
        println!(
            "{}: {acknowledged} commands, {mails} mails, {faults} faults",
            place.location
        );
        assert!(
            acknowledged > 20 && mails > 0 && faults > 20,
            "{acknowledged} {mails} {faults}"
        );
        store.close().await;
    }
}

/// F7: the clock jumps; nothing fires before its time, and nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jumping_clocks_fire_nothing_early_or_twice() {
    let mut random = dice();
    for place in Place::both().await {
        let rig = Rig::new(Law::Small);
        let store = place.open().await;
        let engines = [rig.engine(Arc::clone(&store))];
        for jump in [
            DAY / 24,
            -DAY / 24,
            400 * DAY,
            -400 * DAY,
            DAY,
            -DAY,
            30 * DAY,
        ] {
            rig.clients(&engines, (4, long(5)), &mut random).await;
            rig.clock.forward(jump);
            rig.work_off(&engines).await;
            let before = records(&*store).await;
            // The same moment again, and a little earlier: nothing is left to fire.
            rig.clock.forward(-DAY / 24);
            rig.work_off(&engines).await;
            assert_eq!(records(&*store).await, before, "after a jump of {jump}");
        }
        rig.judge(&*store).await;
        rig.each_mail_once();
        store.close().await;
    }
}

async fn records(store: &dyn Store) -> u64 {
    projects(store)
        .await
        .unwrap()
        .iter()
        .map(|row| row.version)
        .sum()
}

/// F9: very many timers at the same second drain in bounded batches, and commands are answered meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_of_timers_drains_while_commands_are_answered() {
    let storm = long(2_000);
    for place in Place::both().await {
        let rig = Rig::new(Law::Small);
        let store = place.open().await;
        let engine = rig.engine(Arc::clone(&store));
        let mut opening = tokio::task::JoinSet::new();
        for number in 0..storm {
            let mut create = scene::opening(Law::Small, &format!("S-{number}"));
            create
                .facts
                .insert("award.notice_issued".to_owned(), json!("2026-01-05"));
            let engine = engine.clone();
            opening.spawn(async move {
                engine
                    .create(&scene::person(0), create, None)
                    .await
                    .unwrap()
            });
            if opening.len() >= 64 {
                opening.join_next().await.unwrap().unwrap();
            }
        }
        opening.join_all().await;
        let asked = engine
            .create(&scene::person(1), scene::opening(Law::Small, "ASKED"), None)
            .await
            .unwrap()
            .id;
        let due = store.next_wake().await.unwrap().unwrap();
        rig.clock.set(due);
        let together = store.due_timers(due, u32::MAX).await.unwrap().len();
        assert!(together >= storm, "{together} are due at {due:?}");
        let started = Moment::now();
        let firing = tokio::spawn({
            let engine = engine.clone();
            async move {
                let mut batches = Vec::new();
                loop {
                    match engine.fire_due().await.unwrap() {
                        0 => return batches,
                        fired => batches.push(fired),
                    }
                }
            }
        });
        let (mut slowest, mut answered) = (Duration::ZERO, 0_u32);
        while !firing.is_finished() {
            let fire = FireEvent {
                event: "record-facts".to_owned(),
                facts: [("contract.year".to_owned(), json!(answered % 4))].into(),
                expected_version: None,
                waive: None,
            };
            let asked_at = Moment::now();
            engine
                .fire(&scene::person(1), asked, fire, None)
                .await
                .unwrap();
            slowest = slowest.max(asked_at.elapsed());
            answered += 1;
        }
        let (batches, took) = (firing.await.unwrap(), started.elapsed());
        println!(
            "{storm} timers in {took:?}, {} batches, {answered} commands, slowest {slowest:?}",
            batches.len()
        );
        assert!(batches.iter().all(|fired| *fired <= 1_024), "{batches:?}");
        assert!(
            answered > 2 && slowest < Duration::from_secs(2),
            "{answered} {slowest:?}"
        );
        rig.work_off(std::slice::from_ref(&engine)).await;
        assert_eq!(
            rig.each_mail_once(),
            storm,
            "each project reminds its officer once"
        );
        store.close().await;
    }
}

/// F10: nodes that share a database fire each timer and send each mail once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_race_do_everything_once() {
    let mut random = dice();
    for nodes in [2, 3] {
        let Some(place) = Place::postgres().await else {
            return;
        };
        let rig = Rig::new(Law::Small);
        let (mut stores, mut engines) = (Vec::new(), Vec::new());
        for _ in 0..nodes {
            stores.push(place.open().await);
            engines.push(rig.engine(Arc::clone(stores.last().unwrap())));
        }
        for _ in 0..4 {
            rig.clients(&engines, (6, long(6)), &mut random).await;
            rig.clock.forward(7 * DAY);
            let (rig, workers, clients) = (Arc::clone(&rig), engines.clone(), engines.clone());
            let dice = Random::new(random.number());
            // Timers and commands at the same time.
            let client = tokio::spawn(Arc::clone(&rig).client(clients, long(6), dice));
            rig.work_off(&workers).await;
            client.await.unwrap();
        }
        rig.work_off(&engines).await;
        rig.judge(&*stores[0]).await;
        let mails = rig.each_mail_once();
        println!(
            "{nodes} nodes: {} commands, {mails} mails",
            rig.oracle.lock().unwrap().acknowledged()
        );
        assert!(mails > 0);
        for store in stores {
            store.close().await;
        }
    }
}

/// F11: the wire is cut when the server answers, and the server crashes and returns; clients with keys
/// hear the same as without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_cut_off_are_given_again_by_key() {
    let mut random = dice();
    let Some(mut server) = server::available(Server::start()) else {
        return;
    };
    let whole = server.database().await;
    let (base, rest) = whole.split_once("127.0.0.1:").unwrap();
    let (port, rest) = rest.split_once('/').unwrap();
    let proxy = Arc::new(Proxy::to(port.parse().unwrap()).await);
    let location = format!("{base}127.0.0.1:{}/{rest}", proxy.port);
    let store = connect(&location, Options::DEFAULT).await.unwrap();
    let rig = Rig::new(Law::Small);
    let engines = [rig.engine(Arc::clone(&store))];
    let cuts = Arc::new(AtomicU64::new(0));
    let cutting = tokio::spawn({
        let (proxy, cuts, mut dice) = (
            Arc::clone(&proxy),
            Arc::clone(&cuts),
            Random::new(random.number()),
        );
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(20 + dice.below(150))).await;
                cuts.fetch_add(u64::from(!proxy.is_armed()), Ordering::Relaxed);
                proxy.arm();
            }
        }
    });
    for round in 0..2 {
        let crash = tokio::task::spawn_blocking(move || {
            std::thread::sleep(Duration::from_millis(60));
            if round > 0 {
                server.control("restart");
            }
            server
        });
        rig.clients(&engines, (6, long(6)), &mut random).await;
        server = crash.await.unwrap();
        rig.clock.forward(7 * DAY);
        rig.work_off(&engines).await;
    }
    cutting.abort();
    // What could not be fired waits for five minutes.
    rig.clock.forward(DAY / 24);
    let calm = connect(&whole, Options::DEFAULT).await.unwrap();
    rig.work_off(&engines).await;
    store.close().await;
    rig.work_off(&[rig.engine(Arc::clone(&calm))]).await;
    rig.judge(&*calm).await;
    rig.each_mail_once();
    let cuts = cuts.load(Ordering::Relaxed);
    println!(
        "{cuts} cuts, {} commands",
        rig.oracle.lock().unwrap().acknowledged()
    );
    assert!(cuts > 5, "{cuts}");
    calm.close().await;
}
