//! The answer of samples: one message, in a snappy block.
//!
//! ```text
//! ReadResponse  1 results*     QueryResult  1 timeseries*
//! TimeSeries    1 labels*  2 samples*  4 histograms*
//! ```

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tsdb_core::{Columns, Db, Series};

use super::super::series::for_each_part;
use super::Asked;
use super::block::{Block, Squeezer};
use super::message::{Message, histogram};
use crate::http::Parts;
use crate::ingest::WriteError;
use crate::state::AppState;

pub(super) async fn answer(state: &AppState, asked: Asked) -> Result<Response, WriteError> {
    let db = state.store()?;
    let max_samples = state.shared.config.remote_read_sample_limit;
    let encoded = state.shared.reads.run(move || {
        let answer = Answer {
            asked: &asked,
            max_samples,
            samples: 0,
            squeezer: Squeezer::new(db.memory())?,
        };
        answer.encode(&db)
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-protobuf"),
        (header::CONTENT_ENCODING, "snappy"),
    ];
    Ok((headers, Body::new(encoded.await??)).into_response())
}

/// An answer under construction.
struct Answer<'a> {
    asked: &'a Asked,
    max_samples: u64,
    samples: u64,
    squeezer: Squeezer,
}

impl Answer<'_> {
    fn encode(mut self, db: &Db) -> Result<Parts, WriteError> {
        let mut response = Block::default();
        for query in &self.asked.queries {
            let selected = self.asked.select(db, query)?;
            let mut result = Block::default();
            for series in &selected.series {
                let labels = self.asked.external.merged(series.labels());
                let mut message = Block::default();
                message.rest.labels(1, &labels);
                let without = message.len();
                if !selected.labels_only {
                    self.samples_of(series, &mut message)?;
                }
                if message.len() > without || selected.labels_only {
                    result.message(1, message, &mut self.squeezer)?;
                }
            }
            response.message(1, result, &mut self.squeezer)?;
        }
        Ok(Parts::new(response.finish(&mut self.squeezer)?))
    }

    /// Appends the samples of a series.
    fn samples_of(&mut self, series: &Series, message: &mut Block) -> Result<(), WriteError> {
        super::check(self.asked.deadline)?;
        for_each_part(series, |columns| {
            self.samples += columns.len() as u64;
            if self.samples > self.max_samples {
                return Err(WriteError::bad_request(format!(
                    "exceeded sample limit ({})",
                    self.max_samples
                )));
            }
            push_samples(columns, message, &mut self.squeezer)
        })
    }
}

fn push_samples(
    columns: &Columns,
    message: &mut Block,
    squeezer: &mut Squeezer,
) -> Result<(), WriteError> {
    let mut histograms = columns.histograms.iter().peekable();
    let mut sample = Message::default();
    for (i, (&t_ms, &value)) in columns.times_ms.iter().zip(&columns.values).enumerate() {
        if let Some((_, histogram_sample)) = histograms.next_if(|(at, _)| *at == i) {
            message.rest.bytes(4, &histogram(t_ms, histogram_sample).0);
        } else {
            sample.0.clear();
            sample.double(1, value);
            sample.int64(2, t_ms);
            message.rest.bytes(2, &sample.0);
        }
        message.squeeze(squeezer)?;
    }
    Ok(())
}
