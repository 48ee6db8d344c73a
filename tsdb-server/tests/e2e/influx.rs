//! The server beside a real InfluxDB 1.6.7, and its own command-line and Python clients against the server.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::http::{self, encoded};
use crate::common::process::{Process, Program, free_address, until};

const STATEMENTS: &str = include_str!("influxql.txt");
/// The range of the data.
const RANGE: &str = "time >= 1700000000s and time < 1700003600s";

/// Starts an InfluxDB with its store in `dir`.
fn influxd(dir: &Path) -> (Program, String) {
    let (address, backup) = crate::prometheus::two_addresses();
    let path = |name: &str| dir.join(name).display().to_string();
    let config = format!(
        "reporting-disabled = true\nbind-address = {backup:?}\n[meta]\ndir = {:?}\n[data]\ndir = {:?}\nwal-dir = {:?}\n[monitor]\nstore-enabled = false\n[http]\nbind-address = {address:?}\nlog-enabled = false\n",
        path("meta"),
        path("data"),
        path("wal"),
    );
    let file = dir.join("influxdb.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("influxd");
    command.arg("-config").arg(&file);
    let program = Program::start(command);
    until("InfluxDB answers", || {
        let answer = http::request(&address, "GET /ping", &[], &[]);
        answer
            .is_ok_and(|answer| answer.status == 204)
            .then_some(())
    });
    (program, address)
}

/// Points of six series, at no time two of them; values from a small generator, the same at every run.
fn points() -> String {
    let mut state = 7_u64;
    let mut random = move |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut out = String::new();
    for i in 0..240 {
        for (series, tags) in [
            "host=a,region=eu",
            "host=a,region=us",
            "host=b,region=eu",
            "host=b,region=us",
            "host=c,region=eu,extra=x\\ y",
            "host=c,region=us,extra=x\\ y",
        ]
        .iter()
        .enumerate()
        {
            if random(4) == 0 {
                continue;
            }
            let usage = random(10_000) as f64 / 100.0 + i as f64 / 1000.0;
            let _ = write!(out, "cpu,{tags} usage={usage}");
            if random(5) > 0 {
                let _ = write!(out, ",count={}i", random(100_000) as i64 - 5000);
            }
            if random(3) == 0 {
                let _ = write!(out, ",up={}", random(2) == 0);
            }
            if random(3) == 0 {
                let state = ["ok", "warn", "cri\\\"t", "a b"][random(4) as usize];
                let _ = write!(out, ",state=\"{state}\"");
            }
            let t_ns = (1_700_000_000 + i * 15) * 1_000_000_000 + series as i64 * 1_000_000 + 7;
            let _ = writeln!(out, " {t_ns}");
        }
    }
    for i in 0..120_i64 {
        let host = ["a", "b"][i as usize % 2];
        let t_ns = (1_700_000_000 + i * 30) * 1_000_000_000;
        let _ = writeln!(
            out,
            "mem,host={host} used={}i,free={} {t_ns}",
            i * i % 977,
            i as f64 / 7.0
        );
    }
    for i in 0..10_i64 {
        let t_ns = (1_700_000_000 + i * 60) * 1_000_000_000;
        let _ = writeln!(out, "one value={} {t_ns}", i * 3 % 7);
    }
    out
}

/// Status and JSON of a statement, by GET.
fn ask(address: &str, statement: &str) -> (u16, Value) {
    ask_by("GET", address, statement)
}

/// Status and JSON of a statement.
fn ask_by(method: &str, address: &str, statement: &str) -> (u16, Value) {
    let mut parameters = vec![("db", "cmp")];
    let text = match statement.strip_prefix("!rfc ") {
        Some(text) => text,
        None => {
            parameters.push(("epoch", "ns"));
            statement
        }
    };
    parameters.push(("q", text));
    let line = format!("{method} /query?{}", encoded(&parameters));
    let answer = http::request(address, &line, &[], &[]).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// Equal but for the last digits of floats, whose sums are made in another order.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() || y.is_f64() => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            (x - y).abs() <= 1e-9 * x.abs().max(y.abs())
        }
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| alike(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, x)| y.get(k).is_some_and(|y| alike(x, y)))
        }
        _ => a == b,
    }
}

#[test]
fn influxql_is_answered_as_by_influxdb() {
    if !crate::asked_for("influxql_is_answered_as_by_influxdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_influxd, theirs) = influxd(dir.path());
    let flags = ["--storage.tsdb.retention.time", "0"];
    let ours = Process::start_at(&free_address(), &dir.path().join("ours"), &flags);
    for address in [&theirs, &ours.address] {
        let line = format!("POST /query?{}", encoded(&[("q", "CREATE DATABASE cmp")]));
        assert_eq!(http::request(address, &line, &[], &[]).unwrap().status, 200);
        let written = http::request(address, "POST /write?db=cmp", &[], points().as_bytes());
        assert_eq!(written.unwrap().status, 204);
    }
    let mut faults = String::new();
    let mut compared = 0;
    for statement in STATEMENTS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let statement = statement.replace("$W", RANGE);
        let (theirs, ours) = (ask(&theirs, &statement), ask(&ours.address, &statement));
        compared += 1;
        if theirs.0 != ours.0 || !alike(&theirs.1, &ours.1) {
            let _ = writeln!(
                faults,
                "{statement}\n  theirs {theirs:?}\n  ours   {ours:?}"
            );
        }
    }
    assert!(faults.is_empty(), "{faults}");
    println!("{compared} statements answered alike");
}

/// Executed one after the other, each from the same points.
const DELETES: [&str; 16] = [
    "DELETE FROM cpu WHERE time = 1700000015001000007",
    "DELETE FROM cpu WHERE host = 'a' AND time < 1700001000s",
    "DELETE WHERE time >= 1700000500s AND time < 1700001500s",
    "DELETE FROM /c.*|one/ WHERE region != 'eu'",
    "DELETE FROM cpu WHERE extra = ''",
    "DELETE FROM cpu WHERE extra = '' OR host = 'c' AND region =~ /^e/",
    "DELETE FROM cpu WHERE usage > 5",
    "DELETE FROM nosuch",
    "DELETE FROM cpu WHERE nosuch = 'x'",
    "DROP SERIES FROM cpu, mem WHERE host = 'a'",
    "DROP SERIES WHERE host =~ /[ab]/",
    "DROP SERIES FROM cpu WHERE time > 0",
    "DROP MEASUREMENT mem",
    "DROP MEASUREMENT nosuch",
    "DROP RETENTION POLICY autogen ON cmp; CREATE RETENTION POLICY autogen ON cmp DURATION 0s REPLICATION 1 DEFAULT",
    "DROP DATABASE cmp",
];

#[test]
fn what_is_deleted_is_deleted_by_influxdb_too() {
    if !crate::asked_for("what_is_deleted_is_deleted_by_influxdb_too") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_influxd, theirs) = influxd(dir.path());
    let ours = Process::start_at(&free_address(), &dir.path().join("ours"), &[]);
    for delete in DELETES {
        let mut answers = Vec::new();
        for address in [&theirs, &ours.address] {
            ask_by("POST", address, "DROP DATABASE cmp");
            ask_by("POST", address, "CREATE DATABASE cmp");
            let written = http::request(address, "POST /write?db=cmp", &[], points().as_bytes());
            assert_eq!(written.unwrap().status, 204);
            let (status, answer) = ask_by("POST", address, delete);
            let message = answer["results"][0]["error"].as_str().unwrap_or("");
            // InfluxDB says in which shard it looked.
            let message = message.rsplit_once("shard ").map_or(message, |(_, rest)| {
                rest.split_once(": ").map_or(rest, |(_, message)| message)
            });
            let left = [
                "SHOW SERIES",
                "SHOW MEASUREMENTS",
                "SHOW FIELD KEYS",
                "SHOW DATABASES",
                "SELECT * FROM /.*/",
            ]
            .map(|statement| ask(address, statement).1["results"][0].clone());
            answers.push((status, message.to_owned(), left));
        }
        let [theirs, ours] = &answers[..] else { return };
        assert_eq!((theirs.0, &theirs.1), (ours.0, &ours.1), "{delete}");
        for (theirs, ours) in theirs.2.iter().zip(&ours.2) {
            assert!(
                alike(theirs, ours),
                "{delete}\n  theirs {theirs}\n  ours   {ours}"
            );
        }
    }
    println!("{} deletes leave the same", DELETES.len());
}

/// The file that `influx -import` reads, and what of it the two stores have then.
#[test]
fn a_file_is_imported_as_by_the_influx_command() {
    if !crate::asked_for("a_file_is_imported_as_by_the_influx_command") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_influxd, theirs) = influxd(dir.path());
    let file = dir.path().join("export.txt");
    let text = format!(
        "# DDL\nCREATE DATABASE cmp WITH NAME autogen\n# DML\n# CONTEXT-DATABASE: cmp\n# CONTEXT-RETENTION-POLICY: autogen\n{}\
         log text=\"two\nlines\" 1700000000000000000\n",
        points()
    );
    std::fs::write(&file, text).unwrap();
    let (host, port) = theirs.split_once(':').unwrap();
    let mut command = Command::new("influx");
    command.args([
        "-host",
        host,
        "-port",
        port,
        "-import",
        "-precision",
        "ns",
        "-path",
    ]);
    output(command.arg(&file));
    let data = dir.path().join("ours");
    let mut command = Command::new(Process::path());
    command.args(["import", "--data-dir"]).arg(&data);
    output(command.arg("influx").arg(&file));
    let ours = Process::start_at(&free_address(), &data, &[]);
    for statement in [
        "SHOW SERIES",
        "SHOW FIELD KEYS",
        "SELECT * FROM cpu, mem, one",
    ] {
        let (theirs, ours) = (ask(&theirs, statement), ask(&ours.address, statement));
        assert!(
            alike(&theirs.1, &ours.1),
            "{statement}\n  {}\n  {}",
            theirs.1,
            ours.1
        );
    }
    let log = ask(&ours.address, "SELECT text FROM log").1;
    assert_eq!(log["results"][0]["series"][0]["values"][0][1], "two\nlines");
}

/// Runs a program to its end; what it said.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

#[test]
fn the_influx_command_writes_and_asks() {
    if !crate::asked_for("the_influx_command_writes_and_asks") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--storage.tsdb.retention.time", "0"];
    let server = Process::start_at(&free_address(), dir.path(), &flags);
    let (host, port) = server.address.split_once(':').unwrap();
    let influx = |statement: &str, format: &str| {
        let mut command = Command::new("influx");
        command.args([
            "-host",
            host,
            "-port",
            port,
            "-database",
            "cli",
            "-precision",
            "s",
        ]);
        output(command.args(["-format", format, "-execute", statement]))
    };
    influx("CREATE DATABASE cli", "column");
    influx("INSERT cpu,host=a value=1.5 1700000000", "column");
    influx("INSERT cpu,host=a value=2.5 1700000030", "column");
    influx(
        "INSERT cpu,host=b value=4,text=\"x y\" 1700000060",
        "column",
    );
    assert!(influx("SHOW DATABASES", "column").contains("cli"));
    assert!(influx("SHOW TAG VALUES WITH KEY = host", "csv").contains("cpu,host,b"));
    let statement = "SELECT mean(value) FROM cpu WHERE time >= 1700000000s AND time < 1700000120s GROUP BY time(1m), host";
    let expected = "name,tags,time,mean\ncpu,host=a,1699999980,2\ncpu,host=a,1700000040,\ncpu,host=a,1700000100,\ncpu,host=b,1699999980,\ncpu,host=b,1700000040,4\ncpu,host=b,1700000100,\n";
    let answer = influx(statement, "csv");
    let lines = |text: &str| {
        text.lines()
            .filter(|l| !l.is_empty() && !l.starts_with("name"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&answer), lines(expected));
}

#[test]
fn the_python_client_writes_and_asks() {
    let Some(python) = std::env::var_os("TSDB_E2E_PYTHON") else {
        println!("skipped: TSDB_E2E_PYTHON names a Python that has the package influxdb");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--storage.tsdb.retention.time", "0"];
    let server = Process::start_at(&free_address(), dir.path(), &flags);
    let (host, port) = server.address.split_once(':').unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/influx_client.py");
    output(Command::new(python).arg(script).args([host, port]));
}

#[test]
fn datagrams_of_lines_are_written() {
    if !crate::asked_for("datagrams_of_lines_are_written") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let udp = free_address();
    let flags = [
        "--influx.udp-listen-address",
        &udp,
        "--influx.udp-database",
        "collectd",
        "--storage.tsdb.retention.time",
        "0",
    ];
    let server = Process::start_at(&free_address(), dir.path(), &flags);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // As collectd writes them.
    let lines = "cpu_value,host=h,instance=0,type=cpu,type_instance=idle value=98.500000 1700000000000000000\nif_octets_rx,host=h value=12i 1700000000000000000\n";
    socket.send_to(lines.as_bytes(), &udp).unwrap();
    until("the datagram is stored", || {
        let line = format!(
            "GET /query?{}",
            encoded(&[("db", "collectd"), ("q", "SELECT value FROM if_octets_rx")])
        );
        let answer = http::request(&server.address, &line, &[], &[]).ok()?;
        answer
            .text()
            .contains("[\"2023-11-14T22:13:20Z\",12]")
            .then_some(())
    });
}
