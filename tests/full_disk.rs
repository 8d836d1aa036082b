//! F6: the disk becomes full under load and is freed again, three times over.
//!
//! The disk is a small file system in memory, mounted for the server alone; the test reaches into it
//! through `/proc`. It takes the right to mount, which root has.

#![cfg(target_os = "linux")]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Server, liucheng};

const CYCLES: usize = 3;
const CLIENTS: usize = 4;
/// Mounts a small disk on `$1` and goes on with the other arguments on it.
const ON_A_SMALL_DISK: &str =
    r#"mount -t tmpfs -o size=24m,mode=700 liucheng-test "$1" && shift && exec "$@""#;

fn on_a_small_disk(folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", ON_A_SMALL_DISK, "sh"])
        .arg(folder)
        .env_remove("LIUCHENG_DATA")
        .env("NO_COLOR", "1");
    command
}

/// Whether a disk can be had; says so where not.
fn can_mount(folder: &Path) -> bool {
    let tried = on_a_small_disk(folder).arg("true").output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return true;
    }
    let required = std::env::var("LIUCHENG_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.contains("tmpfs"), "no small disk can be mounted");
    let word = "\n=== SKIPPED: the test of a full disk. It needs `unshare -m` and mount, as root has. ===\n";
    std::io::stderr().write_all(word.as_bytes()).unwrap();
    false
}

/// Takes all room there is.
fn fill(file: &Path) {
    let mut file = std::fs::File::create(file).unwrap();
    for block in [vec![0; 64 << 10], vec![0; 1 << 10], vec![0]] {
        while file.write_all(&block).is_ok() {}
    }
}

fn figure(server: &Server, name: &str) -> String {
    let (status, page) = server.get("/metrics", "");
    assert_eq!(status, 200, "{page}");
    let line = page
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    line.and_then(|line| line.rsplit(' ').next())
        .unwrap_or_default()
        .to_owned()
}

/// One client that repeats each command until it is acknowledged; how many were.
struct Client<'a> {
    server: &'a Server,
    token: &'a str,
    project: String,
    acknowledged: &'a AtomicU64,
    refused: &'a AtomicU64,
    stop: &'a AtomicBool,
}

impl Client<'_> {
    fn run(&self) -> u32 {
        let path = format!("/api/v1/projects/{}/fire", self.project);
        let mut done = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let next = done + 1;
            let body = format!(r#"{{"event":"record-facts","facts":{{"contract.year":{next}}}}}"#);
            let (status, answer) = self
                .server
                .post(&path, self.token, &format!("k{next}"), &body);
            match status {
                200 => {
                    done = next;
                    self.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                507 => {
                    assert!(answer.contains("E-STORE-FULL"), "{answer}");
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(10));
                }
                _ => panic!("{status} {answer}"),
            }
        }
        done
    }
}

fn wait(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < end, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn one_cycle(server: &Server, token: &str, filler: &Path, counts: [&AtomicU64; 2]) {
    let [acknowledged, refused] = counts.map(|count| count.load(Ordering::Relaxed));
    let [acknowledging, refusing] = counts;
    wait("work before", || {
        acknowledging.load(Ordering::Relaxed) > acknowledged + 20
    });
    fill(filler);
    wait("a refusal", || refusing.load(Ordering::Relaxed) > refused);
    let (status, body) = server.get("/readyz", "");
    assert_eq!(status, 503, "{body}");
    assert!(
        body.contains("E-STORE-FULL") && body.contains("since"),
        "{body}"
    );
    assert_eq!(figure(server, "liucheng_store_full"), "1.0");
    // Reading goes on, and the figures count the refusals.
    assert_eq!(server.get("/api/v1/projects/F-0", token).0, 200);
    assert_eq!(server.get("/api/v1/projects", token).0, 200);
    let name = r#"liucheng_commands_total{command="fire",code="E-STORE-FULL"}"#;
    assert_ne!(figure(server, name), "");
    std::fs::remove_file(filler).unwrap();
    let freed = Instant::now();
    let before = acknowledging.load(Ordering::Relaxed);
    wait("work afterwards", || {
        acknowledging.load(Ordering::Relaxed) > before + 20
    });
    assert!(
        freed.elapsed() < Duration::from_secs(20),
        "{:?}",
        freed.elapsed()
    );
    let (_, body) = server.get("/readyz", "");
    assert!(!body.contains("E-STORE-FULL"), "{body}");
}

#[test]
fn a_full_disk_is_read_only_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    if !can_mount(&data) {
        return;
    }
    let mut command = on_a_small_disk(&data);
    command
        .arg(liucheng().get_program())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data);
    let server = Server::run(command);
    let token = server.token.clone().unwrap();
    for i in 0..CLIENTS {
        let body = format!(r#"{{"code":"F-{i}","name":"满"}}"#);
        assert_eq!(server.post("/api/v1/projects", &token, "c", &body).0, 201);
    }
    let seen = PathBuf::from(format!("/proc/{}/root", server.pid()));
    let seen = seen.join(data.strip_prefix("/").unwrap());
    assert!(seen.join("liucheng.db").exists(), "{}", seen.display());
    let (acknowledged, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let done: Vec<u32> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|i| Client {
                server: &server,
                token: &token,
                project: format!("F-{i}"),
                acknowledged: &acknowledged,
                refused: &refused,
                stop: &stop,
            })
            .map(|client| scope.spawn(move || client.run()))
            .collect();
        for _ in 0..CYCLES {
            one_cycle(
                &server,
                &token,
                &seen.join("filler"),
                [&acknowledged, &refused],
            );
        }
        stop.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    assert!(done.iter().all(|done| *done > 0), "{done:?}");
    // Everything acknowledged is there once, in order, and nothing else.
    for (i, done) in done.iter().enumerate() {
        let mut years = Vec::new();
        let mut after = 0;
        loop {
            let path = format!("/api/v1/projects/F-{i}/history?after={after}&limit=200");
            let page = server.get(&path, &token).1;
            let page: serde_json::Value = serde_json::from_str(&page).unwrap();
            for record in page["records"].as_array().unwrap() {
                let events = record["events"].as_array().unwrap();
                years.extend(
                    events
                        .iter()
                        .filter_map(|e| e["facts"]["contract.year"].as_u64()),
                );
            }
            let Some(next) = page["next"].as_u64() else {
                break;
            };
            after = next;
        }
        let expected: Vec<u64> = (1..=u64::from(*done)).collect();
        assert_eq!(years, expected, "F-{i}");
    }
    let verified = Command::new("nsenter")
        .args(["-m", "-t", &server.pid().to_string()])
        .arg(liucheng().get_program())
        .args(["verify", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
    server.stop();
}
