//! An answer that is written on a blocking thread while it is sent.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tsdb_core::{Db, EncodeError};

use crate::bridge::Pool;
use crate::error::ApiError;
use crate::state::{AppState, Shared};

/// Bytes after which a part is sent, and parts that wait for the network.
const PART_BYTES: usize = 64 << 10;
const WAITING: usize = 4;

/// Why an answer ends before its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// The client went away.
    Gone,
    /// The rest could not be read or encoded.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl From<tsdb_core::Error> for Cut {
    fn from(e: tsdb_core::Error) -> Self {
        Self::Failed(e.into())
    }
}

impl From<ApiError> for Cut {
    fn from(e: ApiError) -> Self {
        Self::Failed(e.message.into())
    }
}

impl From<EncodeError> for Cut {
    fn from(e: EncodeError) -> Self {
        Self::Failed(e.into())
    }
}

/// Where the answer is written.
pub(super) struct Output {
    pub(super) buffer: Vec<u8>,
    /// Taken when the answer is complete; else the connection is broken off.
    sender: Option<Sender<Bytes, std::io::Error>>,
    runtime: Handle,
}

impl Output {
    /// Sends what is in the buffer if it is worth it; waits until the network takes it.
    pub(super) fn send_if_large(&mut self) -> Result<(), Cut> {
        if self.buffer.len() >= PART_BYTES {
            self.send()
        } else {
            Ok(())
        }
    }

    fn send(&mut self) -> Result<(), Cut> {
        let part = Bytes::from(std::mem::take(&mut self.buffer));
        let Some(sender) = &mut self.sender else {
            return Ok(());
        };
        if part.is_empty() {
            return Ok(());
        }
        self.runtime
            .block_on(sender.send_data(part))
            .map_err(|_| Cut::Gone)
    }

    fn finish(mut self) -> Result<(), Cut> {
        self.send()?;
        self.sender = None;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.abort(std::io::Error::other("the answer is not complete"));
        }
    }
}

/// Answers with what `write` makes of the selected series, in a place of the pool.
///
/// # Errors
/// What happens before the first byte; later the answer is cut off.
pub(super) async fn answer<S>(
    state: &AppState,
    pool: fn(&Shared) -> &Pool,
    content_type: &'static str,
    select: impl FnOnce(&Db) -> Result<S, ApiError> + Send + 'static,
    write: impl FnOnce(S, &mut Output) -> Result<(), Cut> + Send + 'static,
) -> Result<Response, ApiError> {
    let db = state.store()?;
    let (sender, body) = Channel::new(WAITING);
    let (tell_begun, begun) = oneshot::channel();
    let shared = std::sync::Arc::clone(&state.shared);
    let output = Output {
        buffer: Vec::new(),
        sender: Some(sender),
        runtime: Handle::current(),
    };
    let job = tokio::spawn(async move {
        let run = move || write_all(&db, select, output, tell_begun, write);
        pool(&shared).run(run).await
    });
    match begun.await {
        Ok(begun) => begun?,
        // It did not come so far.
        Err(_) => match job.await {
            Ok(ran) => ran?,
            Err(e) => return Err(ApiError::internal(e)),
        },
    }
    let headers = [(header::CONTENT_TYPE, content_type)];
    // Whoever compresses it asks once more after its end.
    Ok((headers, Body::new(body.fuse())).into_response())
}

fn write_all<S>(
    db: &Db,
    select: impl FnOnce(&Db) -> Result<S, ApiError>,
    mut output: Output,
    tell_begun: oneshot::Sender<Result<(), ApiError>>,
    write: impl FnOnce(S, &mut Output) -> Result<(), Cut>,
) {
    let series = match select(db) {
        Ok(series) => series,
        Err(e) => {
            let _ = tell_begun.send(Err(e)); // nobody listens when the client went away
            return;
        }
    };
    if tell_begun.send(Ok(())).is_err() {
        return; // the client went away
    }
    if let Err(Cut::Failed(e)) = write(series, &mut output).and_then(|()| output.finish()) {
        tracing::error!(error = %e, "an export was cut off");
    }
}
