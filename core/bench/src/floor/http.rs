//! HTTP without an engine: a thread for each connection, the bare writer behind it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

use uuid::Uuid;

use super::sqlite::Writer;
use crate::{BenchError, work::Step};

/// Serves `POST /PROJECT/STEP` until the process ends; returns where.
///
/// # Errors
/// When it cannot listen or the database cannot be opened.
pub fn serve(database: &Path, steps: Arc<Vec<Step>>) -> Result<SocketAddr, BenchError> {
    let writer = Writer::start(database, steps, 256)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let writer = writer.clone();
            // A client that breaks off ends its thread.
            thread::spawn(move || talk(stream, &writer).ok());
        }
    });
    Ok(address)
}

fn talk(stream: TcpStream, writer: &Writer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut output = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if input.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            input.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        let mut parts = first
            .split(['/', ' '])
            .filter(|part| !part.is_empty())
            .skip(1);
        let project = parts.next().and_then(|id| Uuid::parse_str(id).ok());
        let step = parts.next().and_then(|step| step.parse().ok());
        let written = match (project, step) {
            (Some(project), Some(step)) => writer.write(project, step),
            _ => false,
        };
        let status = if written { "200 OK" } else { "500 Error" };
        let body = "{\"ok\":true}";
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        output.write_all(answer.as_bytes())?;
    }
}
