//! A server of the product's, on a port of its own, and a small HTTP client.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::liucheng;

/// A running server; killed when it goes out of scope.
pub struct Server {
    child: Child,
    address: String,
    /// The token, if this start made one.
    pub token: Option<String>,
}

impl Server {
    /// Starts a server on a data folder and waits until it listens.
    pub fn start(data: &Path) -> Self {
        let mut command = liucheng();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data);
        Self::run(command)
    }

    /// As [`start`](Self::start), with further options, such as `--database`.
    pub fn start_with(data: &Path, options: &[&str]) -> Self {
        let mut command = liucheng();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(options);
        Self::run(command)
    }

    /// Runs a command that serves, and waits until it listens.
    pub fn run(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut token = None;
        let address = loop {
            let line = lines
                .next()
                .expect("the server ended before it listened")
                .unwrap();
            if let Some(word) = line.split_whitespace().find(|w| w.starts_with("lc_")) {
                token = Some(word.to_owned());
            }
            if let Some((_, rest)) = line.split_once("http://") {
                break rest
                    .split_whitespace()
                    .next()
                    .unwrap()
                    .trim_end_matches('/')
                    .to_owned();
            }
        };
        // Keep the pipe open and empty, so that the server never blocks on it.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address,
            token,
        }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        let _ = std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "a graceful stop: {status}");
    }

    /// Waits until something is so, for ten seconds at most.
    pub fn wait_for(&self, so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !so() {
            assert!(Instant::now() < end, "not in time");
            sleep(Duration::from_millis(20));
        }
    }

    /// A POST with a token and an idempotency key.
    pub fn post(&self, path: &str, token: &str, key: &str, body: &str) -> (u16, String) {
        self.try_post(path, token, key, body).expect("no answer")
    }

    /// As [`post`](Self::post); `None` when the connection broke.
    pub fn try_post(
        &self,
        path: &str,
        token: &str,
        key: &str,
        body: &str,
    ) -> Option<(u16, String)> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let (status, _, body) = self.raw(&[head.as_bytes(), body.as_bytes()].concat())?;
        Some((status, body))
    }

    /// A GET with a token.
    pub fn get(&self, path: &str, token: &str) -> (u16, String) {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        let (status, _, body) = self.raw(head.as_bytes()).expect("no answer");
        (status, body)
    }

    /// Sends bytes as they are; status, head and body of the answer.
    pub fn raw(&self, bytes: &[u8]) -> Option<(u16, String, String)> {
        self.raw_within(bytes, Duration::from_secs(20))
    }

    /// As [`raw`](Self::raw); `None` when the answer takes longer than that.
    pub fn raw_within(&self, bytes: &[u8], time: Duration) -> Option<(u16, String, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(time)).ok()?;
        stream.write_all(bytes).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, head.to_owned(), body.to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
