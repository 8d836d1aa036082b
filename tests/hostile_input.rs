//! Arbitrary bytes at the doors of the product: requests over a socket, and its configuration file.

use std::time::{Duration, Instant};

use crate::support::{Random, Server, run};

/// Requests of the short form.
const REQUESTS: u32 = 300;

fn bytes(random: &mut Random, most: u64) -> Vec<u8> {
    (0..random.below(most))
        .map(|_| random.below(256) as u8)
        .collect()
}

/// A good text with some of its bytes replaced, cut out or inserted.
fn damaged(random: &mut Random, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        let byte = random.below(256) as u8;
        match (random.below(3), at < bytes.len()) {
            (0, true) => bytes[at] = byte,
            (1, true) => drop(bytes.drain(at..(at + 9).min(bytes.len()))),
            _ => bytes.insert(at, byte),
        }
    }
    bytes
}

fn request(random: &mut Random, token: &str) -> Vec<u8> {
    let body = match random.below(4) {
        0 => bytes(random, 400),
        1 => "[".repeat(random.below(5_000) as usize).into_bytes(),
        2 => damaged(
            random,
            r#"{"code":"F-1","name":"模糊","facts":{"budget.total":"1"},"contacts":{"officer":["a@b.example"]}}"#,
        ),
        _ => damaged(
            random,
            r#"{"event":"finish-survey","facts":{"survey.finished":"2026-03-02"},"expected_version":1}"#,
        ),
    };
    let path = [
        "/api/v1/projects",
        "/api/v1/projects/F-1/fire",
        "/api/v1/projects/%00/fire",
        "/api/v1/projects?limit=x",
    ];
    let path = path[random.below(path.len() as u64) as usize];
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let head = match random.below(4) {
        0 => damaged(random, &head),
        1 if random.below(5) == 0 => bytes(random, 600),
        _ => head.into_bytes(),
    };
    [head, body].concat()
}

#[test]
fn arbitrary_requests_are_refused_and_disturb_nobody() {
    let mut random = Random::from_env();
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let token = server.token.clone().expect("the first start shows a token");
    let good = r#"{"code":"F-1","name":"模糊"}"#;
    assert_eq!(server.post("/api/v1/projects", &token, "good", good).0, 201);
    let mut answered = 0;
    for _ in 0..REQUESTS {
        let request = request(&mut random, &token);
        let started = Instant::now();
        // A head cut off leaves the server waiting for the rest, until we hang up.
        let answer = server.raw_within(&request, Duration::from_millis(300));
        assert!(started.elapsed() < Duration::from_secs(3));
        if let Some((status, _, body)) = answer {
            answered += 1;
            assert!(
                (200..500).contains(&status),
                "{status} {body}\n{:?}",
                String::from_utf8_lossy(&request)
            );
        }
    }
    assert!(answered > REQUESTS / 2, "{answered}");
    assert_eq!(server.get("/livez", "").0, 200);
    assert_eq!(
        server.post("/api/v1/projects", &token, "good", good).0,
        201,
        "the same answer"
    );
    server.stop();
    let verified = run(&["--data", data.path().to_str().unwrap(), "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
}

#[test]
fn arbitrary_configurations_are_read_or_refused() {
    let mut random = Random::from_env();
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let made = run(&[
        "--data", folder, "project", "create", "--code", "C-1", "--name", "c",
    ]);
    assert_eq!(made.code, 0, "{}", made.err);
    let good = "[mail]\ndomain = \"d.example\"\n\n[calendar]\nlayers = []\n";
    for _ in 0..25 {
        let text = match random.below(3) {
            0 => bytes(&mut random, 300),
            _ => damaged(&mut random, good),
        };
        std::fs::write(data.path().join("liucheng.toml"), &text).unwrap();
        let said = run(&["--data", folder, "project", "list"]);
        let known = matches!(said.code, 0 | 69 | 78);
        assert!(
            known,
            "{} {}\n{:?}",
            said.code,
            said.err,
            String::from_utf8_lossy(&text)
        );
    }
}
