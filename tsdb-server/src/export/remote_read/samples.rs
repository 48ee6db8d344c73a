//! The answer of samples: one message, in a snappy block.
//!
//! ```text
//! ReadResponse  1 results*     QueryResult  1 timeseries*
//! TimeSeries    1 labels*  2 samples*  4 histograms*
//! ```

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tsdb_core::{Columns, Db, MemoryBudget, Reservation, Series};

use super::super::series::for_each_part;
use super::external_labels::ExternalLabels;
use super::message::{Message, histogram};
use super::request::Query;
use crate::ingest::WriteError;
use crate::state::AppState;

pub(super) async fn answer(
    state: &AppState,
    queries: Vec<Query>,
    external: ExternalLabels,
    deadline: Instant,
) -> Result<Response, WriteError> {
    let db = state.store()?;
    let shared = Arc::clone(&state.shared);
    let encoded = state.shared.reads.run(move || {
        let limits = Limits {
            samples: shared.config.remote_read_sample_limit,
            deadline,
        };
        encode(&db, queries, &external, limits, &shared.budget)
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-protobuf"),
        (header::CONTENT_ENCODING, "snappy"),
    ];
    let body = Body::from(Bytes::from_owner(encoded.await??));
    Ok((headers, body).into_response())
}

/// What an answer may take.
struct Limits {
    samples: u64,
    deadline: Instant,
}

/// Bytes with their share of the memory.
struct Charged {
    bytes: Vec<u8>,
    _share: Reservation,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn encode(
    db: &Db,
    queries: Vec<Query>,
    external: &ExternalLabels,
    limits: Limits,
    budget: &MemoryBudget,
) -> Result<Charged, WriteError> {
    let deadline = limits.deadline;
    let mut answer = Answer {
        share: budget.reserve(0)?,
        samples: 0,
        limits,
    };
    let mut response = Message::default();
    for selected in super::select(db, queries, external, deadline)? {
        let mut result = Message::default();
        for series in &selected.series {
            let labels = external.merged(series.labels());
            let mut message = Message::default();
            message.labels(1, &labels);
            let without = message.0.len();
            if !selected.query.labels_only {
                answer.samples_of(series, &mut message)?;
            }
            if message.0.len() > without || selected.query.labels_only {
                answer.charge(&message)?;
                result.bytes(1, &message.0);
            }
        }
        answer.charge(&result)?;
        response.bytes(1, &result.0);
    }
    let longest = snap::raw::max_compress_len(response.0.len());
    answer.share.grow(longest as u64)?;
    let mut encoder = snap::raw::Encoder::new();
    let bytes = encoder.compress_vec(&response.0).map_err(|e| {
        WriteError::bad_request(format!("the answer does not fit into a snappy block: {e}"))
    })?;
    drop(response);
    answer.share.shrink_to(bytes.capacity() as u64);
    Ok(Charged {
        bytes,
        _share: answer.share,
    })
}

/// An answer under construction.
struct Answer {
    share: Reservation,
    samples: u64,
    limits: Limits,
}

impl Answer {
    /// Takes memory for a message that is copied into another.
    fn charge(&mut self, message: &Message) -> Result<(), WriteError> {
        Ok(self.share.grow(message.0.len() as u64)?)
    }

    /// Appends the samples of a series.
    fn samples_of(&mut self, series: &Series, message: &mut Message) -> Result<(), WriteError> {
        super::check(self.limits.deadline)?;
        for_each_part(series, |columns| {
            self.samples += columns.len() as u64;
            if self.samples > self.limits.samples {
                return Err(WriteError::bad_request(format!(
                    "exceeded sample limit ({})",
                    self.limits.samples
                )));
            }
            let before = message.0.len();
            push_samples(columns, message);
            Ok(self.share.grow((message.0.len() - before) as u64)?)
        })
    }
}

fn push_samples(columns: &Columns, message: &mut Message) {
    let mut histograms = columns.histograms.iter().peekable();
    for (i, (&t_ms, &value)) in columns.times_ms.iter().zip(&columns.values).enumerate() {
        if let Some((_, sample)) = histograms.next_if(|(at, _)| *at == i) {
            message.bytes(4, &histogram(t_ms, sample).0);
        } else {
            let mut sample = Message::default();
            sample.double(1, value);
            sample.int64(2, t_ms);
            message.bytes(2, &sample.0);
        }
    }
}
