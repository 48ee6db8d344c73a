//! Line protocol by UDP, as collectd's `write_influxdb_udp` and Telegraf's UDP output send it.

use std::io;
use std::sync::Arc;

use tsdb_core::Commit;
use tsdb_influx::{Precision, Target};

use super::write::{now_ns, parse};
use crate::ingest::durable;
use crate::state::AppState;
use crate::udp::Datagrams;

/// Listens if the configuration says so.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) async fn listen(state: &AppState) -> io::Result<()> {
    let Some(address) = &state.shared.config.influx_udp_listen else {
        return Ok(());
    };
    let mut datagrams = Datagrams::bind(address, "line protocol").await?;
    let state = state.clone();
    tokio::spawn(async move {
        loop {
            let (datagram, from) = datagrams.next().await;
            let lines = tsdb_influx::line::lines(datagram).count();
            let written = write(&state, datagram.to_vec()).await;
            let (accepted, refused) = match written {
                Ok(Written { refused: 0, .. }) => (lines, 0),
                Ok(Written { refused, reason }) => {
                    tracing::debug!(%from, "line protocol: {reason}");
                    (lines.saturating_sub(refused), refused)
                }
                Err(e) => {
                    tracing::debug!(%from, "line protocol: {e}");
                    (0, lines)
                }
            };
            let counts = &state.shared.metrics.influx_lines;
            counts.add(accepted, refused);
        }
    });
    Ok(())
}

/// What became of a datagram of which something was written.
#[derive(Debug, Default)]
struct Written {
    /// Lines that were not, and why.
    refused: usize,
    reason: String,
}

/// Writes the lines of a datagram. The next one waits meanwhile.
async fn write(state: &AppState, datagram: Vec<u8>) -> Result<Written, String> {
    let influx = state.influx().map_err(|e| e.message)?;
    let shared = Arc::clone(&state.shared);
    let applied = state.shared.writes.run(move || {
        let precision = Precision::from_name(&shared.config.influx_udp_precision);
        let parsed = parse(&datagram, precision.into(), shared.request_limits());
        let (points, faults) = parsed.map_err(|e| e.message)?;
        let mut written = Written::default();
        if let Some(faults) = faults {
            (written.refused, written.reason) = (faults.lines, faults.text);
        }
        let mut commit: Option<Commit> = None;
        if !points.is_empty() {
            let database = shared.config.influx_udp_database.as_str();
            let target = Target {
                database,
                policy: None,
            };
            let made = influx.ensure(database, None);
            made.map_err(|e| e.to_string())?;
            let done = influx.write(target, &points, now_ns(precision));
            let (submitted, refusal) = done.map_err(|e| e.to_string())?;
            commit = submitted;
            if let Some(refusal) = refusal {
                written.refused += refusal.dropped;
                written.reason = refusal.reason;
            }
        }
        Ok::<_, String>((commit, written))
    });
    let (commit, written) = applied.await.map_err(|e| e.to_string())??;
    if let Some(commit) = commit {
        durable(commit).await.map_err(|e| e.message)?;
    }
    Ok(written)
}
