//! SIGKILL at random moments: nothing acknowledged is lost, nothing happens twice.

use std::{
    collections::BTreeSet,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    demo::message_ids,
    support::{Random, Said, Server, liucheng, records, run},
};

/// Kills of the demo; together with those of the server more than fifty.
const DEMO_KILLS: u32 = 30;
/// Kills of the server.
const SERVER_KILLS: u32 = 25;

#[test]
fn a_killed_demo_goes_on_where_it_was() {
    let mut random = Random::from_env();
    let demo = |folder: &str| {
        let two = ["--only", "ningxia-yuanzhou", "--only", "shanxi-linfen"];
        let args = [&["demo", "--once", "--json", "--data", folder][..], &two].concat();
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // Compiled components are kept, so that the kills meet the work and not the compiler.
    let compiled = tempfile::tempdir().unwrap();
    let first = liucheng()
        .args(demo(compiled.path().to_str().unwrap()))
        .output()
        .unwrap();
    assert!(first.status.success());
    let fresh = || {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&compiled.path().join("cache"), &folder.path().join("cache"));
        folder
    };
    let whole = fresh();
    let started = Instant::now();
    let expected: Said = liucheng()
        .args(demo(whole.path().to_str().unwrap()))
        .output()
        .unwrap()
        .into();
    let run_time = started.elapsed();
    assert_eq!(expected.code, 0, "{}", expected.err);

    let mails = message_ids(&whole.path().join("mail")).len();

    let mut killed = 0;
    while killed < DEMO_KILLS {
        let broken = fresh();
        let args = demo(broken.path().to_str().unwrap());
        // Several lives in one folder, until one of them comes to its end.
        loop {
            let mut child = liucheng()
                .args(&args)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            sleep(Duration::from_millis(
                random.below(run_time.as_millis() as u64),
            ));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        let after: Said = liucheng().args(&args).output().unwrap().into();
        assert_eq!(after.code, 0, "{}", after.err);
        assert_eq!(after.out, expected.out, "the same history as without kills");
        let ids = message_ids(&broken.path().join("mail"));
        let once: BTreeSet<_> = ids.iter().collect();
        assert_eq!(
            (once.len(), ids.len()),
            (mails, mails),
            "no mail lost, none twice"
        );
    }
}

/// Copies the files of a folder into a new one that nobody else may read.
fn copy_folder(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700).create(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    let mut random = Random::from_env();
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let token = server.token.clone().expect("the first start shows a token");
    // The contract is overdue since 2021: reminders go out at once, and must go out once.
    let body = r#"{"code":"K-1","name":"断电","province":"ningxia-yuanzhou","facts":{"award.notice_issued":"2021-08-27"},"contacts":{"officer":["o@k.example"],"supervisor":["s@k.example"]}}"#;
    assert_eq!(
        server.post("/api/v1/projects", &token, "create", body).0,
        201
    );
    let mut acknowledged: Vec<u32> = Vec::new();
    let mut next = 0;
    // The long form goes on until its time is up.
    let seconds = std::env::var("LIUCHENG_FAULT_SECONDS").ok();
    let seconds: Option<u64> = seconds.and_then(|s| s.parse().ok());
    let end = seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let mut kills = 0;
    while end.map_or(kills < SERVER_KILLS, |end| Instant::now() < end) {
        kills += 1;
        let until = Instant::now() + Duration::from_millis(random.below(120));
        while Instant::now() < until {
            next += 1;
            if fire(&server, &token, next) == Some(200) {
                acknowledged.push(next);
            }
        }
        server.kill();
        server = Server::start(data.path());
        // A client that saw no answer asks again with the same key.
        if acknowledged.last() != Some(&next) && next > 0 {
            assert_eq!(fire(&server, &token, next), Some(200));
            acknowledged.push(next);
        }
    }
    server.wait_for(|| message_ids(&data.path().join("mail")).len() >= 2);
    server.stop();
    let records = records(&["--data", data.path().to_str().unwrap()], "K-1");
    let done: Vec<u32> = records
        .iter()
        .flat_map(|r| r["events"].as_array().unwrap().clone())
        .filter_map(|e| e["facts"]["contract.year"].as_u64())
        .map(|n| n as u32)
        .collect();
    assert_eq!(
        done, acknowledged,
        "every acknowledged command once, in order, and no other"
    );
    assert!(
        acknowledged.len() >= kills as usize,
        "only {} commands",
        acknowledged.len()
    );
    let verified = run(&["--data", data.path().to_str().unwrap(), "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    let ids = message_ids(&data.path().join("mail"));
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "no mail twice"
    );
}

fn fire(server: &Server, token: &str, n: u32) -> Option<u16> {
    let body = format!(r#"{{"event":"record-facts","facts":{{"contract.year":{n}}}}}"#);
    server
        .try_post("/api/v1/projects/K-1/fire", token, &format!("k{n}"), &body)
        .map(|(status, _)| status)
}
