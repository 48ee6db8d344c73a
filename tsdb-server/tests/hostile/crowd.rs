//! Many clients at once: each gets an answer or is told to come again, and memory stays within the budget.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::case::{gzip_bomb, http};
use super::common::http::encoded;
use super::server::{PATIENCE, Server, now_ms, send};

/// Beside the budget, in MiB.
const MOST_BESIDE_MIB: u64 = 256;

struct Tally {
    answered: AtomicU64,
    told_to_wait: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
    slowest_ms: AtomicU64,
}

/// `clients` send requests of `request` for `time`, each the next when the last is answered; a writer goes on all the while.
fn crowd(
    server: &mut Server,
    clients: usize,
    time: Duration,
    request: impl Fn(usize, usize) -> Vec<u8> + Sync,
) -> Tally {
    let tally = Tally {
        answered: AtomicU64::new(0),
        told_to_wait: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        other: AtomicU64::new(0),
        slowest_ms: AtomicU64::new(0),
    };
    let stop = AtomicBool::new(false);
    let address = server.process.address.clone();
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (tally, stop, request, address) = (&tally, &stop, &request, &address);
            scope.spawn(move || {
                for turn in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let bytes = request(client, turn);
                    let begun = Instant::now();
                    let (status, said) = send(address, &bytes);
                    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap();
                    tally.slowest_ms.fetch_max(took_ms, Ordering::Relaxed);
                    let count = match status {
                        Some(200..300) => &tally.answered,
                        Some(429 | 503) => &tally.told_to_wait,
                        Some(400..500) => &tally.refused,
                        _ => {
                            eprintln!("{status:?} {said}");
                            &tally.other
                        }
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let begun = Instant::now();
        let mut canaries: u32 = 0;
        let mut failed = Vec::new();
        while begun.elapsed() < time {
            let t_ms = now_ms();
            canaries += 1;
            let body = super::common::compress(&super::common::wire::encode(
                &[(
                    super::common::wire::owned(&[("__name__", "crowd")]),
                    vec![(t_ms, f64::from(canaries))],
                )],
                &[],
            ));
            let begun = Instant::now();
            let (status, said) = send(&address, &http("POST /api/v1/write", &[], &body));
            if status != Some(204) || begun.elapsed() > Duration::from_secs(10) {
                failed.push(format!("{status:?} after {:?}: {said}", begun.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
        println!(
            "{canaries} writes beside, {} failed: {:?}",
            failed.len(),
            failed.first()
        );
        assert!(
            failed.len() * 20 <= canaries as usize,
            "writes do not go on: {failed:?}"
        );
    });
    tally
}

/// Fails unless each client was answered in time, some were served, and memory stayed within the budget.
fn judge(what: &str, server: &mut Server, tally: &Tally, budget_mib: u64, patience: Duration) {
    let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let peak_mib = server.process.memory_mib("VmHWM:");
    println!(
        "{what}: {} answered, {} told to wait, {} refused, {} other; slowest {} ms; peak {peak_mib} MiB of {budget_mib}",
        read(&tally.answered),
        read(&tally.told_to_wait),
        read(&tally.refused),
        read(&tally.other),
        read(&tally.slowest_ms)
    );
    assert_eq!(read(&tally.other), 0);
    assert!(read(&tally.slowest_ms) <= patience.as_millis() as u64);
    assert!(peak_mib <= budget_mib + MOST_BESIDE_MIB, "{peak_mib} MiB");
    server.canary().unwrap();
}

const QUERIES: [&str; 8] = [
    "{__name__=~\".+\"}",
    "quantile_over_time(0.5, {__name__=~\".+\"}[1h])",
    "count_values(\"v\", {__name__=~\".+\"})",
    "sort(rate({__name__=~\"metric_.+\"}[30m]))",
    "max_over_time({__name__=~\"metric_.+\"}[1h:5s])",
    "sum by (job) (rate({__name__=~\"metric_.+\"}[5m]))",
    "label_replace({__name__=~\"metric_.+\"}, \"a\", \"$1$1$1$1\", \"instance\", \"(.*)\")",
    "{__name__=~\"metric_.+\"} * on(instance, __name__) group_left() {__name__=~\"metric_.+\"}",
];

#[test]
#[ignore = "takes minutes, and a release build"]
fn two_hundred_clients_with_heavy_queries() {
    let budget_mib = 512;
    let mut server = Server::with_flags(4_000, &["--memory.limit=512MB"]);
    let begun = now_ms() / 1000;
    let tally = crowd(&mut server, 200, Duration::from_secs(60), |client, turn| {
        let query = QUERIES[(client + turn) % QUERIES.len()];
        let (start, end) = ((begun - 3600).to_string(), begun.to_string());
        let form = encoded(&[
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", "15"),
        ]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        http("POST /api/v1/query_range", &headers, form.as_bytes())
    });
    assert!(tally.answered.load(Ordering::Relaxed) > 0);
    judge("heavy queries", &mut server, &tally, budget_mib, PATIENCE);
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn a_hundred_clients_with_bodies_that_lie() {
    let budget_mib = 256;
    let mut server = Server::with_flags(1_000, &["--memory.limit=256MB"]);
    let empty = super::common::compress(&[0x0a, 0].repeat(15 << 20));
    let samples = {
        let samples = [0x12, 0].repeat(15 << 20);
        let series = super::common::wire::Message::default().bytes(1, &samples);
        super::common::compress(&series.0)
    };
    let gzip = gzip_bomb(200);
    let json = [
        b"{\"resourceMetrics\":[".to_vec(),
        b"{},".repeat(3 << 20),
        b"{}]}".to_vec(),
    ]
    .concat();
    let lines = b"a b=1\n".repeat(500_000);
    let form = b"a&".repeat(4 << 20);
    let tally = crowd(&mut server, 100, Duration::from_secs(60), |client, turn| {
        let json_type = [("content-type", "application/json")];
        match (client + turn) % 7 {
            0 => http("POST /api/v1/write", &[], &empty),
            1 => http("POST /api/v1/write", &[], &samples),
            2 => http(
                "POST /v1/metrics",
                &[json_type[0], ("content-encoding", "gzip")],
                &gzip,
            ),
            3 => http("POST /v1/metrics", &json_type, &json),
            4 => http("POST /write?db=d", &[], &lines),
            5 => http(
                "POST /api/v1/query",
                &[("content-type", "application/x-www-form-urlencoded")],
                &form,
            ),
            _ => http(
                "POST /api/v1/write",
                &[],
                &[0xff, 0xff, 0xff, 0xff, 0x07, 0],
            ),
        }
    });
    judge(
        "bodies that lie",
        &mut server,
        &tally,
        budget_mib,
        Duration::from_secs(30),
    );
}
