//! `liucheng doctor` through the binary.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
};

use serde_json::Value as Json;

use crate::{
    copy::on_postgres,
    support::{Said, Server, liucheng, narrow, run},
};

/// Code → level; the calendar's depends on today and is left out.
fn levels(report: &Json) -> Vec<(String, String)> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .map(|check| {
            let text = |key: &str| check[key].as_str().unwrap().to_owned();
            assert_eq!(text("level") == "ok", text("hint").is_empty(), "{check}");
            (text("code"), text("level"))
        })
        .filter(|(code, _)| code != "D-CALENDAR")
        .collect()
}

fn level(report: &Json, code: &str) -> String {
    let found = levels(report).into_iter().rfind(|(found, _)| found == code);
    found.unwrap_or_else(|| panic!("no {code} in {report}")).1
}

fn doctor(data: &Path, more: &[&str]) -> Json {
    let folder = data.to_str().unwrap();
    let said = run(&[&["doctor", "--json", "--data", folder], more].concat());
    let report = said.json();
    let bad = report["bad"].as_u64().unwrap();
    assert_eq!(said.code, i32::from(bad > 0), "{report}");
    report
}

#[cfg(unix)]
fn private(folder: &Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder, mode).unwrap();
}

#[test]
fn a_sound_place_has_nothing_bad() {
    let data = tempfile::tempdir().unwrap();
    private(data.path());
    let server = Server::start(data.path());
    // Beside the server, and after it.
    let beside = doctor(data.path(), &[]);
    server.stop();
    for report in [beside, doctor(data.path(), &[])] {
        let bad = levels(&report)
            .into_iter()
            .filter(|(_, level)| level == "bad");
        assert_eq!(bad.count(), 0, "{report}");
        for code in [
            "D-CONFIG",
            "D-DATA-DIR",
            "D-DATABASE",
            "D-SCHEMA",
            "D-INTEGRITY",
            "D-TIMERS",
            "D-OUTBOX",
            "D-PACKAGES",
            "D-CACHE",
        ] {
            assert_eq!(level(&report, code), "ok", "{code}: {report}");
        }
        // Files instead of a mail server, and no backup.
        assert_eq!(level(&report, "D-MAIL"), "warn", "{report}");
        assert_eq!(level(&report, "D-BACKUP"), "warn", "{report}");
    }
    std::fs::write(data.path().join("x.db.manifest.json"), "{}").unwrap();
    assert_eq!(level(&doctor(data.path(), &[]), "D-BACKUP"), "ok");
    let folder = data.path().to_str().unwrap();
    let said = run(&["doctor", "--data", folder]);
    assert!(said.out.contains("warn D-MAIL"), "{}", said.out);
    assert!(said.out.contains("→ configure [mail]"), "{}", said.out);
}

/// Whoever names a database alone has no folder to worry about.
#[test]
fn without_a_named_folder_the_database_is_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let new = run(&["migrate", "--data", data.to_str().unwrap()]);
    assert_eq!(new.code, 0, "{}", new.err);
    let mut databases = vec![format!("sqlite://{}/liucheng.db", data.display())];
    databases.extend(on_postgres());
    for database in &databases {
        if database.starts_with("postgres") {
            // An empty one may be another than was meant.
            let remove = ["plugin", "remove", "tianjin", "--database", database];
            let said = run(&remove);
            assert!(
                said.code == 69 && said.err.contains("E-STORE-OPEN"),
                "{}",
                said.err
            );
            assert_eq!(run(&["migrate", "--database", database]).code, 0);
        }
        let mut command = liucheng();
        command.current_dir(place.path());
        command.args(["doctor", "--json", "--database", database]);
        let said = Said::from(command.output().unwrap());
        let report = said.json();
        assert_eq!(level(&report, "D-DATA-DIR"), "ok", "{report}");
        assert_eq!(level(&report, "D-DATABASE"), "ok", "{report}");
        let codes = levels(&report);
        for folder in ["D-BACKUP", "D-MAIL", "D-CACHE"] {
            assert!(codes.iter().all(|(code, _)| code != folder), "{report}");
        }
        // One that is named has to be there.
        let report = doctor(&place.path().join("nowhere"), &["--database", database]);
        assert_eq!(level(&report, "D-DATA-DIR"), "bad", "{report}");
    }
}

/// Data folders hold tokens and names: nobody else looks into them, whoever makes them.
#[cfg(unix)]
#[test]
fn data_folders_are_made_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let mode = |data: &Path| data.metadata().unwrap().permissions().mode() & 0o777;
    let made = |name: &str, args: &[&str]| {
        let data = place.path().join(name).join("data");
        let said = run(&[&["--data", data.to_str().unwrap()], args].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(mode(&data), 0o700, "{name}");
        assert_eq!(level(&doctor(&data, &[]), "D-DATA-DIR"), "ok", "{name}");
        data
    };
    made("migrate", &["migrate"]);
    made(
        "create",
        &["project", "create", "--code", "M-1", "--name", "n"],
    );
    let data = made("demo", &["demo", "--once", "--only", "ningxia-yuanzhou"]);
    let served = place.path().join("serve");
    Server::start(&served).stop();
    assert_eq!(mode(&served), 0o700);
    // Folders of before are told of.
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    let report = doctor(&data, &[]);
    assert_eq!(level(&report, "D-DATA-DIR"), "warn", "{report}");
    assert!(report.to_string().contains("chmod 700"), "{report}");
}

#[test]
fn what_it_says_fits_on_80_columns() {
    let data = tempfile::tempdir().unwrap();
    private(data.path());
    let place = ["--data", data.path().to_str().unwrap(), "doctor"];
    let (wide, narrow) = (run(&place), narrow(&place));
    let words: Vec<&str> = wide.out.split_whitespace().collect();
    for line in narrow.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        // Room comes and goes.
        let mut whole = line.split_whitespace();
        assert!(
            line.contains("D-DISK") || whole.all(|word| words.contains(&word)),
            "{line}"
        );
    }
    assert!(narrow.out.lines().count() > wide.out.lines().count());
}

#[test]
fn what_is_missing_or_broken_is_bad() {
    let data = tempfile::tempdir().unwrap();
    let nothing = doctor(&data.path().join("absent"), &[]);
    assert_eq!(level(&nothing, "D-DATA-DIR"), "bad");
    assert_eq!(level(&nothing, "D-DATABASE"), "bad");
    std::fs::write(data.path().join("liucheng.toml"), "[ready]\ncolour = 1\n").unwrap();
    let broken = doctor(data.path(), &[]);
    assert_eq!(level(&broken, "D-CONFIG"), "bad");
    assert!(broken.to_string().contains("E-CONFIG"), "{broken}");
    std::fs::write(
        data.path().join("liucheng.toml"),
        "[mail]\nmode = \"smtp\"\n",
    )
    .unwrap();
    assert_eq!(level(&doctor(data.path(), &[]), "D-MAIL"), "bad");
}

/// A server that greets one guest; the words it was given.
fn mail_server() -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 mail.example\r\n").unwrap();
        let mut words = Vec::new();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            let word = line.split(' ').next().unwrap_or_default().to_owned();
            let end = word == "QUIT";
            words.push(word);
            let answer: &[u8] = if end {
                b"221 bye\r\n"
            } else {
                b"250 mail.example\r\n"
            };
            stream.write_all(answer).unwrap();
            if end {
                break;
            }
        }
        words
    });
    (port, serving)
}

#[test]
fn the_mail_server_is_tried_and_gets_no_mail() {
    let data = tempfile::tempdir().unwrap();
    let configure = |port: u16| {
        let text = format!(
            "[mail]\nmode = \"smtp\"\ndomain = \"l.example\"\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = {port}\n\
             tls = \"none\"\ntimeout-seconds = 2\n"
        );
        std::fs::write(data.path().join("liucheng.toml"), text).unwrap();
    };
    let (port, serving) = mail_server();
    configure(port);
    assert_eq!(level(&doctor(data.path(), &[]), "D-MAIL"), "ok");
    assert_eq!(level(&doctor(data.path(), &["--mail"]), "D-MAIL"), "ok");
    let words = serving.join().unwrap();
    assert_eq!(words, ["EHLO", "QUIT"]);
    // Nobody listens there any more.
    assert_eq!(level(&doctor(data.path(), &["--mail"]), "D-MAIL"), "bad");
}
