//! Retention policies are enforced now and then.

use std::time::Duration;

use tsdb_influx::Precision;

use super::write::now_ns;
use crate::state::AppState;

/// How often it is looked whether something is too old. InfluxDB looks every 30 minutes; a look costs next to nothing.
const EVERY: Duration = Duration::from_secs(60);

/// Deletes what retention policies do not keep, for as long as the server runs.
pub(crate) fn enforce(state: AppState) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            let Ok(influx) = state.influx() else {
                continue; // the store is being recovered
            };
            let pool = &state.shared.writes;
            let done = pool.run(move || influx.expire(now_ns(Precision::Nanoseconds)));
            let error = match done.await {
                Ok(Ok(())) => continue,
                Ok(Err(e)) => e.to_string(),
                Err(e) => e.to_string(),
            };
            tracing::warn!(%error, "retention policies of InfluxDB's data were not enforced; it is tried again");
        }
    });
}
