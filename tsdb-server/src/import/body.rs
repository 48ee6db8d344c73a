//! Bodies that are read while they come: from the async side to a blocking reader, with little in between.

use std::io::{self, Read};
use std::pin::pin;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::bounded::Bounds;
use super::sink::Sink;
use super::text_lines::MAX_LINE_BYTES;
use crate::encoding::Encoding;
use crate::http::{text_error, timed_out};
use crate::ingest::WriteError;
use crate::state::AppState;

/// Pieces of a body, as the network gave them, that wait for the reader.
const WAITING: usize = 4;

/// A piece of the body, or `None` for its end: a client that goes away must not look as if it were done.
type Piece = io::Result<Option<Bytes>>;

/// The body as a blocking reader.
struct BodyReader {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    ended: bool,
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Ok(Some(bytes))) => self.current = bytes,
                Some(Ok(None)) => self.ended = true,
                Some(Err(e)) => return Err(e),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let n = buffer.len().min(self.current.len());
        let piece = self.current.split_to(n);
        buffer
            .get_mut(..n)
            .unwrap_or_default()
            .copy_from_slice(&piece);
        Ok(n)
    }
}

async fn pump(mut body: Body, pieces: mpsc::Sender<Piece>) {
    loop {
        let piece = match body.frame().await {
            None => Ok(None),
            Some(Err(e)) => Err(match timed_out(&e) {
                Some(e) => io::Error::new(e.kind(), e.to_string()),
                None => io::Error::other(e),
            }),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) => Ok(Some(bytes)),
                Err(_) => continue, // trailers
            },
        };
        let is_last = !matches!(piece, Ok(Some(_)));
        // An error: the reader wants no more.
        if pieces.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// Gives the decompressed body to `import`, on a blocking thread, and answers with what became of it: 204, or 400 with
/// the first reason when something was refused.
pub(super) async fn import(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    import: impl FnOnce(Box<dyn Read>, &mut Sink) -> Result<(), WriteError> + Send + 'static,
) -> Response {
    match import_as(state, headers, body, import).await {
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Ok(Some(refusal)) => text_error(StatusCode::BAD_REQUEST, refusal),
        Err(e) => e.into_response(),
    }
}

async fn import_as(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    import: impl FnOnce(Box<dyn Read>, &mut Sink) -> Result<(), WriteError> + Send + 'static,
) -> Result<Option<String>, WriteError> {
    let encoding = Encoding::of(headers)?;
    let mut sink = Sink::new(state.store()?);
    let config = &state.shared.config;
    let bounds = Bounds::new(
        config.connections.import_timeout,
        2 * config.max_decoded_bytes.max(MAX_LINE_BYTES) as u64, // a line may be as long as one
        sink.taken(),
    );
    let (sender, pieces) = mpsc::channel(WAITING);
    let reader = BodyReader {
        pieces,
        current: Bytes::new(),
        ended: false,
    };
    let mut job = pin!(state.shared.streams.run(move || {
        let read = encoding
            .decode(bounds.of(reader))
            .map_err(WriteError::from)
            .and_then(|body| import(Box::new(bounds.of(body)), &mut sink));
        // What came before an error is kept.
        let written = sink.write();
        match read.and(written) {
            Ok(()) => Ok(sink.summary().refusal()),
            Err(e) => Err(WriteError::new(
                e.status,
                format!("{}; {}", e.message, sink.summary()),
            )),
        }
    }));
    let result = tokio::select! {
        result = &mut job => result,
        () = pump(body, sender) => job.await,
    };
    result?
}
