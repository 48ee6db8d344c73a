//! Answers to queries: small ones as a whole, large ones as a stream.
//!
//! The status comes first, so that nothing is sent before it is certain, or before the answer outgrows [`HELD_BACK`]. What fails
//! after that breaks the answer off: the client sees a body that does not end, not one that ends too early.

use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tsdb_query::QueryError;

use super::Json;
use super::query::CancelOnDrop;

/// Bytes of an answer that are kept back.
const HELD_BACK: usize = 1 << 20;

/// Bytes that are sent at a time, more or less, once an answer is a stream.
const CHUNK: usize = 256 << 10;

/// Chunks that may wait for a slow client.
const CHUNKS: usize = 4;

/// How long a client may take for a chunk: a query keeps its place while it waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body of an answer that became a stream.
pub(super) type Streamed = Channel<Bytes, BoxError>;

/// Where an answer is written. Belongs to the thread that evaluates.
pub(super) struct Answer {
    pub(super) out: Vec<u8>,
    /// Takes the stream when there is one.
    begin: Option<oneshot::Sender<Streamed>>,
    stream: Option<Sender<Bytes, BoxError>>,
    runtime: Handle,
}

impl Answer {
    /// An answer, and where its stream appears if it becomes one.
    pub(super) fn new() -> (Self, oneshot::Receiver<Streamed>) {
        let (begin, streamed) = oneshot::channel();
        let answer = Self {
            out: Vec::new(),
            begin: Some(begin),
            stream: None,
            runtime: Handle::current(),
        };
        (answer, streamed)
    }

    /// Writes `items` between brackets with commas between them, and sends what has become much.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub(super) fn array<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T),
    ) -> Result<(), QueryError> {
        self.out.push(b'[');
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            write(&mut self.out, item);
            self.flush()?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// Sends what was written, when that is much.
    ///
    /// # Errors
    /// [`QueryError::Canceled`] when the client went away or takes nothing.
    pub(super) fn flush(&mut self) -> Result<(), QueryError> {
        let much = if self.stream.is_some() {
            CHUNK
        } else {
            HELD_BACK
        };
        if self.out.len() < much {
            return Ok(());
        }
        if let Some(begin) = self.begin.take() {
            let (sender, body) = Channel::new(CHUNKS);
            begin.send(body).map_err(|_| QueryError::Canceled)?;
            self.stream = Some(sender);
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), QueryError> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let chunk = Bytes::from(std::mem::take(&mut self.out));
        let sent = async { tokio::time::timeout(PATIENCE, stream.send_data(chunk)).await };
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(QueryError::Canceled),
        }
    }

    /// Ends a stream, or gives the whole answer.
    pub(super) fn end(mut self) -> Vec<u8> {
        // A client that is gone by now misses nothing that anyone waits for.
        let _ = self.send();
        self.out
    }

    /// Breaks the answer off, if some of it was sent.
    pub(super) fn fail(self, e: &QueryError) {
        if let Some(stream) = self.stream {
            tracing::warn!(error = %e, "an answer was broken off");
            stream.abort(e.to_string().into());
        }
    }
}

/// The response of a stream; the query ends when it is dropped.
pub(super) fn response(body: Streamed, cancel: CancelOnDrop) -> Response {
    let body = body.map_err(move |e| {
        let _ = &cancel;
        e
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        Body::new(body),
    )
        .into_response()
}

/// The response of a whole answer.
pub(super) fn whole(body: Vec<u8>) -> Response {
    Json(body).into_response()
}
