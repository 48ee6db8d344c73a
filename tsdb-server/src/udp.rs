//! Datagrams of lines, and what became of the lines.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;

/// The longest datagram that there is.
const MAX_DATAGRAM_BYTES: usize = 65_536;

/// A socket that is only read.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Datagrams {
    /// Listens for lines of this protocol.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) async fn bind(address: &str, protocol: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)
            .await
            .map_err(|e| io::Error::new(e.kind(), format!("listen on UDP {address}: {e}")))?;
        tracing::info!(address = %socket.local_addr()?, "listening for {protocol} by UDP");
        Ok(Self {
            socket,
            buffer: vec![0; MAX_DATAGRAM_BYTES],
        })
    }

    /// The next datagram, and who sent it. Those that come while nobody waits for them are kept by the system as far as
    /// its buffer goes; what is beyond is lost, which is what UDP means.
    pub(crate) async fn next(&mut self) -> (&[u8], SocketAddr) {
        loop {
            match self.socket.recv_from(&mut self.buffer).await {
                Ok((len, from)) => return (self.buffer.get(..len).unwrap_or_default(), from),
                Err(e) => tracing::warn!(error = %e, "cannot receive by UDP"),
            }
        }
    }
}

/// Lines of a protocol that came by UDP, where no answer can tell what became of them.
#[derive(Debug, Default)]
pub(crate) struct LineCounts {
    accepted: AtomicU64,
    refused: AtomicU64,
}

impl LineCounts {
    pub(crate) fn add(&self, accepted: usize, refused: usize) {
        self.accepted.fetch_add(accepted as u64, Ordering::Relaxed);
        self.refused.fetch_add(refused as u64, Ordering::Relaxed);
    }

    /// Lines that were accepted, and that were refused.
    pub(crate) fn get(&self) -> (u64, u64) {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (get(&self.accepted), get(&self.refused))
    }
}
