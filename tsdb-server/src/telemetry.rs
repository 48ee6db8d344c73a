//! What the server tells of itself: log lines on stderr, `/metrics`.

mod logs;
mod metrics;
mod queries;

pub use logs::init as init_logs;
pub(crate) use metrics::{Metrics, metrics, observe, watch_memory};
