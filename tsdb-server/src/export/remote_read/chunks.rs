//! The answer of chunks: a stream of messages, none of which holds more than a part of one series.
//!
//! ```text
//! frame: │ len <uvarint> │ CRC-32C of the message <4, big-endian> │ message <len> │
//! ChunkedReadResponse  1 chunked_series*  2 query_index
//! ChunkedSeries        1 labels*  2 chunks*
//! Chunk                1 min_time (int64, ms)  2 max_time (int64, ms)  3 type (1 XOR, 2 histogram, 3 float histogram)  4 data
//! ```

use std::sync::Arc;
use std::time::Instant;

use axum::response::Response;
use tsdb_core::{EncodedChunk, Kind, encode_chunks};

use super::super::series::for_each_part;
use super::super::stream::{self, Cut, Output};
use super::Selected;
use super::external_labels::ExternalLabels;
use super::message::Message;
use super::request::Query;
use crate::checksum::crc32c;
use crate::error::ApiError;
use crate::state::AppState;

/// The type tells clients which form it is.
const CONTENT_TYPE: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

pub(super) async fn answer(
    state: &AppState,
    queries: Vec<Query>,
    external: ExternalLabels,
    deadline: Instant,
) -> Result<Response, ApiError> {
    let max_frame_bytes = state.shared.config.remote_read_max_frame_bytes;
    let external = Arc::new(external);
    let select = {
        let external = Arc::clone(&external);
        move |db: &_| super::select(db, queries, &external, deadline)
    };
    let write =
        move |selected, output: &mut Output| write(selected, &external, max_frame_bytes, output);
    stream::answer(state, |shared| &shared.reads, CONTENT_TYPE, select, write).await
}

fn write(
    selected: Vec<Selected>,
    external: &ExternalLabels,
    max_frame_bytes: usize,
    output: &mut Output,
) -> Result<(), Cut> {
    for (index, Selected { query, series }) in selected.into_iter().enumerate() {
        if query.labels_only {
            continue; // a series without chunks has no frame
        }
        for series in &series {
            let mut frame = Frame::new(index, &external.merged(series.labels()));
            for_each_part(series, |columns| -> Result<(), Cut> {
                for chunk in encode_chunks(columns)? {
                    frame.push(&chunk);
                    if frame.series.0.len() >= max_frame_bytes {
                        frame.write(output)?;
                    }
                }
                Ok(())
            })?;
            frame.write(output)?;
        }
    }
    Ok(())
}

/// A message with chunks of one series.
struct Frame {
    query_index: u64,
    series: Message,
    /// Bytes of the labels, with which `series` begins.
    labels_len: usize,
}

impl Frame {
    fn new(query_index: usize, labels: &[(&str, &str)]) -> Self {
        let mut series = Message::default();
        series.labels(1, labels);
        Self {
            query_index: query_index as u64,
            labels_len: series.0.len(),
            series,
        }
    }

    fn push(&mut self, chunk: &EncodedChunk) {
        let encoding = match chunk.kind {
            Kind::Histogram => 2,
            Kind::FloatHistogram => 3,
            _ => 1, // the encoder makes nothing else
        };
        let mut message = Message::default();
        message.int64(1, chunk.range.start_ms);
        message.int64(2, chunk.range.end_ms);
        message.varint(3, encoding);
        message.bytes(4, &chunk.bytes);
        self.series.bytes(2, &message.0);
    }

    /// Writes the chunks, if there are any, and begins the next frame of the series.
    fn write(&mut self, output: &mut Output) -> Result<(), Cut> {
        if self.series.0.len() == self.labels_len {
            return Ok(());
        }
        let mut message = Message::default();
        message.bytes(1, &self.series.0);
        message.varint(2, self.query_index);
        self.series.0.truncate(self.labels_len);

        let mut length = Message::default();
        length.raw(message.0.len() as u64);
        output.buffer.extend_from_slice(&length.0);
        output.buffer.extend_from_slice(&checksum(&message.0));
        output.buffer.extend_from_slice(&message.0);
        output.send_if_large()
    }
}

#[expect(clippy::big_endian_bytes, reason = "the protocol has it so")]
fn checksum(message: &[u8]) -> [u8; 4] {
    crc32c(message).to_be_bytes()
}
