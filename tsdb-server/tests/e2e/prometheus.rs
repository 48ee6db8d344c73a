//! The programs next to ours.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::http::{self, Response, encoded};
use crate::common::process::{Program, free_address, until};

/// A running Prometheus.
#[derive(Debug)]
pub(crate) struct Prometheus {
    _program: Program,
    pub(crate) address: String,
}

impl Prometheus {
    /// Starts Debian's with a configuration and a store in `dir`, and waits until it is ready.
    pub(crate) fn start(dir: &Path, address: &str, config: &str, flags: &[&str]) -> Self {
        Self::start_program("prometheus".as_ref(), dir, address, config, flags)
    }

    /// The same of another version.
    pub(crate) fn start_program(
        program: &OsStr,
        dir: &Path,
        address: &str,
        config: &str,
        flags: &[&str],
    ) -> Self {
        let config_file = dir.join("prometheus.yml");
        std::fs::write(&config_file, config).unwrap();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("store").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .args(flags);
        let prometheus = Self {
            _program: Program::start(command),
            address: address.to_owned(),
        };
        until("Prometheus is ready", || {
            let answer = http::request(address, "GET /-/ready", &[], &[]);
            answer.is_ok_and(|a| a.status == 200).then_some(())
        });
        prometheus
    }

    /// The highest value of one of its own metrics, over all label sets.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let answer = http::request(&self.address, "GET /metrics", &[], &[]).unwrap();
        let samples = answer.text().lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let is_it = series.split('{').next() == Some(name);
            is_it.then(|| value.parse::<f64>().unwrap())
        });
        samples.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Starts a node_exporter, and waits until it answers.
pub(crate) fn node_exporter(address: &str) -> Program {
    let mut command = Command::new("prometheus-node-exporter");
    command
        .arg(format!("--web.listen-address={address}"))
        .arg("--log.level=warn")
        .arg("--no-collector.systemd"); // an error a scrape where there is no systemd
    let program = Program::start(command);
    until("node_exporter answers", || {
        http::request(address, "GET /", &[], &[]).ok()
    });
    program
}

/// Two addresses that are different.
pub(crate) fn two_addresses() -> (String, String) {
    let one = free_address();
    (
        one.clone(),
        until("another address", || {
            Some(free_address()).filter(|a| *a != one)
        }),
    )
}

/// The `data` of an answer of the query API.
pub(crate) fn ask(address: &str, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
    let line = format!("GET {path}?{}", encoded(parameters));
    let Response { status, body } =
        http::request(address, &line, &[], &[]).map_err(|e| e.to_string())?;
    let mut answer: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
    if status == 200 {
        Ok(answer["data"].take())
    } else {
        Err(format!("status {status}: {answer}"))
    }
}
