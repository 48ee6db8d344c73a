//! The server that suffers, and what is looked at after each request.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::case::{Case, Right};
use super::common::compress;
use super::common::process::Process;
use super::common::wire::{Series, encode, owned};

/// What queries and look-ups may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What an answer may take: the timeout, and that a query on a busy machine sees it late.
pub(crate) const PATIENCE: Duration = Duration::from_secs(16);

/// What a request may take of memory beside what was there before, in MiB.
const MOST_MIB: u64 = 512;

pub(crate) struct Server {
    pub(crate) process: Process,
    _dir: tempfile::TempDir,
    /// Values of the canary, which rise.
    canaries: u32,
    last_canary_ms: i64,
    /// What an answer may take.
    patience: Duration,
}

/// What became of a request.
pub(crate) struct Outcome {
    name: String,
    status: Option<u16>,
    said: String,
    took: Duration,
    grew_mib: u64,
    pub(crate) faults: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self
            .status
            .map_or("none".to_owned(), |status| status.to_string());
        let (name, took, grew) = (&self.name, self.took.as_secs_f64(), self.grew_mib);
        write!(
            f,
            "{status} {took:7.3} s {grew:4} MiB  {name}: {}",
            self.said
        )?;
        match self.faults.as_slice() {
            [] => Ok(()),
            faults => write!(f, "  HURT: {}", faults.join(", ")),
        }
    }
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

impl Server {
    /// A server whose store has this many series of an hour, counters and gauges.
    pub(crate) fn filled(series: usize) -> Self {
        Self::with_flags(series, &[])
    }

    /// Waits longer: without optimisation, among other tests.
    pub(crate) fn patient(self) -> Self {
        let patience = 4 * PATIENCE;
        Self { patience, ..self }
    }

    pub(crate) fn with_flags(series: usize, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut all = vec!["--query.timeout=10s", "--web.enable-admin-api"];
        assert_eq!(TIMEOUT.as_secs(), 10);
        all.extend(flags);
        let process = Process::start_at("127.0.0.1:0", &dir.path().join("data"), &all);
        let mut server = Self {
            process,
            _dir: dir,
            canaries: 0,
            last_canary_ms: 0,
            patience: PATIENCE,
        };
        server.fill(series);
        server
    }

    /// So many series in metrics of a hundred, with labels of few and of many values, 120 samples each.
    fn fill(&mut self, series: usize) {
        let end_ms = now_ms();
        for first in (0..series).step_by(500) {
            let some: Vec<Series> = (first..series.min(first + 500))
                .map(|i| {
                    let labels = owned(&[
                        ("__name__", &format!("metric_{:02}", i / 100)),
                        ("instance", &format!("host-{i}.example.org:9100")),
                        ("job", &format!("job-{}", i % 7)),
                        ("le", &format!("{}", i % 10)),
                    ]);
                    let samples = (0..120).map(|k| {
                        let value = (i * k) as f64 + (k % 7) as f64 / 3.0;
                        (end_ms - (120 - k as i64) * 30_000, value)
                    });
                    (labels, samples.collect())
                })
                .collect();
            let body = compress(&encode(&some, &[]));
            assert_eq!(self.process.request("POST /api/v1/write", &body).0, 204);
        }
        let (status, said) = self.process.request("POST /query?q=CREATE+DATABASE+d", &[]);
        assert_eq!(status, 200, "{said}");
        let mut lines = String::new();
        for i in 0..series {
            lines += &format!(
                "cpu,host=h{},core={} usage={i}.5,idle={i}i\n",
                i % 50,
                i % 8
            );
        }
        let (status, said) = self.process.request("POST /write?db=d", lines.as_bytes());
        assert_eq!(status, 204, "{said}");
    }

    /// Sends the request and looks how the server is.
    pub(crate) fn suffer(&mut self, case: &Case) -> Outcome {
        let request = (case.request)();
        let before_mib = self.process.memory_mib("VmRSS:");
        self.process.forget_peak();
        let begun = Instant::now();
        let send = if case.right == Right::Closed {
            send_half
        } else {
            send
        };
        let (status, said) = send(&self.process.address, &request);
        let took = begun.elapsed();
        drop(request);
        let mut faults = Vec::new();
        if !case.right.takes(status) {
            faults.push(format!("not {:?}", case.right));
        }
        if took > self.patience {
            faults.push("late".to_owned());
        }
        if let Err(fault) = self.canary() {
            faults.push(fault);
        }
        let peak_mib = self.process.memory_mib("VmHWM:");
        let grew_mib = peak_mib.saturating_sub(before_mib);
        if grew_mib > MOST_MIB {
            faults.push("memory".to_owned());
        }
        Outcome {
            name: case.name.clone(),
            status,
            said,
            took,
            grew_mib,
            faults,
        }
    }

    /// A write that has to be acknowledged, and a query that has to find it.
    pub(crate) fn canary(&mut self) -> Result<(), String> {
        self.canaries += 1;
        let value = f64::from(self.canaries);
        // Two in the same millisecond would be duplicates.
        let t_ms = now_ms().max(self.last_canary_ms + 1);
        self.last_canary_ms = t_ms;
        let series = [(owned(&[("__name__", "canary")]), vec![(t_ms, value)])];
        let begun = Instant::now();
        let write = super::case::http("POST /api/v1/write", &[], &compress(&encode(&series, &[])));
        let (status, said) = send(&self.process.address, &write);
        if status != Some(204) {
            return Err(format!("the canary is not written: {status:?} {said}"));
        }
        let time = t_ms as f64 / 1000.0;
        let query = format!("GET /api/v1/query?query=canary&time={time}");
        let (status, said) = send(&self.process.address, &super::case::http(&query, &[], &[]));
        if status != Some(200) || !said.contains(&format!("\"{value}\"]")) {
            return Err(format!("the canary is not found: {status:?} {said}"));
        }
        match begun.elapsed() {
            took if took > self.patience / 3 => Err(format!("the canary took {took:?}")),
            _ => Ok(()),
        }
    }
}

impl Process {
    /// A line of `/proc/<pid>/status` that is in KiB.
    pub(crate) fn memory_mib(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id()));
        let status = status.unwrap_or_default();
        let value = status.lines().find_map(|l| l.strip_prefix(line));
        let kib = value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) / 1024
    }

    /// Begins anew with the highest memory so far.
    pub(crate) fn forget_peak(&self) {
        let path = format!("/proc/{}/clear_refs", self.program.id());
        let _ = std::fs::write(path, "5"); // where this is not allowed, the peak is that of all requests
    }
}

/// Sends a request that is not whole, and says that nothing follows.
fn send_half(address: &str, request: &[u8]) -> (Option<u16>, String) {
    match TcpStream::connect(address) {
        Ok(mut stream) => {
            let _ = stream.write_all(request);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            receive(stream)
        }
        Err(_) => (None, "no connection".to_owned()),
    }
}

/// Sends bytes; status and the beginning of the body, if there is an answer. The server may answer and close before it has read
/// everything.
pub(crate) fn send(address: &str, request: &[u8]) -> (Option<u16>, String) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return (None, "no connection".to_owned());
    };
    stream
        .set_write_timeout(Some(Duration::from_secs(90)))
        .unwrap();
    let _ = stream.write_all(request);
    receive(stream)
}

fn receive(mut stream: TcpStream) -> (Option<u16>, String) {
    stream
        .set_read_timeout(Some(Duration::from_secs(90)))
        .unwrap();
    let mut answer = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        let room = 4096_usize.saturating_sub(answer.len());
        answer.extend_from_slice(&piece[..n.min(room)]);
    }
    let text = String::from_utf8_lossy(&answer);
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let said = body
        .chars()
        .take(160)
        .collect::<String>()
        .replace(['\n', '\r'], " ");
    (status, said)
}
