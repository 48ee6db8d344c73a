//! `tsdb-server import`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::process::Process;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prometheus-block")
}

/// Exit code and what was said.
fn import(data_dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(Process::path())
        .args(["import", "--data-dir"])
        .arg(data_dir)
        .args(args)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// All samples of the store, as JSON lines.
fn export(data_dir: &Path) -> String {
    let flags = ["--storage.tsdb.retention.time=0"];
    let process = Process::start_at("127.0.0.1:0", data_dir, &flags);
    let target = "GET /api/v1/export?match[]=%7B__name__!=%22%22%7D";
    let (status, lines) = process.request(target, &[]);
    assert_eq!(status, 200);
    lines
}

#[test]
fn what_is_imported_is_of_the_retention_classes_of_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let (config, text) = (dir.path().join("tsdb.yml"), dir.path().join("text"));
    let classes = "retention: {time: 2d, classes: [{match: old, time: 0}]}\n";
    std::fs::write(&config, classes).unwrap();
    std::fs::write(&text, "old 1 1600000000\nnew 1 1700000000\n# EOF\n").unwrap();
    let (config, text) = (config.to_str().unwrap(), text.to_str().unwrap());
    for (with_file, left) in [(true, 2), (false, 1)] {
        let data_dir = dir.path().join(format!("data-{with_file}"));
        let mut args = vec!["openmetrics", text];
        if with_file {
            args.extend(["--config.file", config]);
        }
        assert_eq!(import(&data_dir, &args).0, Some(0));
        let flags = ["--config.file", config, "--web.enable-admin-api"];
        let process = Process::start_at("127.0.0.1:0", &data_dir, &flags);
        let (status, _) = process.request("POST /api/v1/admin/tsdb/flush", &[]);
        assert_eq!(status, 204);
        let target = "GET /api/v1/export?match[]=%7B__name__!=%22%22%7D";
        let (_, lines) = process.request(target, &[]);
        assert_eq!(lines.lines().count(), left, "{lines}");
    }
}

#[test]
fn blocks_and_openmetrics_are_served_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let (blocks, text) = (dir.path().join("blocks"), dir.path().join("text"));
    let path = fixture();
    let (code, said) = import(&blocks, &["prometheus-blocks", path.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("accepted: 730 samples"), "{said}");
    let source = path.join("data.om.txt");
    let (code, said) = import(&text, &["openmetrics", source.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("accepted: 900 samples"), "{said}");

    let (blocks, text) = (export(&blocks), export(&text));
    assert_eq!((blocks.lines().count(), text.lines().count()), (3, 4));
    for line in blocks.lines().filter(|line| !line.contains("\"500\"")) {
        assert!(text.lines().any(|l| l == line), "{line}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    for (args, expected) in [
        (
            ["prometheus-blocks", empty.to_str().unwrap()],
            "there is no block here",
        ),
        (["openmetrics", "/no/such/file"], "No such file"),
    ] {
        let (code, said) = import(&data, &args);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let file = dir.path().join("some.om");
    std::fs::write(&file, "a 1 1\na 2\nb{ 3 3\n# EOF\n").unwrap();
    let (code, said) = import(&data, &["openmetrics", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("line 2: the sample has no time; refused: 1 lines, 1 samples without a time; accepted: 1 samples"),
        "{said}"
    );
    let (code, said) = import(&data, &["openmetrics", "--strict", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("error: line 2, column 1: only some samples of a metric have a time"),
        "{said}"
    );
    assert_eq!(
        import(&data, &["openmetrics"]).0,
        Some(2),
        "a flag is missing"
    );

    let _server = Process::start(&data);
    let (code, said) = import(&data, &["openmetrics", file.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn an_import_that_was_killed_is_run_again() {
    const SERIES: usize = 200;
    const SAMPLES: usize = 500;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data.om");
    let mut text = String::new();
    for series in 0..SERIES {
        for i in 0..SAMPLES {
            let t_s = 1_700_000_000 + 15 * i;
            let _ = writeln!(text, "m{{i=\"{series:04}\"}} {} {t_s}", i * series); // a string takes everything
        }
    }
    text.push_str("# EOF\n");
    std::fs::write(&file, text).unwrap();
    let source = file.to_str().unwrap();
    let (killed, whole) = (dir.path().join("killed"), dir.path().join("whole"));
    for wait_ms in [50, 150, 300] {
        let mut child = Command::new(Process::path())
            .args(["import", "--data-dir"])
            .arg(&killed)
            .args(["openmetrics", source])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait_ms));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for data in [&killed, &whole] {
        let (code, said) = import(data, &["openmetrics", source]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("accepted: 100000 samples"), "{said}");
    }
    let exported = export(&killed);
    assert_eq!(exported.lines().count(), SERIES);
    assert!(exported == export(&whole));
}

/// As `influx_inspect export` writes it: a field a line, the database and the policy in comments.
const INFLUX: &str = "# INFLUXDB EXPORT: 1677-09-21T00:12:43Z - 2262-04-11T23:47:16Z
# DDL
CREATE DATABASE telegraf WITH NAME autogen
CREATE DATABASE \"k 8\" WITH NAME \"one week\"
CREATE DATABASE \"k 8\" WITH NAME two
CREATE DATABASE short WITH DURATION 7d NAME week
DROP DATABASE telegraf
CREATE DATABASE mixed WITH NAME weeks
CREATE DATABASE mixed WITH DURATION 2d NAME days
CREATE DATABASE mixed WITH NAME autogen
# DML
# CONTEXT-DATABASE:telegraf
# CONTEXT-RETENTION-POLICY:autogen
# writing tsm data
cpu,host=a usage=1.5 1700000000000000001
cpu,host=a usage=2.5 1700000000000000002
cpu,host=a cores=4i 1700000000000000001

log text=\"it's
# no comment, and \\\"quoted\\\"
the end\" 1700000000000000001
no point
cpu,host=a usage=true 1700000000000000003
# CONTEXT-DATABASE: k 8
# CONTEXT-RETENTION-POLICY: one week
# writing wal data
m v=7i 1700000000000000001
";

/// Answer to a statement, with times in nanoseconds.
fn ask(process: &Process, database: &str, statement: &str) -> serde_json::Value {
    let parameters = [("db", database), ("epoch", "ns"), ("q", statement)];
    let target = format!("GET /query?{}", crate::common::http::encoded(&parameters));
    let (status, body) = process.request(&target, &[]);
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    answer["results"][0]["series"][0]["values"].clone()
}

#[test]
fn an_export_of_influxdb_is_served_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("export.txt");
    std::fs::write(&plain, INFLUX).unwrap();
    let packed = dir.path().join("export.gz");
    let file = std::fs::File::create(&packed).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, INFLUX.as_bytes()).unwrap();
    encoder.finish().unwrap();
    for source in [plain, packed] {
        let data = dir.path().join("data");
        // Twice: what was interrupted is run again.
        for _ in 0..2 {
            let (code, said) = import(&data, &["influx", source.to_str().unwrap()]);
            assert_eq!(code, Some(1), "{said}");
            for expected in [
                "line 7: DROP DATABASE telegraf makes no database",
                "refused: 1 lines, 1 points, 1 statements; accepted: 5 samples",
            ] {
                assert!(said.contains(expected), "{said}");
            }
        }
        let process = Process::start_at("127.0.0.1:0", &data, &[]);
        let t_ns = 1_700_000_000_000_000_000_i64;
        let cpu = ask(
            &process,
            "telegraf",
            "SELECT usage, cores FROM cpu WHERE host = 'a'",
        );
        let expected = serde_json::json!([[t_ns + 1, 1.5, 4], [t_ns + 2, 2.5, null]]);
        assert_eq!(cpu, expected);
        let log = ask(&process, "telegraf", "SELECT text FROM log");
        assert_eq!(log[0][1], "it's\n# no comment, and \"quoted\"\nthe end");
        let policies = ask(&process, "k 8", "SHOW RETENTION POLICIES");
        assert_eq!(
            (&policies[0][0], &policies[1][0]),
            (&"one week".into(), &"two".into())
        );
        let policies = ask(&process, "short", "SHOW RETENTION POLICIES");
        assert_eq!(policies[0][1], "168h0m0s");
        let policies = ask(&process, "mixed", "SHOW RETENTION POLICIES");
        let shown = policies.as_array().unwrap().iter();
        let shown = shown.map(|row| serde_json::json!([row[0], row[1], row[4]]));
        assert_eq!(
            serde_json::Value::from_iter(shown),
            serde_json::json!([
                ["weeks", "0s", false],
                ["days", "48h0m0s", false],
                ["autogen", "0s", true]
            ])
        );
        assert_eq!(ask(&process, "k 8", "SELECT v FROM m")[0][1], 7);
        drop(process);
        std::fs::remove_dir_all(&data).unwrap();
    }
}

/// A quote that nothing closes costs a bounded part of the file.
#[test]
fn an_open_quote_does_not_take_the_rest_of_an_export() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("export.txt");
    let mut text = "# CONTEXT-DATABASE:d\nm s=\"open 1\n".to_owned();
    for i in 0..60_000 {
        let _ = writeln!(text, "m v={i}i {i}000000000"); // a string takes everything
    }
    std::fs::write(&file, text).unwrap();
    let (code, said) = import(
        &dir.path().join("data"),
        &["influx", file.to_str().unwrap()],
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("line 2: unable to parse 'm s=\"open 1"),
        "{said}"
    );
    let accepted: u64 = said
        .rsplit("accepted: ")
        .next()
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(accepted > 5_000, "{said}");
}
