//! Writing: each protocol fills a `WriteBatch`, [`apply`] alone turns what became of it into an answer.

pub(crate) mod apply;
pub(crate) mod body;
mod buckets;
pub(crate) mod datadog;
mod few;
mod ha;
mod histogram;
mod label_set;
pub(crate) mod otlp;
mod pace;
pub(crate) mod proto;
pub(crate) mod remote_write;
mod remote_write_v1;
mod remote_write_v2;
mod samples;
pub(crate) mod statsd;
#[cfg(test)]
#[path = "../../tests/common/wire.rs"]
mod wire;

pub(crate) use apply::{WriteError, durable};
pub(crate) use body::Buffers;
#[cfg(fuzzing)]
pub(crate) use datadog::fuzz as fuzz_datadog;
pub(crate) use ha::{Elections, HaOptions};
pub(crate) use label_set::{LabelSet, MAX_LABELS};
#[cfg(fuzzing)]
pub(crate) use otlp::fuzz as fuzz_otlp;
pub(crate) use pace::after_wait;
#[cfg(fuzzing)]
pub(crate) use remote_write::fuzz as fuzz_remote_write;
pub(crate) use remote_write::too_many;
