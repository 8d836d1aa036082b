//! Several nodes on one PostgreSQL, as the real binary.

use std::{
    io::Read,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use sqlx::{Connection, PgConnection};

use crate::{
    demo::message_ids,
    support::{Server, liucheng},
};

#[expect(dead_code, reason = "the store's own tests use the rest")]
#[path = "../core/store/tests/contract/server.rs"]
pub mod server;

fn node(data: &Path, database: &str, name: &str, roles: &str) -> Command {
    // Dates beyond the calendar are not what this is about.
    std::fs::write(data.join("liucheng.toml"), "[ready]\ncalendar = \"warn\"\n").unwrap();
    let mut command = liucheng();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(["--database", database, "--node", name, "--roles", roles]);
    command
}

fn codes(server: &Server) -> Vec<String> {
    let body = server.get("/readyz", "").1;
    let body: Json = serde_json::from_str(&body).unwrap();
    let reasons = body["reasons"].as_array().unwrap().iter();
    reasons
        .map(|reason| reason["code"].as_str().unwrap().to_owned())
        .filter(|code| code != "E-CALENDAR-COVERAGE")
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_the_work_of_one_database() {
    let Some(postgres) = server::shared() else {
        return;
    };
    let database = postgres.database().await;
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let start = |i: usize, name: &str, roles: &str| {
        let command = node(folders[i].path(), &database, name, roles);
        std::thread::spawn(move || Server::run(command))
    };
    // All at once, on an empty database.
    let starting = [
        start(0, "web-1", "web"),
        start(1, "web-2", "web"),
        start(2, "work-1", "worker"),
    ];
    let [web, other, worker] = starting.map(|server| server.join().unwrap());

    // Every token that was shown is good everywhere; a worker shows none.
    let tokens: Vec<&String> = [&web, &other]
        .iter()
        .filter_map(|s| s.token.as_ref())
        .collect();
    assert!(!tokens.is_empty());
    assert!(worker.token.is_none());
    for token in &tokens {
        for server in [&web, &other] {
            assert_eq!(server.get("/api/v1/projects", token).0, 200);
        }
    }
    let token = tokens[0].as_str();
    assert_eq!(worker.get("/api/v1/projects", token).0, 404);
    assert_eq!(worker.get("/livez", "").0, 200);
    worker.wait_for(|| codes(&worker).is_empty());
    assert_eq!(codes(&web), Vec::<String>::new());

    // What a web node takes in, the worker does; and the other web node shows it.
    let body = r#"{"code":"N-1","name":"两节点","province":"ningxia-yuanzhou","facts":{"award.notice_issued":"2021-08-27"},"contacts":{"officer":["o@n.example"],"supervisor":["s@n.example"]}}"#;
    assert_eq!(web.post("/api/v1/projects", token, "c", body).0, 201);
    worker.wait_for(|| message_ids(&folders[2].path().join("mail")).len() >= 2);
    assert!(message_ids(&folders[0].path().join("mail")).is_empty());
    assert_eq!(other.get("/api/v1/projects/N-1", token).0, 200);
    let page = worker.get("/metrics", "").1;
    assert!(page.contains("liucheng_clock_skew_seconds"), "{page}");
    assert!(!page.contains("liucheng_store_log_bytes"), "{page}");

    // A worker that stops in order leaves nothing claimed, and a node of another name goes on at once.
    worker.stop();
    let mut connection = PgConnection::connect(&database).await.unwrap();
    let alive: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM node WHERE name = 'work-1'
            AND alive_until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(alive, 0);

    // Somebody upgrades one node: the others say that they are of an older age.
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'to come', true, '\\x00', 1)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    assert_eq!(codes(&web), ["E-STORE-NEWER"]);
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version IN (9999, (SELECT max(version) FROM _sqlx_migrations WHERE version < 9999))")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(codes(&web), ["E-STORE-MIGRATIONS-BEHIND"]);
    web.stop();
    other.stop();
}

fn signal(pid: &str, signal: &str) {
    let sent = Command::new("kill").args([signal, pid]).status().unwrap();
    assert!(sent.success());
}

/// Two living nodes of one name: the second is refused, a crashed one comes back at once, and one that
/// stood still until another had its name ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_living_nodes() {
    let Some(postgres) = server::shared() else {
        return;
    };
    let database = postgres.database().await;
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let command = |i: usize| {
        let data: &Path = folders[i].path();
        let command = node(data, &database, "office", "web,worker");
        let config = "[ready]\ncalendar = \"warn\"\n[database]\nlease-seconds = 5\n";
        std::fs::write(data.join("liucheng.toml"), config).unwrap();
        command
    };
    let mut first = Server::run(command(0));
    let refused = command(1).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(69), "{said}");
    for part in ["E-NODE-TAKEN", "--node", "office", "hint"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(codes(&first).iter().all(|code| code != "E-NODE-TAKEN"));

    // A crash frees the name at once, with the lease still running.
    first.kill();
    let crashed = Instant::now();
    let first = Server::run(command(0));
    let elapsed = crashed.elapsed();
    assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
    first.stop();

    // Standing still frees it when the lease ends; who had it ends then.
    let mut connection = PgConnection::connect(&database).await.unwrap();
    let mut paused = command(0)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lives = "SELECT count(*) FROM node WHERE name = 'office' AND alive_until > 0";
    let end = Instant::now() + Duration::from_secs(10);
    while sqlx::query_scalar::<_, i64>(lives)
        .fetch_one(&mut connection)
        .await
        .unwrap()
        == 0
    {
        assert!(Instant::now() < end, "not in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let pid = paused.id().to_string();
    signal(&pid, "-STOP");
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    let second = Server::run(command(1));
    signal(&pid, "-CONT");
    let mut said = String::new();
    let mut stderr = paused.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(paused.wait().unwrap().code(), Some(69), "{said}");
    assert!(said.contains("error[E-NODE-TAKEN]: --node: "), "{said}");
    assert!(codes(&second).iter().all(|code| code != "E-NODE-TAKEN"));
    second.stop();
}
