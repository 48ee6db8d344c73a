//! The end of the process: signals, draining, closing the store.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::state::AppState;

/// How long requests that are under way may take after a signal; then their queries are cancelled.
const DRAIN: Duration = Duration::from_secs(20);

/// Waits for SIGTERM, SIGINT or `/-/quit`, or for the store to fail to open. SIGHUP reloads the configuration file.
///
/// # Errors
/// When the store cannot be opened, or signal handlers cannot be installed.
pub(crate) async fn wait(opening: JoinHandle<io::Result<()>>, state: &AppState) -> io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut hup = signal(SignalKind::hangup())?;
    let mut opening = Some(opening);
    loop {
        let opened = async {
            match opening.as_mut() {
                Some(task) => task.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = term.recv() => {
                tracing::info!(signal = "SIGTERM", "shutting down");
                break;
            }
            _ = int.recv() => {
                tracing::info!(signal = "SIGINT", "shutting down");
                break;
            }
            () = state.asked_to_quit() => {
                tracing::info!("asked to quit, shutting down");
                break;
            }
            _ = hup.recv() => match state.reload() {
                Ok(()) => tracing::info!("configuration reloaded"),
                Err(e) => tracing::error!(error = %e, "the configuration is not reloaded, the one before stays"),
            },
            result = opened => {
                opening = None;
                result.map_err(io::Error::other)??;
            }
        }
    }
    if let Some(task) = opening {
        // A store that is being recovered cannot be interrupted; wait, so that it is closed in order.
        task.await.map_err(io::Error::other)??;
    }
    Ok(())
}

/// Lets requests end; after [`DRAIN`] cancels the queries and gives up on what is left.
///
/// # Errors
/// When the loop that accepts connections panicked.
pub(crate) async fn drain(mut serving: JoinHandle<()>, state: &AppState) -> io::Result<()> {
    if let Ok(ended) = tokio::time::timeout(DRAIN, &mut serving).await {
        return ended.map_err(io::Error::other);
    }
    tracing::warn!("requests still under way after {DRAIN:?}: cancelled");
    state.cancel_queries();
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(2), &mut serving).await {
        return ended.map_err(io::Error::other);
    }
    serving.abort();
    Ok(())
}

/// Flushes and closes the store.
///
/// # Errors
/// When the flush failed; what was acknowledged is in the write-ahead log then.
pub(crate) async fn close_store(state: AppState) -> io::Result<()> {
    let closed = tokio::task::spawn_blocking(move || match state.store() {
        Ok(db) => db.close(),
        Err(_) => Ok(()), // it never opened
    });
    closed
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)?;
    tracing::info!("closed");
    Ok(())
}
