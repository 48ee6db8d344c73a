//! The loop that accepts connections: never more than so many, and never in vain.
//!
//! When all places are taken, the connection that has asked nothing for the longest time gives its place up. If all are
//! at work the new one is told to come again.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::connection::Server;
use super::watch::Watch;
use crate::state::AppState;

/// How long is waited before the next try when there are no file handles.
const RETRY: Duration = Duration::from_millis(50);

/// How long a place may take to become free after its connection was told.
const EVICTION: Duration = Duration::from_millis(200);

/// Refused connections that are listened to until they have read their answer, at most a quarter of those that are allowed, and for
/// how long.
const LINGERING: usize = 64;
const LINGER: Duration = Duration::from_secs(1);

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 63\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    all connections are in use, see the flag --web.max-connections\n";

/// The connections there are.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    size: u32,
    // Held to add and remove one, and to look for the longest idle one when all are taken.
    watches: Mutex<Vec<Arc<Watch>>>,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    pub(super) watch: Arc<Watch>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut watches = self.places.watches.lock();
        watches.retain(|watch| !Arc::ptr_eq(watch, &self.watch));
    }
}

impl Places {
    fn new(size: usize) -> Self {
        let size = u32::try_from(size.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(size as usize)),
            size,
            watches: Mutex::default(),
        }
    }

    /// Tells the connection that has asked nothing for the longest time to close.
    fn evict(&self) -> bool {
        let watches = self.watches.lock();
        let idle = watches.iter().filter_map(|w| Some((w.idle_since()?, w)));
        let longest = idle.min_by_key(|(since, _)| *since);
        if let Some((_, watch)) = longest {
            watch.evict();
        }
        longest.is_some()
    }

    /// A place, if need be that of another one.
    async fn take(self: &Arc<Self>, watch: Arc<Watch>) -> Option<Place> {
        let free = Arc::clone(&self.free);
        let permit = match free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if !self.evict() => return None,
            Err(_) => tokio::time::timeout(EVICTION, free.acquire_owned())
                .await
                .ok()?
                .ok()?,
        };
        self.watches.lock().push(Arc::clone(&watch));
        Some(Place {
            places: Arc::clone(self),
            watch,
            _permit: permit,
        })
    }
}

/// Serves until `stop` becomes true or its sender is gone, then waits for the requests under way.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    state: AppState,
    mut stop: watch::Receiver<bool>,
) {
    let bounds = state.shared.config.bounds();
    let places = Arc::new(Places::new(bounds.connections));
    let server = Server::new(app, state, bounds, stop.clone());
    let lingering = Arc::new(Semaphore::new(LINGERING.min(bounds.connections / 4)));
    let counts = server.counts();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                counts.failed();
                not_accepted(&e, &places).await;
                continue;
            }
        };
        match places.take(Watch::new(&bounds)).await {
            Some(place) => drop(tokio::spawn(server.clone().run(stream, client, place))),
            None => {
                counts.refused();
                if !server.is_tls() {
                    refuse(stream, client, &lingering);
                }
            }
        }
    }
    drop(listener);
    let _ = places.free.acquire_many(places.size).await; // nobody closes the semaphore
}

/// Nothing that a single connection does may end the loop, nor may a lack of file handles.
async fn not_accepted(error: &io::Error, places: &Places) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    ) {
        return;
    }
    tracing::warn!(%error, "cannot accept a connection");
    places.evict();
    tokio::time::sleep(RETRY).await;
}

/// Answers without a task for more than a few: there may be many of them.
fn refuse(stream: TcpStream, client: SocketAddr, lingering: &Arc<Semaphore>) {
    tracing::debug!(%client, "refused: all connections are in use");
    let Ok(mut stream) = stream.into_std() else {
        return;
    };
    // It fits into the empty buffer of the socket; who does not get it sees the end.
    let _ = stream.write(BUSY);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let Ok(permit) = Arc::clone(lingering).try_acquire_owned() else {
        return;
    };
    tokio::spawn(async move {
        // A socket that is closed with unread bytes takes its answer back.
        if let Ok(mut stream) = TcpStream::from_std(stream) {
            let mut unread = [0; 1024];
            let read = async { while matches!(stream.read(&mut unread).await, Ok(1..)) {} };
            let _ = tokio::time::timeout(LINGER, read).await;
        }
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use super::BUSY;

    #[test]
    fn the_answer_of_a_full_house_is_as_long_as_it_says() {
        let text = std::str::from_utf8(BUSY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
