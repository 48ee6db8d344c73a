//! Line protocol by UDP, as collectd's `write_influxdb_udp` and Telegraf's UDP output send it.

use std::io;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tsdb_influx::{Precision, Target};

use super::write::{now_ns, parse};
use crate::ingest::durable;
use crate::state::AppState;

/// The longest datagram that there is.
const MAX_DATAGRAM_BYTES: usize = 65_536;

/// Listens if the configuration says so.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) async fn listen(state: &AppState) -> io::Result<()> {
    let Some(address) = &state.shared.config.influx_udp_listen else {
        return Ok(());
    };
    let socket = UdpSocket::bind(address)
        .await
        .map_err(|e| io::Error::new(e.kind(), format!("listen on UDP {address}: {e}")))?;
    tracing::info!(address = %socket.local_addr()?, "listening for line protocol by UDP");
    let state = state.clone();
    tokio::spawn(async move {
        let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            match socket.recv_from(&mut buffer).await {
                Ok((len, from)) => {
                    let datagram = buffer.get(..len).unwrap_or_default().to_vec();
                    if let Err(e) = write(&state, datagram).await {
                        tracing::warn!(%from, error = %e, "datagram not written");
                    }
                }
                Err(e) => tracing::warn!(error = %e, "cannot receive by UDP"),
            }
        }
    });
    Ok(())
}

/// Writes the lines of a datagram. The next one waits meanwhile: what the system's buffer does not hold is lost, which is
/// what UDP means.
async fn write(state: &AppState, datagram: Vec<u8>) -> Result<(), String> {
    let influx = state.influx().map_err(|e| e.message)?;
    let shared = Arc::clone(&state.shared);
    let applied = state.shared.writes.run(move || {
        let (points, faults) = parse(&datagram, Precision::Nanoseconds);
        if points.is_empty() {
            return faults.map_or(Ok((None, None)), Err);
        }
        let database = shared.config.influx_udp_database.as_str();
        let target = Target {
            database,
            policy: None,
        };
        influx
            .ensure_database(database)
            .map_err(|e| e.to_string())?;
        let written = influx.write(target, &points, now_ns(Precision::Nanoseconds));
        let (commit, refusal) = written.map_err(|e| e.to_string())?;
        Ok((commit, faults.or(refusal.map(|refusal| refusal.reason))))
    });
    let (commit, fault) = applied.await.map_err(|e| e.to_string())??;
    if let Some(commit) = commit {
        durable(commit).await.map_err(|e| e.message)?;
    }
    fault.map_or(Ok(()), Err)
}
