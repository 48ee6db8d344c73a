//! Offers a server more remote write than it takes, whatever it answers (open loop), and says what became of it.
//!
//! ```sh
//! overload ADDRESS [SECONDS [FACTOR]]        # overload.sh starts the server and a Prometheus beside
//! ```
//! First it finds what the server sustains without overload, for half of `SECONDS`: a few connections at a time, each sends the
//! next request when the last is answered, for the same series as later. Then requests are due at fixed times, `FACTOR` (3) times
//! as many, for `SECONDS` (300). Nothing is sent twice. Then again what it sustains without overload, for as long as before. Each phase has
//! to be long enough for flushes and merges; how many there were is told. At last what was acknowledged is counted in the store.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Series of a request, one sample each.
const SERIES: usize = 500;
/// Requests under way at a time while it is found out what the server sustains.
const CLOSED: usize = 8;
/// Connections of the open loop: so many requests may wait for their answer.
const OPEN: usize = 128;
/// Of this goodput without overload at least so much is to be left under overload.
const LEAST: f64 = 0.8;

/// What one phase brought.
#[derive(Debug, Default)]
struct Phase {
    seconds: f64,
    acknowledged: u64,
    refused: u64,
    without_retry_after: u64,
    failed: u64,
    /// Requests that were not sent, because all connections were waiting for an answer when they were due.
    not_sent: u64,
    /// Of what was acknowledged, in milliseconds, sorted.
    latencies_ms: Vec<f64>,
}

impl Phase {
    fn goodput(&self) -> f64 {
        (self.acknowledged * SERIES as u64) as f64 / self.seconds
    }

    fn latency_ms(&self, quantile: f64) -> f64 {
        let last = self.latencies_ms.len().saturating_sub(1);
        let at = (quantile * last as f64) as usize;
        self.latencies_ms.get(at).copied().unwrap_or(f64::NAN)
    }

    fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.without_retry_after += other.without_retry_after;
        self.failed += other.failed;
        self.not_sent += other.not_sent;
        self.latencies_ms.extend(other.latencies_ms);
    }

    fn tell(&self, name: &str) {
        println!(
            "{name}: {:.0} samples/s for {:.0} s; requests: {} acknowledged, {} refused ({} of them without Retry-After), {} failed, {} not \
             sent; latency of what was acknowledged: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
            self.goodput(),
            self.seconds,
            self.acknowledged,
            self.refused,
            self.without_retry_after,
            self.failed,
            self.not_sent,
            self.latency_ms(0.5),
            self.latency_ms(0.99),
            self.latency_ms(1.0)
        );
    }
}

/// One connection, which owns its series: each request has the next millisecond.
struct Sender {
    address: String,
    stream: Option<BufReader<TcpStream>>,
    labels: Vec<Vec<u8>>,
    t_ms: i64,
    acknowledged: u64,
}

/// An answer, as far as it is looked at.
struct Answer {
    status: u16,
    retry_after: bool,
    body: Vec<u8>,
}

impl Sender {
    fn new(address: &str, number: usize, begin_ms: i64) -> Self {
        let labels = (0..SERIES).map(|series| {
            let mut message = Vec::new();
            for (name, value) in [
                ("__name__", "overload"),
                ("connection", &number.to_string()),
                ("series", &series.to_string()),
            ] {
                let mut label = Vec::new();
                field(&mut label, 1, name.as_bytes());
                field(&mut label, 2, value.as_bytes());
                field(&mut message, 1, &label);
            }
            message
        });
        Self {
            address: address.to_owned(),
            stream: None,
            labels: labels.collect(),
            t_ms: begin_ms,
            acknowledged: 0,
        }
    }

    /// Sends the next samples; what became of them is added to `phase`.
    fn send(&mut self, phase: &mut Phase) {
        self.t_ms += 1;
        let body = self.body();
        let begun = Instant::now();
        match self.request("POST /api/v1/write", &body) {
            Ok(Answer { status: 204, .. }) => {
                phase.acknowledged += 1;
                self.acknowledged += 1;
                phase
                    .latencies_ms
                    .push(begun.elapsed().as_secs_f64() * 1000.0);
            }
            Ok(
                answer @ Answer {
                    status: 429 | 503, ..
                },
            ) => {
                phase.refused += 1;
                phase.without_retry_after += u64::from(!answer.retry_after);
            }
            Ok(_) | Err(_) => {
                phase.failed += 1;
                self.stream = None;
            }
        }
    }

    /// A `WriteRequest` in snappy, of literals alone.
    fn body(&self) -> Vec<u8> {
        let mut sample = vec![1 << 3 | 1];
        sample.extend_from_slice(&(self.t_ms as f64).to_bits().to_le_bytes());
        sample.push(2 << 3);
        uvarint(&mut sample, self.t_ms.cast_unsigned());
        let mut message = Vec::new();
        for labels in &self.labels {
            let mut series = labels.clone();
            field(&mut series, 2, &sample);
            field(&mut message, 1, &series);
        }
        let mut body = Vec::new();
        uvarint(&mut body, message.len() as u64);
        for piece in message.chunks(1 << 16) {
            body.push(61 << 2);
            let [low, high, ..] = (piece.len() as u32 - 1).to_le_bytes();
            body.extend_from_slice(&[low, high]);
            body.extend_from_slice(piece);
        }
        body
    }

    fn request(&mut self, line: &str, body: &[u8]) -> io::Result<Answer> {
        let mut head = format!("{line} HTTP/1.1\r\nhost: {}\r\n", self.address);
        let _ = write!(head, "content-length: {}\r\n\r\n", body.len()); // a string takes everything
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(60)))?;
                self.stream.insert(BufReader::new(stream))
            }
        };
        stream
            .get_mut()
            .write_all(&[head.as_bytes(), body].concat())?;
        let mut answer = Answer {
            status: 0,
            retry_after: false,
            body: Vec::new(),
        };
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            } else if let Some(status) = line.strip_prefix("http/1.1 ") {
                answer.status = status.get(..3).and_then(|s| s.parse().ok()).unwrap_or(0);
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap_or(0);
            }
            answer.retry_after |= line.starts_with("retry-after:");
        }
        answer.body.resize(length, 0);
        stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}

fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    uvarint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn uvarint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// So many requests are under way at a time; all connections have their turns, so that the series are those of the open loop.
fn closed_loop(senders: &mut [Sender], time: Duration) -> Phase {
    each(senders, OPEN / CLOSED, |senders, phase| {
        let begun = Instant::now();
        while begun.elapsed() < time {
            senders.iter_mut().for_each(|sender| sender.send(phase));
        }
    })
}

/// So many requests a second are due; a connection that is free sends the one that is due next. What is overdue by a second is
/// given up.
fn open_loop(senders: &mut [Sender], time: Duration, rate: f64) -> Phase {
    let due = AtomicU64::new(0);
    let begun = Instant::now();
    each(senders, 1, |senders, phase| {
        loop {
            let at = Duration::from_secs_f64(due.fetch_add(1, Ordering::Relaxed) as f64 / rate);
            if at > time {
                return;
            }
            let now = begun.elapsed();
            if now > at + Duration::from_secs(1) {
                phase.not_sent += 1;
                continue;
            }
            std::thread::sleep(at.saturating_sub(now));
            senders.iter_mut().for_each(|sender| sender.send(phase));
        }
    })
}

/// A thread for so many senders each.
fn each(
    senders: &mut [Sender],
    of_thread: usize,
    work: impl Fn(&mut [Sender], &mut Phase) + Sync,
) -> Phase {
    let begun = Instant::now();
    let mut all = std::thread::scope(|scope| {
        let threads: Vec<_> = senders
            .chunks_mut(of_thread)
            .map(|senders| {
                scope.spawn(|| {
                    let mut phase = Phase::default();
                    work(senders, &mut phase);
                    phase
                })
            })
            .collect();
        let mut all = Phase::default();
        for thread in threads {
            all.add(thread.join().unwrap_or_default());
        }
        all
    });
    all.seconds = begun.elapsed().as_secs_f64();
    all.latencies_ms.sort_unstable_by(f64::total_cmp);
    all
}

/// Samples in the store of all connections.
fn stored(sender: &mut Sender) -> Result<u64, Box<dyn Error>> {
    let query = "GET /api/v1/query?query=sum(count_over_time(overload%5B1d%5D))";
    let body = sender.request(query, &[])?.body;
    let text = String::from_utf8(body)?;
    // …"value":[1700000000,"123"]…
    let value = text
        .rsplit_once(",\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    Ok(value.map_or(0, |(value, _)| value.parse().unwrap_or(0)))
}

/// Flushes and merges of the server so far.
fn background(sender: &mut Sender) -> Result<[u64; 2], Box<dyn Error>> {
    let page = String::from_utf8(sender.request("GET /metrics", &[])?.body)?;
    let count = |name: &str| -> u64 {
        let lines = page.lines().filter_map(|line| line.strip_prefix(name));
        let values = lines.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<u64>().ok());
        values.sum()
    };
    Ok([count("tsdb_flushes_total"), count("tsdb_merges_total")])
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().ok_or("overload ADDRESS [SECONDS [FACTOR]]")?;
    let seconds: u64 = args.next().map_or(Ok(300), |text| text.parse())?;
    let factor: f64 = args.next().map_or(Ok(3.0), |text| text.parse())?;

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    // Each connection has milliseconds of its own; none comes close to the present.
    let begin_ms = i64::try_from(now.as_millis())? - 3_600_000;
    let mut senders: Vec<Sender> = (0..OPEN)
        .map(|number| Sender::new(&address, number, begin_ms))
        .collect();

    // New series cost more than known ones: each connection makes its own first.
    each(&mut senders, 1, |senders, phase| {
        for sender in senders {
            while sender.acknowledged == 0 && phase.failed < 100 {
                sender.send(phase);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let mut observer = Sender::new(&address, 0, 0);
    let mut done = background(&mut observer)?;
    let mut tell = |phase: &Phase, name: &str| -> Result<(), Box<dyn Error>> {
        phase.tell(name);
        let [flushes, merges] = background(&mut observer)?;
        println!(
            "  {} flushes, {} merges",
            flushes - done[0],
            merges - done[1]
        );
        done = [flushes, merges];
        Ok(())
    };
    let half = Duration::from_secs(seconds) / 2;
    let before = closed_loop(&mut senders, half);
    tell(&before, "sustained before")?;
    let rate = factor * before.acknowledged as f64 / before.seconds;
    let overload = open_loop(&mut senders, Duration::from_secs(seconds), rate);
    tell(&overload, &format!("offered {factor} times that"))?;
    let after = closed_loop(&mut senders, half);
    tell(&after, "sustained after")?;

    let acknowledged: u64 = senders.iter().map(|s| s.acknowledged * SERIES as u64).sum();
    let stored = stored(&mut observer)?;
    let most = before.goodput().max(after.goodput());
    let share = overload.goodput() / most;
    println!(
        "goodput under overload: {:.0} % of the most; samples acknowledged {acknowledged}, in the store {stored}",
        100.0 * share
    );
    if acknowledged != stored {
        return Err("what was acknowledged is not what is there".into());
    }
    match share >= LEAST {
        true => Ok(()),
        false => Err(format!("less than {:.0} %", 100.0 * LEAST).into()),
    }
}
