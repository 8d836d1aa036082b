//! A client that speaks just enough HTTP to measure a server.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

use crate::{BenchError, measure::Waits};

/// A connection that is kept.
pub struct Client {
    stream: BufReader<TcpStream>,
    authorization: String,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(address: SocketAddr, token: &str) -> Result<Self, BenchError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            authorization: format!("authorization: Bearer {token}\r\n"),
        })
    }

    /// Posts JSON; returns status and body.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not HTTP.
    pub async fn post(&mut self, path: &str, body: &str) -> Result<(u16, Vec<u8>), BenchError> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.authorization,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| BenchError::Server(format!("answered {line:?}")))?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok((status, body))
    }
}

/// One client's next request: path and body, for its n-th project and that project's step.
pub trait Script: Send + Sync + 'static {
    /// How many requests a project has, its opening included.
    fn steps(&self) -> usize;
    /// The request.
    fn request(&self, client: usize, project: u64, step: usize) -> (String, String);
}

/// Lets clients send their requests for a while; openings are not counted.
///
/// # Errors
/// When a request is refused.
pub async fn run_clients(
    address: SocketAddr,
    token: &str,
    script: Arc<dyn Script>,
    clients: usize,
    time: Duration,
) -> Result<(Waits, Duration), BenchError> {
    let mut connected = Vec::new();
    for _ in 0..clients {
        connected.push(Client::connect(address, token).await?);
    }
    let started = Instant::now();
    let end = started + time;
    let mut walkers = JoinSet::new();
    for (number, client) in connected.into_iter().enumerate() {
        walkers.spawn(walk(client, number, Arc::clone(&script), end));
    }
    let mut waits = Waits::default();
    while let Some(walked) = walkers.join_next().await {
        waits.extend(walked??);
    }
    Ok((waits, started.elapsed()))
}

async fn walk(
    mut client: Client,
    number: usize,
    script: Arc<dyn Script>,
    end: Instant,
) -> Result<Waits, BenchError> {
    let mut waits = Waits::default();
    for project in 0.. {
        for step in 0..script.steps() {
            let asked = Instant::now();
            if asked >= end {
                return Ok(waits);
            }
            let (path, body) = script.request(number, project, step);
            let (status, answer) = client.post(&path, &body).await?;
            if status >= 300 {
                let answer = String::from_utf8_lossy(&answer).into_owned();
                return Err(BenchError::Server(format!("answered {status}: {answer}")));
            }
            if step > 0 {
                waits.push(asked.elapsed());
            }
        }
    }
    Ok(waits)
}
