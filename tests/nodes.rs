//! Several nodes on one PostgreSQL, as the real binary.

use std::{path::Path, process::Command};

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
