//! The server that is measured.

use std::time::{Duration, Instant};

use clap::Args;
use tsdb_benches::wire::Version;

use crate::Result;
use crate::queries::Query;

/// Where it is, and its process.
#[derive(Args)]
pub(crate) struct Server {
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

pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder();
    config
        .timeout_global(Some(Duration::from_secs(120)))
        .build()
        .into()
}

impl Server {
    /// CPU time of the process until now, in seconds (`proc_pid_stat(5)`).
    pub(crate) fn cpu_s(&self) -> Result<f64> {
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
    pub(crate) fn peak_mib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        Ok(kib.ok_or("no VmHWM")?.parse::<u64>()? / 1024)
    }

    /// Asks a query that ends there; the time it took.
    pub(crate) fn ask(&self, agent: &ureq::Agent, query: &Query, end_s: i64) -> Result<Duration> {
        let begun = Instant::now();
        let request = if query.range_s == 0 {
            let request = agent.get(format!("{}/query", self.url));
            request.query("time", end_s.to_string())
        } else {
            let request = agent.get(format!("{}/query_range", self.url));
            let request = request.query("start", (end_s - query.range_s).to_string());
            let request = request.query("end", end_s.to_string());
            request.query("step", query.step_s.to_string())
        };
        let request = match self.param.split_once('=') {
            Some((name, value)) => request.query(name, value),
            None => request,
        };
        let mut response = request.query("query", &query.expr).call()?;
        let body = response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_vec()?;
        if !body.starts_with(br#"{"status":"success""#) {
            let answer = String::from_utf8_lossy(&body);
            return Err(format!("{}: {answer}", query.name).into());
        }
        Ok(begun.elapsed())
    }

    /// Deletes the series that a selector matches.
    pub(crate) fn delete(&self, agent: &ureq::Agent, selector: &str) -> Result<()> {
        let request = agent.post(format!("{}/admin/tsdb/delete_series", self.url));
        request.query("match[]", selector).send_empty()?;
        Ok(())
    }

    /// Sends a message of remote write.
    pub(crate) fn send(&self, agent: &ureq::Agent, by: Version, message: &[u8]) -> Result<()> {
        let (content_type, version) = match by {
            Version::V1 => ("application/x-protobuf", "0.1.0"),
            Version::V2 => (
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                "2.0.0",
            ),
        };
        let body = snap::raw::Encoder::new().compress_vec(message)?;
        let request = agent.post(format!("{}/write", self.url));
        request
            .header("content-encoding", "snappy")
            .header("content-type", content_type)
            .header("x-prometheus-remote-write-version", version)
            .send(&body)?;
        Ok(())
    }
}
