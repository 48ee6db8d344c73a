//! What `explain` asks for: the plan of a query, with what each part of it cost.

use serde_json::{Value, json};
use tsdb_query::PlanNode;

/// The nodes of a plan in one list, each after the one that takes its series.
pub(super) fn json(plan: &[PlanNode]) -> String {
    let nodes = plan.iter().enumerate().map(|(id, node)| {
        json!({
            "id": id,
            "parent": node.parent,
            "kind": node.kind,
            "expr": node.expr,
            "position": {"start": node.span.start, "end": node.span.end},
            "once": node.once,
            "series": node.series,
            "samples": node.samples,
            "samplesRead": node.samples_read,
            "peakBytes": node.peak_bytes,
            "seconds": node.time.as_secs_f64(),
        })
    });
    Value::from_iter(nodes).to_string()
}
