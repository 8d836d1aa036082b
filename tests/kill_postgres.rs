//! SIGKILL at random moments of a server on PostgreSQL with several clients: nothing acknowledged is lost,
//! nothing happens twice.

use std::{
    collections::BTreeSet,
    path::Path,
    process::Command,
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use crate::{
    demo::message_ids,
    nodes::server,
    support::{Random, Server, liucheng, records, run},
};

/// Clients at the same time; two of them share a project.
const CLIENTS: usize = 4;
/// Kills of the short form.
const KILLS: u32 = 6;

/// A client: what it was told, and the command of which it heard nothing.
#[derive(Default)]
struct Client {
    acknowledged: Vec<u32>,
    unsure: Option<u32>,
    next: u32,
}

fn project(client: usize) -> String {
    format!("K-{}", client / 2)
}

fn fire(server: &Server, token: &str, client: usize, n: u32) -> Option<u16> {
    // A number of its own for each client, so that histories tell them apart.
    let year = n * u32::try_from(CLIENTS).unwrap() + u32::try_from(client).unwrap();
    let body = format!(r#"{{"event":"record-facts","facts":{{"contract.year":{year}}}}}"#);
    let path = format!("/api/v1/projects/{}/fire", project(client));
    let answer = server.try_post(&path, token, &format!("c{client}-{n}"), &body);
    answer.map(|(status, _)| status)
}

impl Client {
    /// Gives commands until the server is gone.
    fn work(&mut self, server: &Server, token: &str, client: usize) {
        loop {
            let n = self.unsure.take().unwrap_or_else(|| {
                self.next += 1;
                self.next
            });
            match fire(server, token, client, n) {
                Some(200) => self.acknowledged.push(n),
                Some(503) => self.unsure = Some(n),
                Some(other) => panic!("client {client} was told {other}"),
                None => {
                    self.unsure = Some(n);
                    return;
                }
            }
        }
    }
}

fn start(data: &Path, database: &str) -> Server {
    let mut command = liucheng();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(["--database", database, "--node", "one"]);
    Server::run(command)
}

#[test]
fn a_killed_server_on_postgres_keeps_what_it_acknowledged() {
    let Some(postgres) = server::shared() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let database = runtime.block_on(postgres.database());
    let mut random = Random::from_env();
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path(), &database);
    let token = server.token.clone().expect("the first start shows a token");
    for number in 0..CLIENTS / 2 {
        // Overdue since 2021: mails go out at once, and must go out once.
        let body = format!(
            r#"{{"code":"K-{number}","name":"断电","facts":{{"award.notice_issued":"2021-08-27"}},"contacts":{{"officer":["o{number}@k.example"]}}}}"#
        );
        let key = format!("create {number}");
        assert_eq!(server.post("/api/v1/projects", &token, &key, &body).0, 201);
    }
    let seconds = std::env::var("LIUCHENG_FAULT_SECONDS").ok();
    let seconds: Option<u64> = seconds.and_then(|s| s.parse().ok());
    let end = seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::default()).collect();
    let mut kills = 0;
    while end.map_or(kills < KILLS, |end| Instant::now() < end) {
        let pause = Duration::from_millis(random.below(300));
        scope(|scope| {
            for (number, client) in clients.iter_mut().enumerate() {
                let (server, token) = (&server, &token);
                scope.spawn(move || client.work(server, token, number));
            }
            sleep(pause);
            let pid = server.pid().to_string();
            assert!(
                Command::new("kill")
                    .args(["-KILL", &pid])
                    .status()
                    .unwrap()
                    .success()
            );
        });
        server.kill();
        server = start(data.path(), &database);
        kills += 1;
    }
    for (number, client) in clients.iter_mut().enumerate() {
        if let Some(n) = client.unsure.take() {
            assert_eq!(
                fire(&server, &token, number, n),
                Some(200),
                "asked again with the same key"
            );
            client.acknowledged.push(n);
        }
    }
    server.wait_for(|| message_ids(&data.path().join("mail")).len() >= CLIENTS / 2);
    server.stop();
    let folder = data.path().to_str().unwrap();
    let mut done = vec![Vec::new(); CLIENTS];
    for number in 0..CLIENTS / 2 {
        let code = format!("K-{number}");
        for record in records(&["--data", folder, "--database", &database], &code) {
            for event in record["events"].as_array().unwrap() {
                let Some(year) = event["facts"]["contract.year"].as_u64() else {
                    continue;
                };
                let (n, client) = (year as u32 / CLIENTS as u32, year as usize % CLIENTS);
                done[client].push(n);
            }
        }
    }
    let mut total = 0;
    for (client, done) in clients.iter().zip(&done) {
        assert_eq!(
            *done, client.acknowledged,
            "every acknowledged command once, in order, and no other"
        );
        total += done.len();
    }
    println!("{kills} kills, {total} commands");
    assert!(total as u32 > kills, "only {total} commands");
    let verified = run(&["--data", folder, "--database", &database, "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    let ids = message_ids(&data.path().join("mail"));
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "no mail twice"
    );
}
