//! Backups through the real binary: under load, damaged, restored.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};

use crate::{
    copy::on_postgres,
    support::{Said, Server, run},
};

/// Backups made while commands come in.
const BACKUPS: usize = 5;
/// Clients that give the commands, each on a project of its own.
const CLIENTS: usize = 3;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A data folder with two projects of the demo, and a backup of it.
fn backed_up() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(
        run(&[
            "demo",
            "--once",
            "--only",
            "ningxia-yuanzhou",
            "--only",
            "tianjin",
            "--data",
            text(&data)
        ])
        .code,
        0
    );
    let file = folder.path().join("备份.db");
    let made = run(&["--data", text(&data), "backup", "--to", text(&file)]);
    assert_eq!(made.code, 0, "{}", made.err);
    (folder, file)
}

fn manifest_of(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}.manifest.json", file.display()))
}

fn manifest(file: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(manifest_of(file)).unwrap()).unwrap()
}

fn verify(file: &Path) -> Said {
    run(&["backup", "verify", text(file), "--json"])
}

/// F19: whatever clients do meanwhile, a backup is one moment of it.
#[test]
fn backups_under_load_restore_to_a_prefix_of_the_history() {
    let postgres = on_postgres().map(Some);
    for database in [None].into_iter().chain(postgres) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut place = vec!["--data", text(&data)];
        if let Some(url) = &database {
            place.extend(["--database", url]);
        }
        let server = Server::start_with(&data, &place[2..]);
        let token = server.token.clone().unwrap();
        for client in 0..CLIENTS {
            let body = format!(
                r#"{{"code":"B-{client}","name":"备份","province":"ningxia-yuanzhou","facts":{{"award.notice_issued":"2021-08-27"}},"contacts":{{"officer":["o@k.example"],"supervisor":["s@k.example"]}}}}"#
            );
            let (status, said) =
                server.post("/api/v1/projects", &token, &format!("c{client}"), &body);
            assert_eq!(status, 201, "{said}");
        }
        let stop = AtomicBool::new(false);
        let acknowledged = [const { AtomicUsize::new(0) }; CLIENTS];
        let now = || acknowledged.each_ref().map(|n| n.load(Ordering::SeqCst));
        let mut made = Vec::new();
        thread::scope(|scope| {
            for (client, done) in acknowledged.iter().enumerate() {
                let (server, token, stop) = (&server, &token, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        fire(server, token, client, done.load(Ordering::SeqCst));
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            for n in 0..BACKUPS {
                let (file, before) = (folder.path().join(format!("{n}.db")), now());
                let said = run(&[&place[..], &["backup", "--to", text(&file)]].concat());
                let during = now().iter().sum::<usize>() - before.iter().sum::<usize>();
                println!("{during} commands came in during backup {n}");
                made.push((file, before, said));
            }
            stop.store(true, Ordering::SeqCst);
        });
        server.stop();
        let whole: Vec<_> = (0..CLIENTS).map(|client| history(&place, client)).collect();
        for (n, (file, before, said)) in made.into_iter().enumerate() {
            assert_eq!(said.code, 0, "{}", said.err);
            let fresh = folder.path().join(format!("restored-{n}"));
            let restored = run(&["--data", text(&fresh), "restore", text(&file)]);
            assert_eq!(restored.code, 0, "{}{}", restored.out, restored.err);
            let mut records = 0;
            for client in 0..CLIENTS {
                // The first folder has the compiled packages.
                let kept = fresh.join("liucheng.db");
                let place = ["--data", text(&data), "--database", text(&kept)];
                let kept = history(&place, client);
                assert_eq!(kept[..], whole[client][..kept.len()], "a prefix");
                assert!(
                    kept.len() > before[client],
                    "what was acknowledged before is in it"
                );
                records += kept.len();
            }
            // Restoring has verified it, before and after.
            assert_eq!(manifest(&file)["records"], records);
        }
    }
}

fn fire(server: &Server, token: &str, client: usize, number: usize) {
    let body = format!(r#"{{"event":"record-facts","facts":{{"contract.year":{number}}}}}"#);
    let path = format!("/api/v1/projects/B-{client}/fire");
    let (status, said) = server.post(&path, token, &format!("k{number}"), &body);
    assert_eq!(status, 200, "{said}");
}

fn history(place: &[&str], client: usize) -> Vec<Json> {
    let project = format!("B-{client}");
    let command = ["project", "history", &project, "--json", "--limit", "10000"];
    let said = run(&[place, &command].concat());
    said.json()["records"].as_array().unwrap().clone()
}

#[test]
fn a_backup_is_private_complete_and_not_overwritten() {
    let (folder, file) = backed_up();
    let data = folder.path().join("data");
    let made = manifest(&file);
    assert_eq!(made["projects"], 2);
    assert_eq!(made["format"], 1);
    assert_eq!(made["bytes"], std::fs::metadata(&file).unwrap().len());
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    assert_eq!(
        names(folder.path()),
        ["data", "备份.db", "备份.db.manifest.json"]
    );
    #[cfg(unix)]
    for path in [file.clone(), manifest_of(&file)] {
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let before = std::fs::read(&file).unwrap();
    let backup = |more: &[&str]| {
        let command = ["--data", text(&data), "backup", "--to", text(&file)];
        run(&[&command[..], more].concat())
    };
    let refused = backup(&[]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("E-BACKUP-EXISTS"), "{}", refused.err);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(backup(&["--force"]).code, 0);
    // Nothing but a backup is replaced, least of all the database itself.
    let database = data.join("liucheng.db");
    let at_work = std::fs::read(&database).unwrap();
    let command = ["--data", text(&data), "backup", "--force", "--to"];
    let refused = run(&[&command[..], &[text(&database)]].concat());
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("E-BACKUP-TARGET"), "{}", refused.err);
    assert_eq!(std::fs::read(&database).unwrap(), at_work);
    // Trying it out leaves it as it was, and nothing beside it.
    let bytes = std::fs::read(&file).unwrap();
    let verified = verify(&file);
    assert_eq!(verified.code, 0, "{}", verified.err);
    assert_eq!(verified.json()["verified"], 2);
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    assert_eq!(
        names(folder.path()),
        ["data", "备份.db", "备份.db.manifest.json"]
    );
    // An unusable place costs nothing.
    let nowhere = folder.path().join("no such folder/x.db");
    let refused = run(&["--data", text(&data), "backup", "--to", text(&nowhere)]);
    assert_eq!(refused.code, 69);
    assert!(refused.err.contains("E-BACKUP-FILE"), "{}", refused.err);
}

/// What a killed run leaves disturbs nobody, is told, and is gone after the next run of that name.
#[test]
fn what_a_killed_backup_has_left_is_replaced() {
    let (folder, _) = backed_up();
    let data = folder.path().join("data");
    let backups = data.join("backups");
    std::fs::create_dir(&backups).unwrap();
    let partial = backups.join("夜.db.partial");
    // Longer than what comes, and no database.
    std::fs::write(&partial, "half a backup\n".repeat(200_000)).unwrap();
    let doctor = || run(&["--data", text(&data), "doctor"]).out;
    assert!(doctor().contains("夜.db.partial"), "{}", doctor());
    let backup = |name: &str| {
        let file = backups.join(name);
        let said = run(&["--data", text(&data), "backup", "--to", text(&file)]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(verify(&file).code, 0, "{}", verify(&file).err);
        said
    };
    let other = backup("晨.db");
    assert!(other.out.contains("note: "), "{}", other.out);
    assert!(other.out.contains("夜.db.partial"), "{}", other.out);
    let same = backup("夜.db");
    assert!(!same.out.contains("note: "), "{}", same.out);
    assert!(!partial.exists());
    assert!(!doctor().contains("partial"), "{}", doctor());

    // Killed between its two files: there is no backup yet.
    let manifest = manifest_of(&backups.join("夜.db"));
    let draft = format!("{}.partial", manifest.display());
    std::fs::rename(&manifest, &draft).unwrap();
    backup("夜.db");
    assert!(!Path::new(&draft).exists());
    // A file without either is somebody else's.
    std::fs::remove_file(&manifest).unwrap();
    let file = backups.join("夜.db");
    let refused = run(&["--data", text(&data), "backup", "--to", text(&file)]);
    assert_eq!(refused.code, 2, "{}", refused.err);
}

#[test]
fn damage_is_found_before_anything_is_restored() {
    let (folder, file) = backed_up();
    let whole = std::fs::read(&file).unwrap();
    let refused = |code: &str| {
        let said = verify(&file);
        assert_ne!(said.code, 0);
        assert!(said.err.contains(code), "{code}: {}", said.err);
        let target = folder.path().join("restored");
        let said = run(&["--data", text(&target), "restore", text(&file)]);
        assert!(said.err.contains(code), "{code}: {}", said.err);
        assert!(!target.join("liucheng.db").exists());
    };
    for place in [0, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        refused("E-BACKUP-DIGEST");
    }
    std::fs::write(&file, &whole[..whole.len() - 4096]).unwrap();
    refused("E-BACKUP-DIGEST");
    std::fs::write(&file, &whole).unwrap();
    let said = std::fs::read_to_string(manifest_of(&file)).unwrap();
    for (from, to, code) in [
        ("\"projects\": 2", "\"projects\": 3", "E-BACKUP-CONTENTS"),
        ("\"format\": 1", "\"format\": 2", "E-BACKUP-MANIFEST"),
        ("{", "", "E-BACKUP-MANIFEST"),
    ] {
        std::fs::write(manifest_of(&file), said.replacen(from, to, 1)).unwrap();
        refused(code);
    }
    std::fs::remove_file(manifest_of(&file)).unwrap();
    refused("E-BACKUP-MANIFEST");
    std::fs::write(manifest_of(&file), &said).unwrap();
    assert_eq!(verify(&file).code, 0);
    std::fs::remove_file(&file).unwrap();
    refused("E-BACKUP-NOT-FOUND");
}

/// Somebody who changes the history in a backup and its manifest as well is still found.
#[test]
fn a_forged_history_is_found() {
    let (folder, file) = backed_up();
    let before = manifest(&file)["sha256"].as_str().unwrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(text(&file)).await.unwrap();
        let forge = "UPDATE history SET payload = replace(payload, '5450000', '9450000')";
        let done = sqlx::raw_sql(forge).execute(&mut connection).await.unwrap();
        assert!(done.rows_affected() > 0);
        connection.close().await.unwrap();
    });
    let forged = std::fs::read(&file).unwrap();
    let digest = liucheng_model::definition::hex(&Sha256::digest(&forged));
    let said = std::fs::read_to_string(manifest_of(&file)).unwrap();
    let length = manifest(&file)["bytes"].to_string();
    let length = format!("\"bytes\": {length}");
    let forged = said
        .replace(&before, &digest)
        .replace(&length, &format!("\"bytes\": {}", forged.len()));
    std::fs::write(manifest_of(&file), forged).unwrap();
    let verified = verify(&file);
    assert_eq!(verified.code, 1, "{}{}", verified.out, verified.err);
    let problems = verified.json()["bad"][0]["problems"].to_string();
    assert!(problems.contains("hash chain"), "{problems}");
    let target = folder.path().join("restored");
    let refused = run(&["--data", text(&target), "restore", text(&file)]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("E-BACKUP-HISTORY"), "{}", refused.err);
    assert!(!target.exists());
}

#[test]
fn restoring_needs_an_empty_place() {
    let (folder, file) = backed_up();
    let data = folder.path().join("data");
    let before = run(&["--data", text(&data), "project", "list", "--json"]);
    let refused = run(&["--data", text(&data), "restore", text(&file)]);
    assert_eq!(refused.code, 2, "as for a backup that exists");
    assert!(refused.err.contains("E-STORE-NOT-EMPTY"), "{}", refused.err);
    assert!(refused.err.contains("target: "), "{}", refused.err);
    let after = run(&["--data", text(&data), "project", "list", "--json"]);
    assert_eq!(before.out, after.out);
    let mut places = vec![format!(
        "{}",
        folder.path().join("new/liucheng.db").display()
    )];
    places.extend(on_postgres());
    for database in places {
        let new = folder.path().join("new");
        let place = ["--data", text(&new), "--database", &database];
        let restored = run(&[&place[..], &["restore", text(&file), "--json"]].concat());
        assert_eq!(restored.code, 0, "{}{}", restored.out, restored.err);
        let said = restored.json();
        assert_eq!(said["manifest"]["through"], manifest(&file)["through"]);
        assert_eq!(
            (&said["projects"], &said["verified"]),
            (&2.into(), &2.into())
        );
        let list = run(&[&place[..], &["project", "list", "--json"]].concat());
        assert_eq!(list.out, before.out);
        let again = run(&[&place[..], &["restore", text(&file)]].concat());
        assert!(again.err.contains("E-STORE-NOT-EMPTY"), "{}", again.err);
    }
}
