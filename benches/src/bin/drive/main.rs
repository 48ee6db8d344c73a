//! Drives a server that takes remote write and answers PromQL: this one, Prometheus or VictoriaMetrics. `benches/compare.sh` does
//! it to all of them.
//!
//! What is measured of a server is its CPU time, which noise of the machine disturbs least, and the time on the clock.

mod queries;
mod server;

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use tsdb_benches::wire::{Requests, Version};
use tsdb_benches::{labels, mixed, pod_labels};

use queries::{QuerySet, Scrapes};
use server::{Server, agent};

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

#[derive(Args)]
struct Write {
    #[command(flatten)]
    server: Server,
    #[arg(long, default_value_t = 10_000)]
    series: usize,
    #[command(flatten)]
    scrapes: Scrapes,
    /// Connections, each with its part of the series.
    #[arg(long, default_value_t = 4)]
    conns: usize,
    /// Samples of a request.
    #[arg(long, default_value_t = 2_000)]
    batch: usize,
    /// Each request has samples of one of so many parts of the series, divided by a hash, and of as many scrapes as fill it, as from
    /// the shards of a sender. Without it a request is of one scrape and of series next to each other.
    #[arg(long)]
    partitions: Option<NonZeroUsize>,
    /// Every request has its series in another order.
    #[arg(long)]
    shuffle: bool,
    /// Series with the twelve labels of a cluster, not the four of a scraped machine.
    #[arg(long)]
    pods: bool,
    /// By remote write 2.0.
    #[arg(long)]
    v2: bool,
    /// Posted to when all is sent, for the CPU time until what was sent is in files.
    #[arg(long)]
    flush: Option<String>,
}

#[derive(Args)]
struct Query {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    set: QuerySet,
    #[arg(long, default_value_t = 20)]
    repeat: usize,
}

#[derive(Args)]
struct Clients {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    set: QuerySet,
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
    #[command(flatten)]
    scrapes: Scrapes,
    /// How often it is refreshed; a scrape of all series comes before each time.
    #[arg(long, default_value_t = 20)]
    refreshes: usize,
    /// Samples of half an hour before come as well each time, between those that are there.
    #[arg(long)]
    late: bool,
    /// A series is deleted each time.
    #[arg(long)]
    deletes: bool,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Write(args) => write(&args),
        Command::Query(args) => query(&args),
        Command::Clients(args) => clients(&args),
        Command::Dashboard(args) => dashboard(&args),
    }
}

fn write(args: &Write) -> Result<()> {
    let (cpu_s, begun) = (args.server.cpu_s()?, Instant::now());
    let groups = args.groups();
    let labels = if args.pods { pod_labels } else { labels };
    let version = if args.v2 { Version::V2 } else { Version::V1 };
    let send = |conn: usize| -> Result<()> {
        let agent = agent();
        let own = groups.iter().skip(conn).step_by(args.conns);
        let start_ms = args.scrapes.start_ms();
        let requests =
            |group: &Vec<usize>| Requests::new(group.iter().copied(), labels, version, start_ms);
        let mut groups: Vec<Requests> = own.map(requests).collect();
        let step = args.scrapes_of_request();
        for i in (0..args.scrapes.count).step_by(step) {
            let scrapes = i..args.scrapes.count.min(i + step);
            for requests in &mut groups {
                if args.shuffle {
                    requests.shuffle();
                }
                let message = requests.scrapes(scrapes.clone());
                args.server.send(&agent, version, message)?;
            }
        }
        Ok(())
    };
    in_parallel(args.conns, send)?;
    let samples = (args.series * args.scrapes.count) as f64;
    let wall_s = begun.elapsed().as_secs_f64();
    let per_cpu_s = || -> Result<f64> { Ok(samples / (args.server.cpu_s()? - cpu_s).max(0.01)) };
    let sent = per_cpu_s()?;
    let flushed = match &args.flush {
        Some(url) => {
            agent().post(url).send_empty()?;
            format!(", {:.0} with the flush", per_cpu_s()?)
        }
        None => String::new(),
    };
    println!(
        "{}: {:.0} samples/s, {sent:.0} samples a CPU second{flushed}, {} MiB at most",
        args.name(),
        samples / wall_s,
        args.server.peak_mib()?,
    );
    Ok(())
}

impl Write {
    /// What is measured.
    fn name(&self) -> String {
        let mut name = format!("write {} series", self.series);
        if let Some(partitions) = self.partitions {
            name.push_str(&format!(" in {partitions} partitions"));
        }
        for (is_so, how) in [(self.shuffle, ", shuffled"), (self.v2, ", version 2")] {
            name.push_str(if is_so { how } else { "" });
        }
        name
    }

    /// The numbers of the series that come together in requests.
    fn groups(&self) -> Vec<Vec<usize>> {
        let numbers: Vec<usize> = (0..self.series).collect();
        let Some(partitions) = self.partitions else {
            return numbers.chunks(self.batch).map(<[usize]>::to_vec).collect();
        };
        let mut groups = vec![Vec::new(); partitions.get()];
        for number in numbers {
            groups[mixed(number as u64) as usize % partitions].push(number);
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// How many scrapes a request has.
    fn scrapes_of_request(&self) -> usize {
        let series = |partitions: NonZeroUsize| self.series.div_ceil(partitions.get()).max(1);
        let scrapes = self.partitions.map(|n| self.batch / series(n));
        scrapes.unwrap_or(1).max(1)
    }
}

fn query(args: &Query) -> Result<()> {
    let agent = agent();
    for query in args.set.read()? {
        let ask = || args.server.ask(&agent, &query, args.set.end_s());
        ask()?;
        let cpu_s = args.server.cpu_s()?;
        let times = (0..args.repeat).map(|_| ask());
        let mut times = times.collect::<Result<Vec<Duration>>>()?;
        times.sort_unstable();
        let cpu_ms = (args.server.cpu_s()? - cpu_s) * 1000.0 / args.repeat as f64;
        let median = times
            .get(times.len() / 2)
            .map_or(0.0, Duration::as_secs_f64);
        println!(
            "{}: {:.2} ms, {cpu_ms:.1} ms of CPU",
            query.name,
            median * 1000.0
        );
    }
    println!("queries: {} MiB at most", args.server.peak_mib()?);
    Ok(())
}

fn clients(args: &Clients) -> Result<()> {
    let queries = args.set.read()?;
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let slowest = Mutex::new(Duration::ZERO);
    let (cpu_s, begun) = (args.server.cpu_s()?, Instant::now());
    let ask = |client: usize| -> Result<()> {
        let agent = agent();
        for query in queries.iter().cycle().skip(client) {
            if stop.load(Ordering::Relaxed) || begun.elapsed().as_secs() >= args.seconds {
                break;
            }
            let took = args.server.ask(&agent, query, args.set.end_s());
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
    let ranges: Vec<_> = queries::of_generator()
        .filter(|query| query.range_s > 0)
        .collect();
    let mut requests = Requests::of(0..args.series, args.scrapes.start_ms());
    let refresh = |scrapes: usize| -> Result<Cost> {
        let cpu_s = args.server.cpu_s()?;
        let mut wall = Duration::ZERO;
        for query in &ranges {
            wall += args
                .server
                .ask(&agent, query, args.scrapes.end_s(scrapes))?;
        }
        let cpu_s = args.server.cpu_s()? - cpu_s;
        Ok(Cost { cpu_s, wall })
    };
    // What a server keeps of results is there from the first time on.
    let count = args.scrapes.count;
    refresh(count)?;
    let mut cost = Cost::default();
    for i in count..count + args.refreshes {
        args.server.send(&agent, Version::V1, requests.scrape(i))?;
        if args.late {
            let half_an_hour_ago = i.saturating_sub(120);
            args.server
                .send(&agent, Version::V1, requests.between(half_an_hour_ago))?;
        }
        if args.deletes {
            // The first of a machine, another one each time.
            let machine = i % args.series.div_ceil(100);
            let selector = format!(
                r#"{{__name__="node_metric_0_total",cpu="0",instance="machine-{machine}.example:9100"}}"#
            );
            args.server.delete(&agent, &selector)?;
        }
        cost += refresh(i + 1)?;
    }
    let asked = (args.refreshes * ranges.len()) as f64;
    println!(
        "dashboard{}{}: {:.2} ms a query, {:.1} ms of CPU",
        if args.late { ", late writes" } else { "" },
        if args.deletes { ", deletes" } else { "" },
        cost.wall.as_secs_f64() * 1000.0 / asked,
        cost.cpu_s * 1000.0 / asked,
    );
    Ok(())
}

/// What queries took together.
#[derive(Default)]
struct Cost {
    cpu_s: f64,
    wall: Duration,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.cpu_s += other.cpu_s;
        self.wall += other.wall;
    }
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
