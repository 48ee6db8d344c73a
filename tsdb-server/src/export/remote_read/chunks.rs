//! The answer of chunks: a stream of messages, none of which holds more than a part of one series.
//!
//! ```text
//! frame: │ len <uvarint> │ CRC-32C of the message <4, big-endian> │ message <len> │
//! ChunkedReadResponse  1 chunked_series*  2 query_index
//! ChunkedSeries        1 labels*  2 chunks*
//! Chunk                1 min_time (int64, ms)  2 max_time (int64, ms)  3 type (1 XOR, 2 histogram, 3 float histogram)  4 data
//! ```

use axum::response::Response;
use tsdb_core::{Db, EncodedChunk, Kind, encode_chunks};

use super::super::series::for_each_part;
use super::super::stream::{self, Cut, Output};
use super::message::Message;
use super::{Asked, Selected};
use crate::checksum::crc32c;
use crate::error::ApiError;
use crate::state::AppState;

/// The type tells clients which form it is.
const CONTENT_TYPE: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

pub(super) async fn answer(state: &AppState, asked: Asked) -> Result<Response, ApiError> {
    let max_frame_bytes = state.shared.config.remote_read_max_frame_bytes;
    // The first is selected while the status can still say what is wrong.
    let select = move |db: &Db| {
        let first = asked.queries.first().map(|query| asked.select(db, query));
        Ok((db.clone(), first.transpose()?, asked))
    };
    let write = move |(db, first, asked): (Db, Option<Selected>, Asked), output: &mut Output| {
        let mut first = first;
        for (index, query) in asked.queries.iter().enumerate() {
            let selected = match first.take() {
                Some(first) => first,
                None => asked.select(&db, query)?,
            };
            write(index, &selected, &asked, max_frame_bytes, output)?;
        }
        Ok(())
    };
    stream::answer(state, |shared| &shared.reads, CONTENT_TYPE, select, write).await
}

/// Writes the series of a query, if there is time left.
fn write(
    index: usize,
    selected: &Selected,
    asked: &Asked,
    max_frame_bytes: usize,
    output: &mut Output,
) -> Result<(), Cut> {
    if selected.labels_only {
        return Ok(()); // a series without chunks has no frame
    }
    for series in &selected.series {
        super::check(asked.deadline)?;
        let mut frame = Frame::new(index, &asked.external.merged(series.labels()));
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
