//! What `stats` asks for: where the time of a query went, and how many samples it looked at.

use std::time::Duration;

use serde_json::{Value, json};
use tsdb_query::{QueryStats, SampleCount};

/// The statistics as Prometheus 3.14 writes them. The result is put in order while it is made, which is not measured apart.
pub(super) fn json(stats: &QueryStats, queued: Duration) -> String {
    let seconds = |d: Duration| d.as_secs_f64();
    let total = stats.preparation + stats.evaluation;
    let mut samples = json!({
        "totalQueryableSamples": stats.samples.queryable,
        "samplesRead": stats.samples.read,
        "peakSamples": stats.peak_samples,
    });
    if !stats.samples_per_step.is_empty() {
        samples["totalQueryableSamplesPerStep"] = per_step(stats, |count| count.queryable);
        samples["samplesReadPerStep"] = per_step(stats, |count| count.read);
    }
    json!({
        "timings": {
            "evalTotalTime": seconds(total),
            "resultSortTime": 0.0,
            "queryPreparationTime": seconds(stats.preparation),
            "innerEvalTime": seconds(stats.evaluation),
            "execQueueTime": seconds(queued),
            "execTotalTime": seconds(total + queued),
        },
        "samples": samples,
    })
    .to_string()
}

/// Pairs of time and count.
fn per_step(stats: &QueryStats, of: fn(&SampleCount) -> u64) -> Value {
    let steps = stats.samples_per_step.iter();
    let pairs = steps.map(|(t_ms, count)| {
        let t = if t_ms % 1000 == 0 {
            json!(t_ms / 1000)
        } else {
            json!(*t_ms as f64 / 1000.0)
        };
        json!([t, of(count)])
    });
    pairs.collect()
}
