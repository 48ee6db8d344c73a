//! Synthetic metrics of Kubernetes nodes: counters, seconds, gauges with and without full precision, histograms.

use super::metrics::Series;

/// A generator of numbers that are random enough.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// In 0..1.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around 0, with a standard deviation of a half.
    fn normal(&mut self) -> f64 {
        self.uniform() + self.uniform() + self.uniform() - 1.5
    }

    /// With a mean of 1.
    fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }
}

/// How a series goes on.
enum Model {
    Constant,
    /// Rises by one with this probability.
    NearlyConstant(f64),
    /// An integer counter: this mean, and this probability of standing still.
    Counter(f64, f64),
    /// Seconds, counted in hundredths, of which this part is busy.
    Seconds(f64),
    /// Returns to this mean; full precision, or a tenth.
    Gauge(f64, bool),
    /// Pages of memory.
    Pages(f64),
}

impl Model {
    fn next(&self, level: f64, random: &mut Random) -> f64 {
        match *self {
            Self::Constant => level,
            Self::NearlyConstant(p) => level + f64::from(u8::from(random.uniform() < p)),
            Self::Counter(_, idle) if random.uniform() < idle => level,
            Self::Counter(mean, _) => level + (mean * random.exponential()).round(),
            Self::Seconds(busy) => {
                let busy = (busy * (1.0 + 0.3 * random.normal())).clamp(0.0, 1.0);
                ((level * 100.0).round() + (busy * 1500.0).round()) / 100.0
            }
            Self::Gauge(mean, whole) => {
                let next = level + 0.1 * (mean - level) + 0.15 * mean * random.normal();
                let next = next.max(mean * 0.1);
                if whole { next.round() } else { next }
            }
            Self::Pages(_) if random.uniform() < 0.25 => level,
            Self::Pages(mean) => {
                let pages = level / 4096.0;
                (pages + 0.02 * (mean - pages) + 0.01 * mean * random.normal()).floor() * 4096.0
            }
        }
    }
}

/// The models of a host, in the proportions that the workload of the benchmarks has, each with the name of its metric.
fn models(random: &mut Random) -> Vec<(String, Model)> {
    let mut models = Vec::new();
    let mut add = |name: &str, number: usize, of: &mut dyn FnMut() -> Model| {
        for i in 0..number {
            models.push((format!("{name}_{i}"), of()));
        }
    };
    add("constant", 147, &mut || Model::Constant);
    add("nearly", 30, &mut || Model::NearlyConstant(0.02));
    add("rare", 31, &mut || Model::Counter(3.0, 0.7));
    add("seconds", 68, &mut || {
        Model::Seconds(0.6 * random.uniform())
    });
    add("counter", 92, &mut || {
        Model::Counter(10_f64.powf(1.0 + 6.0 * random.uniform()), 0.02)
    });
    add("precise", 33, &mut || {
        Model::Gauge(1e-3 * random.uniform(), false)
    });
    add("whole", 8, &mut || Model::Gauge(80.0, true));
    add("pages", 45, &mut || Model::Pages(1e5 * random.uniform()));
    models
}

/// Buckets, sum and count of a histogram.
fn histogram(random: &mut Random, rounds: usize) -> Vec<Vec<f64>> {
    let mut columns = vec![Vec::new(); 14];
    let mut counts = [0.0_f64; 12];
    let mut sum = 0.0;
    let (rate, shift) = (20.0 + 300.0 * random.uniform(), random.normal());
    for _ in 0..rounds {
        let requests = rate * random.exponential();
        let (mut below, mut all) = (0.0, 0.0_f64);
        for (i, count) in (0_i32..).zip(&mut counts) {
            let share = match i {
                11 => 1.0,
                _ => 1.0 / (1.0 + (-(f64::from(i) - 4.0 - shift) * 1.3).exp()),
            };
            let new = ((share - below) * requests + random.uniform()).floor();
            below = share;
            all += new;
            *count += all;
            sum += new * 0.003 * 2.1_f64.powi(i) * (0.5 + random.uniform());
        }
        for (column, &count) in columns.iter_mut().zip(&counts) {
            column.push(count);
        }
        columns[12].push(sum);
        columns[13].push(counts[11]);
    }
    columns
}

/// So many hosts of about 510 series, 15 seconds between samples, in the order of their labels.
pub(super) fn hosts(hosts: usize, rounds: usize) -> Vec<Series> {
    let mut all = Vec::new();
    for host in 0..hosts {
        let mut random = Random(host as u64 + 1);
        let times: Vec<i64> = (0..rounds as i64)
            .map(|i| {
                let jitter = (random.next() % 6) as i64;
                1_795_132_800_000 + i * 15_000 + host as i64 * 731 + jitter
            })
            .collect();
        let mut add = |name: &str, bucket: String, values: Vec<f64>| {
            let label = |name: &str, value: String| (name.to_owned(), value);
            all.push(Series {
                labels: vec![
                    label("__name__", name.to_owned()),
                    label("instance", host.to_string()),
                    label("le", bucket),
                ],
                times: times.clone(),
                values,
            });
        };
        for (name, model) in models(&mut random) {
            let mut level = match model {
                Model::Gauge(mean, _) => mean,
                Model::Pages(mean) => mean.floor() * 4096.0,
                _ => (1e6 * random.uniform()).floor(),
            };
            let next = |_| {
                level = model.next(level, &mut random);
                level
            };
            add(&name, String::new(), (0..rounds).map(next).collect());
        }
        for number in 0..4 {
            for (i, values) in histogram(&mut random, rounds).into_iter().enumerate() {
                let name = match i {
                    12 => format!("requests_{number}_sum"),
                    13 => format!("requests_{number}_count"),
                    _ => format!("requests_{number}_bucket"),
                };
                add(&name, i.to_string(), values);
            }
        }
    }
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    all
}
