//! Writes that are refused for want of room cost next to nothing: they wait before they are told.
//!
//! Senders that are refused at once come back at once, and with enough of them the server does nothing but refuse. A connection
//! has one request under way, so that a refusal that waits slows its sender down. Meanwhile the body stays in the socket.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;

use crate::bridge::PoolError;

/// How long a refusal waits: far below the timeout of any sender.
const WAIT: Duration = Duration::from_millis(500);

/// The longest body that is read to its end so that its connection stays open; a new one costs more than that.
const DRAINED_BYTES: usize = 1 << 20;

/// What became of a write whose body is read, after a wait if there was no room for it.
pub(crate) async fn after_wait<T>(ran: Result<T, PoolError>) -> Result<T, PoolError> {
    if matches!(ran, Err(PoolError::Full { .. })) {
        tokio::time::sleep(WAIT).await;
    }
    ran
}

/// Waits, then lets the body of a refused write go by.
pub(super) async fn refuse(mut body: Body, announced: usize) {
    tokio::time::sleep(WAIT).await;
    if announced <= DRAINED_BYTES {
        while let Some(Ok(_)) = body.frame().await {}
    }
}
