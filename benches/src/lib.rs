//! Workloads for the benchmarks in `benches/`: series like those of a scraped machine, the same at every run.

pub mod wire;

use tsdb_core::{Db, LabelError, Options, WriteBatch};

/// Where the samples begin, in milliseconds since the Unix epoch.
pub const START_MS: i64 = 1_700_000_000_000;
/// Time between samples.
pub const STEP_MS: i64 = 15_000;

/// What a series looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Never changes.
    Constant,
    /// Whole numbers that grow unevenly.
    Counter,
    /// Two decimals, up and down.
    Gauge,
    /// All bits at random.
    Noise,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Constant, Self::Counter, Self::Gauge, Self::Noise];

    /// The value number `i` of series number `series`.
    #[must_use]
    pub fn value(self, series: usize, i: usize) -> f64 {
        let random = mixed((series as u64) << 32 | i as u64);
        match self {
            Self::Constant => 4096.0,
            Self::Counter => (i * 1000 + (random % 1000) as usize) as f64,
            Self::Gauge => (random % 10_000) as f64 / 100.0,
            // Not all bits: NaN and the infinities have ones for an exponent.
            Self::Noise => f64::from_bits(random >> 2),
        }
    }
}

/// A number that looks random (splitmix64).
#[must_use]
pub fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// Names and values of labels.
pub type LabelPairs = Vec<(String, String)>;

/// The labels of a series, sorted: a tenth of the series are of one metric, and each instance has a hundred.
#[must_use]
pub fn labels(series: usize) -> LabelPairs {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    vec![
        pair("__name__", format!("node_metric_{}_total", series % 10)),
        pair("cpu", (series / 10 % 10).to_string()),
        pair("instance", format!("machine-{}.example:9100", series / 100)),
        pair("job", "node".to_owned()),
    ]
}

/// The labels of a series of a cluster, sorted: twelve of some 340 bytes. A pod has a hundred series.
#[must_use]
pub fn pod_labels(series: usize) -> LabelPairs {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let (pod, n) = (series / 100, series % 100);
    vec![
        pair("__name__", format!("http_requests_{}_total", n % 10)),
        pair("cluster", "production-eu-west-1".to_owned()),
        pair("code", (200 + n / 10).to_string()),
        pair("container", "application-server".to_owned()),
        pair("endpoint", "metrics".to_owned()),
        pair(
            "image",
            "registry.example.com/team/application:v1.42.0".to_owned(),
        ),
        pair(
            "instance",
            format!("10.{}.{}.17:8080", pod / 250 % 250, pod % 250),
        ),
        pair("job", "application".to_owned()),
        pair("namespace", format!("team-{}", pod % 20)),
        pair(
            "node",
            format!("ip-10-0-{}.eu-west-1.compute.internal", pod / 10),
        ),
        pair("pod", format!("application-server-7d9f8b6c5d-{pod:05}")),
        pair("service", "application-server-headless".to_owned()),
    ]
}

/// The shape of a series.
#[must_use]
pub fn shape(series: usize) -> Shape {
    Shape::ALL[series % 3] // no noise: machines do not make it
}

/// One scrape of all series.
///
/// # Errors
/// Never, as long as [`labels`] are valid.
pub fn scrape(series: usize, i: usize) -> Result<WriteBatch, LabelError> {
    let mut batch = WriteBatch::new();
    let t_ms = START_MS + i as i64 * STEP_MS;
    for n in 0..series {
        let value = shape(n).value(n, i);
        batch.series(labels(n))?.sample(t_ms, value);
    }
    Ok(batch)
}

/// A store in memory that takes samples of any time, with so many scrapes of so many series.
///
/// # Errors
/// When the store refuses.
pub fn store(series: usize, scrapes: usize) -> tsdb_core::Result<Db> {
    let db = Db::in_memory(Options::new().retention(None).future_limit(None))?;
    for i in 0..scrapes {
        db.write(&scrape(series, i)?)?;
    }
    Ok(db)
}
