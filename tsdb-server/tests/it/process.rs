//! The program itself: flags, signals, a crash.

use std::process::Command;

use crate::common::compress;
use crate::common::process::Process;
use crate::common::wire::{encode, owned};

#[test]
fn acknowledged_samples_outlive_a_kill_and_a_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let ask =
        |process: &Process| process.request("GET /api/v1/query?query=up&time=1700000000", &[]);

    let process = Process::start(dir.path());
    let body = compress(&encode(
        &[(owned(&[("__name__", "up")]), vec![(1_700_000_000_000, 7.0)])],
        &[],
    ));
    assert_eq!(process.request("POST /api/v1/write", &body).0, 204);
    let before = ask(&process);
    assert!(before.1.contains("[1700000000,\"7\"]"), "{before:?}");
    drop(process); // SIGKILL

    let mut process = Process::start(dir.path());
    assert_eq!(ask(&process), before);
    process.program.signal("HUP");
    assert_eq!(ask(&process), before);
    process.program.signal("TERM");
    assert_eq!(process.program.wait(), Some(0));

    let process = Process::start(dir.path());
    assert_eq!(ask(&process), before);
}

fn run(args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(Process::path())
        .args(args)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn exit_codes_tell_flags_from_failures() {
    let code = |args: &[&str]| run(args, &[]).0;
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["--no-such-flag"]), Some(2));
    assert_eq!(code(&["stray"]), Some(2));
    assert_eq!(code(&["--storage.tsdb.min-block-duration=1s"]), Some(2));
    assert_eq!(code(&["--config.file=/nowhere/tsdb.yml"]), Some(2));
    assert_eq!(code(&["--memory.limit=1MB"]), Some(2));
    assert_eq!(
        code(&["--listen=127.0.0.1:0", "--data-dir=/proc/nowhere"]),
        Some(1)
    );
    assert_eq!(code(&["--listen=192.0.2.1:1"]), Some(1), "not our address");
}

#[test]
fn flags_are_taken_from_the_environment_too_and_checked_alike() {
    let variable = ("TSDB_STORAGE_TSDB_RETENTION_TIME", "fortnight");
    let (code, said) = run(&[], &[variable]);
    assert_eq!(code, Some(2));
    assert!(said.contains("--storage.tsdb.retention.time"), "{said}");
}

#[test]
fn verify_tells_by_its_exit_code_and_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let verify = |flags: &[&str]| {
        let mut command = Command::new(Process::path());
        let output = command
            .arg("verify")
            .arg(&store)
            .args(flags)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said)
    };
    assert_eq!(verify(&[]).0, Some(2), "there is nothing");
    assert_eq!(run(&["verify"], &[]).0, Some(2), "no directory is named");

    let mut process = Process::start(&store);
    let body = compress(&encode(
        &[(owned(&[("__name__", "up")]), vec![(1_700_000_000_000, 7.0)])],
        &[],
    ));
    assert_eq!(process.request("POST /api/v1/write", &body).0, 204);
    process.program.signal("TERM");
    assert_eq!(process.program.wait(), Some(0));
    let (code, said) = verify(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 runs with 1 samples"), "{said}");

    let data = std::fs::read_dir(store.join("data")).unwrap();
    let path = data.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[80] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (code, said) = verify(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("1 samples of 1 series from 1700000000000"),
        "{said}"
    );
    let (code, said) = verify(&["--json"]);
    assert_eq!(code, Some(1), "{said}");
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let unit = &report["damages"][0];
    assert_eq!(unit["path"], path.to_str().unwrap());
    assert_eq!(unit["lost"]["samples"], 1);
    assert!(
        unit["offset"].as_u64() < Some(80) && unit["bytes"].as_u64() > Some(40),
        "{unit}"
    );
}
