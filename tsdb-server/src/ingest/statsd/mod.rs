//! StatsD by UDP, with the tags of DogStatsD (`docs/statsd.md`).
//!
//! [`line`](mod@line) reads a line, [`aggregate`] keeps what came, and at every flush the present state of each metric is a sample in
//! the store. What is counted is counted from the first line on, so that a counter and a histogram rise until the server
//! ends, and `rate` asks for them; a start time says since when.

mod aggregate;
mod distribution;
mod line;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tsdb_core::{MetricMetadata, Writer};

pub(crate) use aggregate::Aggregate;
#[cfg(fuzzing)]
pub(crate) use line::fuzz;

use super::apply;
use crate::state::AppState;
use crate::udp::Datagrams;

/// Listens if the configuration says so, and writes what came at every flush.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) async fn listen(state: &AppState) -> io::Result<()> {
    let config = &state.shared.config;
    let Some(address) = &config.statsd_listen else {
        return Ok(());
    };
    let mut datagrams = Datagrams::bind(address, "StatsD").await?;
    let aggregate = Arc::new(Mutex::new(Aggregate::default()));
    tokio::spawn({
        let (state, aggregate) = (state.clone(), Arc::clone(&aggregate));
        async move {
            loop {
                let (datagram, from) = datagrams.next().await;
                let now = now_ms();
                let (accepted, faults) = aggregate.lock().take(datagram, now);
                for fault in &faults {
                    tracing::debug!(%from, "StatsD: {fault}");
                }
                state
                    .shared
                    .metrics
                    .statsd_lines
                    .add(accepted, faults.len());
            }
        }
    });
    let mut ticks = tokio::time::interval(config.statsd_flush_interval);
    let state = state.clone();
    tokio::spawn(async move {
        loop {
            ticks.tick().await;
            flush(&state, &aggregate).await;
        }
    });
    Ok(())
}

/// Writes the present state of every metric.
async fn flush(state: &AppState, aggregate: &Arc<Mutex<Aggregate>>) {
    let samples = Arc::clone(aggregate);
    let written = apply::write(state, move |_, writer| {
        samples.lock().flush(now_ms(), |sample| add(writer, sample));
        Ok(())
    });
    match written.await {
        Ok((report, ())) => {
            aggregate.lock().written();
            if let Some(refusal) = apply::refusal(&report, &apply::LeftOut::default()) {
                tracing::warn!("StatsD: {refusal}");
            }
        }
        Err(e) => tracing::warn!("StatsD: nothing is written at this flush: {}", e.message),
    }
}

fn add(writer: &mut Writer, sample: aggregate::Sample<'_>) {
    let Ok(mut series) = writer.series(None, sample.canonical) else {
        return; // labels are checked when a line comes
    };
    match sample.value {
        aggregate::Value::Float(value) => {
            series.sample_since(sample.start_ms, sample.t_ms, value);
        }
        aggregate::Value::Histogram(histogram) => {
            series.histogram_since(sample.start_ms, sample.t_ms, histogram);
        }
    }
    writer.metadata(MetricMetadata {
        metric: sample.metric.to_owned(),
        kind: sample.kind,
        help: String::new(),
        unit: String::new(),
    });
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
