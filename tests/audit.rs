//! The audit trail as an operator uses it: seal, note, export, check, and what a check finds.

use std::{collections::BTreeMap, path::Path};

use sqlx::{Connection, SqliteConnection};

use crate::support::{Said, Server, narrow, run};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str]) -> Said {
        let data = self.path("data");
        run(&[&["--data", &data], args].concat())
    }

    fn keep(&self, name: &str, said: &Said) -> String {
        assert_eq!(said.code, 0, "{}", said.err);
        let path = self.path(name);
        std::fs::write(&path, &said.out).unwrap();
        path
    }
}

/// Changes a file as an editor would.
fn edit(path: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_bundle_is_checked_anywhere_and_edits_are_found() {
    let folder = Folder::new();
    let two = ["--only", "ningxia-yuanzhou", "--only", "tianjin"];
    let demo = folder.run(&[&["demo", "--once", "--json"][..], &two].concat());
    assert_eq!(demo.code, 0, "{}", demo.err);
    let demo = demo.json();
    let checks = demo["checks"].as_array().unwrap().iter();
    let counts: BTreeMap<&str, u64> = checks
        .map(|c| (c["code"].as_str().unwrap(), c["records"].as_u64().unwrap()))
        .collect();
    let records: u64 = counts.values().sum();
    let of_yuanzhou = counts["YZ-2021"];
    let early = folder.run(&["audit", "head"]);
    assert_eq!(early.code, 3);
    assert!(early.err.contains("E-AUDIT-NOT-SEALED"), "{}", early.err);

    let key = folder.path("audit.key");
    let made = folder
        .run(&["audit", "keygen", "--to", &key, "--json"])
        .json();
    let public = made["public"].as_str().unwrap().to_owned();
    private(Path::new(&key));
    let again = folder.run(&["audit", "keygen", "--to", &key]);
    assert_eq!(again.code, 2, "never written over, as a backup");
    assert!(again.err.contains("E-AUDIT-EXISTS"), "{}", again.err);
    std::fs::write(
        folder.path("data/liucheng.toml"),
        "[audit]\nkey-file = \"../audit.key\"\n",
    )
    .unwrap();
    let sealed = folder.run(&["audit", "seal", "--json"]).json();
    assert_eq!(sealed["epochs"][0]["leaves"], 3);
    assert_eq!(
        folder.run(&["audit", "seal", "--json"]).json()["epochs"],
        serde_json::json!([])
    );
    let head = folder.keep("head.json", &folder.run(&["audit", "head", "--json"]));

    // The database, and the bundle elsewhere.
    for args in [
        &["verify"][..],
        &["audit", "verify", "--anchor", &head, "--key", &public],
    ] {
        let said = folder.run(args);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.contains("1 epoch, 1 signed"), "{}", said.out);
    }
    let bundle = folder.path("all.jsonl");
    assert_eq!(folder.run(&["audit", "export", "--to", &bundle]).code, 0);
    private(Path::new(&bundle));
    let again = folder.run(&["audit", "export", "--to", &bundle]);
    assert_eq!(again.code, 2, "never written over, as a backup");
    assert!(again.err.contains("E-AUDIT-EXISTS"), "{}", again.err);
    let again = folder.path("again.jsonl");
    assert_eq!(folder.run(&["audit", "export", "--to", &again]).code, 0);
    assert_eq!(
        std::fs::read(&bundle).unwrap(),
        std::fs::read(&again).unwrap()
    );
    let elsewhere = [
        "audit", "verify", &bundle, "--anchor", &head, "--key", &public, "--json",
    ];
    let good = run(&elsewhere);
    assert_eq!(good.code, 0, "{}", good.out);
    assert_eq!(good.json()["good"], true);
    assert_eq!(good.json()["records"], records);
    let stranger = run(&["audit", "verify", &bundle, "--key", &"ab".repeat(32)]);
    assert_ne!(stranger.code, 0);

    // The same bundle later is an anchor as well.
    assert_eq!(
        folder.run(&["audit", "verify", "--anchor", &bundle]).code,
        0
    );

    // A record is proven without any database.
    let proof = folder.keep(
        "proof.json",
        &folder.run(&["audit", "prove", "YZ-2021", "80"]),
    );
    let proven = run(&["audit", "verify-proof", &proof, "--key", &public, "--json"]);
    assert_eq!(proven.json()["record"]["seq"], 80, "{}", proven.err);
    assert_eq!(
        run(&["audit", "verify-proof", &proof, "--anchor", &head]).code,
        0
    );
    // One that was noted later: the proof has to lead up to it.
    let opened = folder.run(&[
        "project",
        "create",
        "--code",
        "LATE",
        "--name",
        "后来的项目",
    ]);
    assert_eq!(opened.code, 0, "{}", opened.err);
    assert_eq!(folder.run(&["audit", "seal"]).code, 0);
    let late = folder.keep("late.json", &folder.run(&["audit", "head", "--json"]));
    let short = run(&["audit", "verify-proof", &proof, "--anchor", &late]);
    assert_eq!(short.code, 1);
    assert!(short.err.contains("--anchor FILE"), "{}", short.err);
    let prove = ["audit", "prove", "YZ-2021", "80", "--anchor", &late];
    let long = folder.keep("long.json", &folder.run(&prove));
    for noted in [&late, &head] {
        let proven = run(&["audit", "verify-proof", &long, "--anchor", noted, "--json"]);
        assert_eq!(proven.json()["anchored"], true, "{}", proven.err);
    }
    for seq in [0, of_yuanzhou + 1, 9_999] {
        let said = folder.run(&["audit", "prove", "YZ-2021", &seq.to_string()]);
        assert_eq!(said.code, 3);
        let text = format!("YZ-2021 has no record {seq}: its records are 1 to {of_yuanzhou}");
        assert!(said.err.contains(&text), "{}", said.err);
    }
    edit(&proof, "\\\"seq\\\":80", "\\\"seq\\\":81");
    let bent = run(&["audit", "verify-proof", &proof]);
    assert_eq!(bent.code, 1);
    assert!(
        bent.err.contains("record 80: the hash chain is broken"),
        "{}",
        bent.err
    );

    // Whoever edits the bundle is told where.
    edit(&bundle, "\\\"seq\\\":7,", "\\\"seq\\\":7, ");
    let bad = run(&elsewhere);
    assert_eq!(bad.code, 1);
    let first = &bad.json()["first"];
    assert_eq!(
        (first["code"].as_str(), first["seq"].as_u64()),
        (Some("A-CHAIN"), Some(7))
    );
    let text = std::fs::read_to_string(&again).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for cut in [lines.len() - 1, lines.len() / 2, 3] {
        std::fs::write(&again, lines[..cut].join("\n") + "\n").unwrap();
        let said = run(&["audit", "verify", &again]);
        assert_eq!(said.code, 1, "cut at line {cut}");
        assert!(said.out.contains("A-BUNDLE"), "{}", said.out);
    }
}

/// The file of the database, changed as a disk editor would.
#[test]
fn an_edited_database_file_is_found() {
    let folder = Folder::new();
    for code in ["E-1", "E-2"] {
        let said = folder.run(&["project", "create", "--code", code, "--name", "篡改"]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    assert_eq!(folder.run(&["audit", "seal"]).code, 0);
    assert_eq!(folder.run(&["verify"]).code, 0);
    let path = folder.path("data/liucheng.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // Within the payload of the first record of E-2, and nowhere else.
    let from = br#"{"opened":{"code":"E-2","name":"#;
    let place = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    bytes[place + from.len() + 1] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let said = folder.run(&["verify", "--json"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let report = said.json();
    assert_eq!(
        (report["bad"].as_u64(), report["checks"][0]["code"].as_str()),
        (Some(1), Some("E-2"))
    );
    assert_eq!(report["first"]["seq"], 1);
    let said = folder.run(&["verify"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("BAD  E-2"), "{}", said.out);
    assert!(said.out.contains("first problem: project"), "{}", said.out);
}

/// A terminal of 80 columns shows everything in whole words.
#[test]
fn what_a_check_says_fits_on_80_columns() {
    let folder = Folder::new();
    for code in ["W-1", "W-2-WITH-A-CODE-THAT-IS-AS-LONG-AS-ANYBODY-LIKES-IT"] {
        let said = folder.run(&["project", "create", "--code", code, "--name", "宽"]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let key = folder.path("audit.key");
    assert_eq!(folder.run(&["audit", "keygen", "--to", &key]).code, 0);
    let config = "[audit]\nkey-file = \"../audit.key\"\n";
    std::fs::write(folder.path("data/liucheng.toml"), config).unwrap();
    assert_eq!(folder.run(&["audit", "seal"]).code, 0);
    let data = folder.path("data");
    let checked = |args: &[&str]| {
        let wide = folder.run(args);
        let narrow = narrow(&[&["--data", &data], args].concat());
        assert_eq!(narrow.code, wide.code);
        let words: Vec<&str> = wide.out.split_whitespace().collect();
        for line in narrow.out.lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
            for word in line.split_whitespace() {
                assert!(words.contains(&word), "{args:?}: {word}: {}", narrow.out);
            }
        }
        narrow
    };
    for args in [&["audit", "head"][..], &["audit", "epochs"]] {
        let said = checked(args);
        assert_eq!(said.out.lines().count(), 2, "{}", said.out);
    }
    let good = checked(&["verify"]);
    assert_eq!(good.code, 0);
    let summary = "2 projects checked, 0 bad: state = fold(history)\n\
                   1 epoch, 1 signed; 0 projects have changed since\n";
    assert!(good.out.contains(summary), "{}", good.out);

    // Where something is wrong, nothing is proven.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let file = folder.path("data/liucheng.db");
        let mut connection = SqliteConnection::connect(&file).await.unwrap();
        for edit in [
            "UPDATE project SET head = zeroblob(32) WHERE code = 'W-1'",
            "UPDATE epoch SET root = hash",
        ] {
            sqlx::raw_sql(edit).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    });
    let bad = checked(&["verify"]);
    assert_eq!(bad.code, 1);
    assert!(bad.out.contains("A-HEAD"), "{}", bad.out);
    assert!(bad.out.contains("A-EPOCH-ROOT"), "{}", bad.out);
    assert!(
        bad.out.contains("2 projects checked, 1 bad, "),
        "{}",
        bad.out
    );
    assert!(!bad.out.contains("fold(history)"), "{}", bad.out);
}

/// Bundles hold names, key files a secret.
#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(not(unix))]
fn private(_: &Path) {}

#[test]
fn wrong_files_and_keys_are_refused() {
    let folder = Folder::new();
    let said = folder.run(&["project", "create", "--code", "A-1", "--name", "审计"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let nothing = folder.path("nothing.json");
    std::fs::write(&nothing, "{}").unwrap();
    for (args, code, exit) in [
        (
            &["audit", "verify", "--anchor", &nothing][..],
            "E-AUDIT-ANCHOR",
            2,
        ),
        (
            &["audit", "verify", "--anchor", "/nonexistent"],
            "E-AUDIT-FILE",
            3,
        ),
        (&["audit", "verify", "--key", "ab"], "E-AUDIT-KEY", 2),
        (&["audit", "verify-proof", &nothing], "E-AUDIT-PROOF", 2),
        (&["audit", "prove", "A-1", "1"], "E-AUDIT-NOT-SEALED", 3),
        (&["audit", "prove", "A-1", "2"], "E-RECORD-NOT-FOUND", 3),
        (&["audit", "prove", "B-1", "1"], "E-NOT-FOUND", 3),
    ] {
        let said = folder.run(args);
        assert_eq!(said.code, exit, "{args:?}: {}", said.err);
        assert!(said.err.contains(code), "{args:?}: {}", said.err);
    }
    let empty = folder.path("empty");
    std::fs::write(&empty, "").unwrap();
    let database = folder.path("data/liucheng.db");
    for no_bundle in [&nothing, &empty, &database] {
        let said = run(&["audit", "verify", no_bundle]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{no_bundle}");
        assert!(said.err.contains("E-AUDIT-BUNDLE"), "{}", said.err);
        let said = folder.run(&["audit", "verify", "--anchor", no_bundle]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("E-AUDIT-ANCHOR"), "{}", said.err);
    }
    let said = run(&["audit", "verify", &folder.path("")]);
    assert_eq!(said.code, 2, "{}", said.err);
    std::fs::write(
        folder.path("data/liucheng.toml"),
        "[audit]\nkey-file = \"no.key\"\n",
    )
    .unwrap();
    let said = folder.run(&["audit", "seal"]);
    assert_eq!(said.code, 78, "{}", said.err);
}

#[test]
fn a_server_seals_by_itself_and_what_is_left_when_it_stops() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(Path::new(&data));
    let token = server.token.clone().unwrap();
    let sealed = || {
        folder.run(&["audit", "epochs", "--json"]).json()["epochs"]
            .as_array()
            .map_or(0, Vec::len)
    };
    // The first epoch comes at once: documents and the token.
    server.wait_for(|| sealed() == 1);
    let create = r#"{"code":"S-1","name":"封存"}"#;
    assert_eq!(server.post("/api/v1/projects", &token, "c", create).0, 201);
    let beside = folder.run(&["verify", "--json"]).json();
    assert_eq!(
        (beside["bad"].as_u64(), beside["unsealed"].as_u64()),
        (Some(0), Some(1))
    );
    server.stop();
    let after = folder.run(&["verify", "--json"]).json();
    assert_eq!(
        (after["good"].as_bool(), after["unsealed"].as_u64()),
        (Some(true), Some(0))
    );
    assert_eq!(sealed(), 2);
}
