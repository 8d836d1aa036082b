//! A wire that can be cut between the server and its client.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Passes bytes on. Once armed, it swallows the next answer of the server and cuts that connection.
pub struct Proxy {
    pub port: u16,
    armed: Arc<AtomicBool>,
}

impl Proxy {
    /// A wire to a port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            armed: Arc::default(),
        };
        let armed = Arc::clone(&proxy.armed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A server that is away: the client is hung up on.
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                tokio::spawn(pass(client, server, Arc::clone(&armed)));
            }
        });
        proxy
    }

    /// Cuts the wire when the server answers next.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether the wire was not cut yet.
    pub fn is_armed(&self) -> bool {
        self.armed.load(Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, server: TcpStream, armed: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async move {
        tokio::io::copy(&mut from_client, &mut to_server).await.ok();
    };
    let down = async move {
        let mut bytes = vec![0; 65_536];
        while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
            if armed.swap(false, Ordering::SeqCst) {
                return;
            }
            if to_client.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
