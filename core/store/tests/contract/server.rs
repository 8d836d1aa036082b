//! A private PostgreSQL for the tests, or the one `DATABASE_URL` names.
//!
//! Debian's binaries are enough. The server listens on the loopback only, keeps its files in a folder
//! of its own with fsync on, and is stopped by a shell that waits for this process to end, however it
//! ends.

use std::{
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{Connection, PgConnection};

/// Initialises and starts a server, then waits for the end of its input to stop it.
///
/// `$1` the binaries' folder, `$2` the server's folder, `$3` the port.
const SCRIPT: &str = r#"
set -eu
cd "$2"
stop() {
    pid=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null) || return 0
    kill -INT "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >initdb.log 2>&1
cat >>data/postgresql.conf <<END
port = $3
listen_addresses = '127.0.0.1'
unix_socket_directories = '$2'
max_connections = 200
shared_buffers = 64MB
END
"$1/pg_ctl" -D "$2/data" -l "$2/log" -w start >/dev/null
echo ready
while read -r command; do
    "$1/pg_ctl" -D "$2/data" -l "$2/log" -m immediate -w "$command" >/dev/null
    echo done
done
stop "$@"
rm -rf "$2"
"#;

/// A running server; stopped when dropped.
pub struct Server {
    url: String,
    /// Absent for one that is not ours.
    shell: Option<Child>,
}

impl Server {
    /// Starts a server of its own; the reason if there is none.
    pub fn start() -> Result<Self, String> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new()
            .prefix("liucheng-pg-")
            .tempdir()
            .map_err(|error| error.to_string())?
            .keep();
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.map_err(|error| error.to_string())?.port().to_string();
        let mut command = as_postgres(&folder)?;
        command
            .args(["sh", "-c", SCRIPT, "sh"])
            .args([&binaries, &folder])
            .arg(&port)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut server = Self {
            url: format!("postgres://postgres@127.0.0.1:{port}"),
            shell: Some(command.spawn().map_err(|error| error.to_string())?),
        };
        if server.hear() != Some('r') {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            return Err(format!("PostgreSQL did not start: {log}"));
        }
        Ok(server)
    }

    /// Runs `pg_ctl -m immediate`: `stop`, `start` or `restart`.
    pub fn control(&mut self, command: &str) {
        let shell = self.shell.as_mut().unwrap();
        writeln!(shell.stdin.as_mut().unwrap(), "{command}").unwrap();
        assert_eq!(self.hear(), Some('d'), "{command}");
    }

    /// The first letter of the shell's next line.
    fn hear(&mut self) -> Option<char> {
        let output = self.shell.as_mut()?.stdout.as_mut()?;
        let mut line = String::new();
        // Byte by byte: nothing of the next line may get lost in a buffer.
        let mut byte = [0];
        while !line.ends_with('\n') {
            std::io::Read::read_exact(output, &mut byte).ok()?;
            line.push(char::from(byte[0]));
        }
        line.chars().next()
    }

    /// Makes an empty database; returns its location.
    pub async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("liucheng_test_{}_{number}", std::process::id());
        let mut connection = PgConnection::connect(&self.in_database("postgres"))
            .await
            .unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        self.in_database(&name)
    }

    fn in_database(&self, name: &str) -> String {
        let (base, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let host_end = base.find("://").map_or(0, |at| at + 3);
        let base = match base[host_end..].find('/') {
            Some(at) => &base[..host_end + at],
            None => base,
        };
        format!("{base}/{name}?{query}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            shell.wait().ok();
        }
    }
}

/// The server all tests share; `None`, loudly, if there is none to be had.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    let start = || match std::env::var("DATABASE_URL") {
        Ok(url) if url.starts_with("postgres") => Ok(Server { url, shell: None }),
        _ => Server::start(),
    };
    SHARED.get_or_init(|| available(start())).as_ref()
}

/// What was started, or nothing and a word about it.
pub fn available(started: Result<Server, String>) -> Option<Server> {
    let reason = match started {
        Ok(server) => return Some(server),
        Err(reason) => reason,
    };
    let required = std::env::var("LIUCHENG_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.contains("postgres"),
        "LIUCHENG_TEST_REQUIRE asks for PostgreSQL: {reason}"
    );
    // Past the test harness, which would keep it to itself.
    let word = format!(
        "\n=== SKIPPED: tests on PostgreSQL. {reason}. Install postgresql or set DATABASE_URL. ===\n"
    );
    std::io::stderr().write_all(word.as_bytes()).unwrap();
    None
}

fn binaries() -> Result<PathBuf, String> {
    let output = Command::new("pg_config").arg("--bindir").output();
    let told = output.ok().filter(|output| output.status.success());
    let told = told.map(|o| PathBuf::from(String::from_utf8_lossy(&o.stdout).trim()));
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let installed = installed.flatten().map(|entry| entry.path().join("bin"));
    told.into_iter()
        .chain(installed)
        .find(|folder| folder.join("initdb").exists())
        .ok_or_else(|| "no initdb was found".to_owned())
}

/// A command that runs as a user whom `initdb` accepts, which is not root.
fn as_postgres(folder: &Path) -> Result<Command, String> {
    let id = Command::new("id").arg("-u").output();
    let id = id.map_err(|error| error.to_string())?;
    if id.stdout.trim_ascii() != b"0" {
        return Ok(Command::new("env"));
    }
    let given = Command::new("chown").arg("postgres").arg(folder).status();
    if !given.is_ok_and(|status| status.success()) {
        return Err("there is no user postgres to run it as".to_owned());
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    Ok(command)
}
