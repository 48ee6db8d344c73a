//! Drives a server that takes remote write and answers PromQL: this one, Prometheus or VictoriaMetrics. `benches/compare.sh` does
//! it to all of them.
//!
//! What is measured of a server is its CPU time, which noise of the machine disturbs least, and the time on the clock.

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use tsdb_benches::wire::Requests;
use tsdb_benches::{START_MS, STEP_MS};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends scrapes.
    Write(Write),
    /// Asks each query of the set, one after the other.
    Query(Query),
    /// Many clients ask the whole set at once.
    Clients(Clients),
    /// The range queries of the set, moved on by a step each time, while data arrives.
    Dashboard(Dashboard),
}

/// The server.
#[derive(Args)]
struct Server {
    /// Where its API begins, as http://127.0.0.1:9090/api/v1
    #[arg(long)]
    url: String,
    /// Its process.
    #[arg(long)]
    pid: u32,
    /// Added to each query, as nocache=1
    #[arg(long, default_value = "")]
    param: String,
}

#[derive(Args)]
struct Write {
    #[command(flatten)]
    server: Server,
    #[arg(long, default_value_t = 10_000)]
    series: usize,
    #[arg(long, default_value_t = 240)]
    scrapes: usize,
    /// Connections, each with its part of the series.
    #[arg(long, default_value_t = 4)]
    conns: usize,
    /// Series of a request.
    #[arg(long, default_value_t = 2_000)]
    batch: usize,
    /// Every request has its series in another order.
    #[arg(long)]
    shuffle: bool,
}

#[derive(Args)]
struct Query {
    #[command(flatten)]
    server: Server,
    /// Scrapes there are.
    #[arg(long, default_value_t = 240)]
    scrapes: usize,
    #[arg(long, default_value_t = 20)]
    repeat: usize,
}

#[derive(Args)]
struct Clients {
    #[command(flatten)]
    server: Server,
    #[arg(long, default_value_t = 240)]
    scrapes: usize,
    #[arg(long, default_value_t = 16)]
    clients: usize,
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

#[derive(Args)]
struct Dashboard {
    #[command(flatten)]
    server: Server,
    #[arg(long, default_value_t = 10_000)]
    series: usize,
    #[arg(long, default_value_t = 240)]
    scrapes: usize,
    /// How often it is refreshed; a scrape of all series comes before each time.
    #[arg(long, default_value_t = 20)]
    refreshes: usize,
}

/// Names and expressions: ranges over an hour every 15 seconds, unless the name says instant.
const QUERIES: [(&str, &str); 9] = [
    (
        "raw",
        r#"node_metric_1_total{instance="machine-3.example:9100", cpu="1"}"#,
    ),
    (
        "rate",
        r#"rate(node_metric_1_total{instance="machine-3.example:9100"}[5m])"#,
    ),
    (
        "sum_rate",
        "sum by (instance) (rate(node_metric_1_total[5m]))",
    ),
    (
        "max_over_time",
        "max(max_over_time(node_metric_2_total[10m]))",
    ),
    ("quantile", "quantile by (cpu) (0.9, node_metric_2_total)"),
    (
        "join",
        "sum(node_metric_1_total / on (instance, cpu) node_metric_4_total)",
    ),
    ("topk_instant", "topk(5, node_metric_5_total)"),
    ("count_instant", "count by (cpu) (node_metric_3_total)"),
    ("regex_instant", r#"count({instance=~"machine-[1-4].*"})"#),
];

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Write(args) => write(&args),
        Command::Query(args) => query(&args),
        Command::Clients(args) => clients(&args),
        Command::Dashboard(args) => dashboard(&args),
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder();
    config
        .timeout_global(Some(Duration::from_secs(120)))
        .build()
        .into()
}

impl Server {
    /// CPU time of the process until now, in seconds (`proc_pid_stat(5)`).
    fn cpu_s(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
        let ticks = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse::<f64>);
        Ok(ticks.sum::<std::result::Result<f64, _>>()? / 100.0)
    }

    /// The most memory it had, in MiB.
    fn peak_mib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        Ok(kib.ok_or("no VmHWM")?.parse::<u64>()? / 1024)
    }

    /// Asks a query of the set at the end of so many scrapes; the time it took.
    fn ask(
        &self,
        agent: &ureq::Agent,
        (name, query): (&str, &str),
        scrapes: usize,
    ) -> Result<Duration> {
        let end_s = (START_MS + (scrapes as i64 - 1) * STEP_MS) / 1000;
        let begun = Instant::now();
        let request = if name.ends_with("_instant") {
            let request = agent.get(format!("{}/query", self.url));
            request.query("time", end_s.to_string())
        } else {
            let request = agent.get(format!("{}/query_range", self.url));
            let request = request.query("start", (end_s - 3600).to_string());
            request.query("end", end_s.to_string()).query("step", "15")
        };
        let request = match self.param.split_once('=') {
            Some((name, value)) => request.query(name, value),
            None => request,
        };
        let mut response = request.query("query", query).call()?;
        let body = response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_vec()?;
        if !body.starts_with(br#"{"status":"success""#) {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(begun.elapsed())
    }

    fn send(&self, agent: &ureq::Agent, message: &[u8]) -> Result<()> {
        let body = snap::raw::Encoder::new().compress_vec(message)?;
        let request = agent.post(format!("{}/write", self.url));
        request
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .send(&body)?;
        Ok(())
    }
}

fn write(args: &Write) -> Result<()> {
    let (cpu_s, begun) = (args.server.cpu_s()?, Instant::now());
    let batches = args.series.div_ceil(args.batch);
    let send = |conn: usize| -> Result<()> {
        let agent = agent();
        let own = (0..batches).skip(conn).step_by(args.conns);
        let range = |b: usize| b * args.batch..args.series.min((b + 1) * args.batch);
        let mut batches: Vec<Requests> = own.map(|b| Requests::of(range(b))).collect();
        for i in 0..args.scrapes {
            for requests in &mut batches {
                if args.shuffle {
                    requests.shuffle();
                }
                args.server.send(&agent, requests.scrape(i))?;
            }
        }
        Ok(())
    };
    in_parallel(args.conns, send)?;
    let samples = (args.series * args.scrapes) as f64;
    let (wall_s, cpu_s) = (begun.elapsed().as_secs_f64(), args.server.cpu_s()? - cpu_s);
    println!(
        "write{}: {:.0} samples/s, {:.0} samples a CPU second, {} MiB at most",
        if args.shuffle { ", shuffled" } else { "" },
        samples / wall_s,
        samples / cpu_s.max(0.01),
        args.server.peak_mib()?,
    );
    Ok(())
}

fn query(args: &Query) -> Result<()> {
    let agent = agent();
    for query in QUERIES {
        args.server.ask(&agent, query, args.scrapes)?;
        let cpu_s = args.server.cpu_s()?;
        let times = (0..args.repeat).map(|_| args.server.ask(&agent, query, args.scrapes));
        let mut times = times.collect::<Result<Vec<Duration>>>()?;
        times.sort_unstable();
        let cpu_ms = (args.server.cpu_s()? - cpu_s) * 1000.0 / args.repeat as f64;
        let median = times
            .get(times.len() / 2)
            .map_or(0.0, Duration::as_secs_f64);
        println!(
            "{}: {:.2} ms, {cpu_ms:.1} ms of CPU",
            query.0,
            median * 1000.0
        );
    }
    println!("queries: {} MiB at most", args.server.peak_mib()?);
    Ok(())
}

fn clients(args: &Clients) -> Result<()> {
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let slowest = Mutex::new(Duration::ZERO);
    let (cpu_s, begun) = (args.server.cpu_s()?, Instant::now());
    let ask = |client: usize| -> Result<()> {
        let agent = agent();
        for i in client.. {
            if stop.load(Ordering::Relaxed) || begun.elapsed().as_secs() >= args.seconds {
                break;
            }
            let took = args
                .server
                .ask(&agent, QUERIES[i % QUERIES.len()], args.scrapes);
            let took = took.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            asked.fetch_add(1, Ordering::Relaxed);
            if let Ok(mut slowest) = slowest.lock() {
                *slowest = took.max(*slowest);
            }
        }
        Ok(())
    };
    in_parallel(args.clients, ask)?;
    let (asked, wall_s) = (asked.into_inner() as f64, begun.elapsed().as_secs_f64());
    println!(
        "{} clients: {:.0} queries/s, {:.2} ms of CPU each, the slowest {:.0} ms, {} MiB at most",
        args.clients,
        asked / wall_s,
        (args.server.cpu_s()? - cpu_s) * 1000.0 / asked.max(1.0),
        slowest.into_inner().unwrap_or_default().as_secs_f64() * 1000.0,
        args.server.peak_mib()?,
    );
    Ok(())
}

fn dashboard(args: &Dashboard) -> Result<()> {
    let agent = agent();
    let mut requests = Requests::of(0..args.series);
    let (mut cpu_s, mut wall, mut asked) = (0.0, Duration::ZERO, 0);
    for i in args.scrapes..args.scrapes + args.refreshes {
        args.server.send(&agent, requests.scrape(i))?;
        let before = args.server.cpu_s()?;
        for query in QUERIES
            .into_iter()
            .filter(|(name, _)| !name.ends_with("_instant"))
        {
            wall += args.server.ask(&agent, query, i + 1)?;
            asked += 1;
        }
        cpu_s += args.server.cpu_s()? - before;
    }
    println!(
        "dashboard: {:.2} ms a query, {:.1} ms of CPU",
        wall.as_secs_f64() * 1000.0 / f64::from(asked),
        cpu_s * 1000.0 / f64::from(asked),
    );
    Ok(())
}

/// Runs `work` of each number below `threads` in a thread; the first error of any.
fn in_parallel(threads: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads).map(|i| scope.spawn(move || work(i))).collect();
        let panicked = || Err("a thread panicked".into());
        let ended = running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| panicked()));
        ended.collect()
    })
}
