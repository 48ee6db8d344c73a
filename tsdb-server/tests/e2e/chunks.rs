//! The chunks that a Prometheus makes of given samples, fetched by streamed remote read.
//!
//! The tests of the codec compare with files; this one shows that they are what a Prometheus gives. With
//! `TSDB_E2E_WRITE_GOLDEN=1` it writes the files that are not there; it never changes one that is.

use std::collections::BTreeMap;
use std::path::Path;

use crate::asked_for;
use crate::common::compress;
use crate::common::http;
use crate::common::process::free_address;
use crate::common::remote_read::{
    HEADERS, Query, REGEX, STREAMED_XOR_CHUNKS, XOR, chunked_series, request,
};
use crate::common::wire::{encode, owned};
use crate::golden::{BASE_MS, cases, dir, text};
use crate::prometheus::Prometheus;

#[test]
fn a_prometheus_makes_the_chunks_of_the_golden_files() {
    if !asked_for("a_prometheus_makes_the_chunks_of_the_golden_files") {
        return;
    }
    let store = tempfile::tempdir().unwrap();
    let flags = ["--web.enable-remote-write-receiver"];
    let prometheus = Prometheus::start(store.path(), &free_address(), "", &flags);
    let cases = cases();
    let series = cases.iter().map(|(name, samples)| {
        let samples = samples
            .iter()
            .map(|&(t_ms, bits)| (t_ms, f64::from_bits(bits)));
        (owned(&[("__name__", name)]), samples.collect())
    });
    let body = compress(&encode(&series.collect::<Vec<_>>(), &[]));
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    let written =
        http::request(&prometheus.address, "POST /api/v1/write", &headers, &body).unwrap();
    assert_eq!(written.status, 204, "{}", written.text());

    let chunks = remote_read(&prometheus.address);
    let dir = dir();
    let mut files = 0;
    for (name, samples) in &cases {
        let chunks = &chunks[*name];
        check(
            &dir.join(format!("{name}.samples")),
            text(samples).as_bytes(),
        );
        let counted: usize = chunks
            .iter()
            .map(|c| usize::from(c[0]) << 8 | usize::from(c[1]))
            .sum();
        assert_eq!(
            counted,
            samples.len(),
            "{name}: the chunks hold all samples"
        );
        for (i, chunk) in chunks.iter().enumerate() {
            check(&dir.join(format!("{name}.{i}.bin")), chunk);
        }
        files += 1 + chunks.len();
    }
    let there = std::fs::read_dir(&dir).unwrap();
    let there = there.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        name.ends_with(".samples") || name.ends_with(".bin")
    });
    assert_eq!(there.count(), files, "no files are left over");
}

/// Compares with a golden file, or writes one that is not there when that is asked for.
fn check(file: &Path, contents: &[u8]) {
    let write = std::env::var_os("TSDB_E2E_WRITE_GOLDEN").is_some_and(|value| value == "1");
    if write && !file.exists() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, contents).unwrap();
    }
    let golden = std::fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    assert!(
        golden == contents,
        "{} is not what Prometheus gives",
        file.display()
    );
}

/// All chunks, by the name of their series.
fn remote_read(address: &str) -> BTreeMap<String, Vec<Vec<u8>>> {
    const DAY_MS: i64 = 86_400_000;
    let all = Query::new(BASE_MS - DAY_MS, BASE_MS + DAY_MS).matching(REGEX, "__name__", ".+");
    let body = compress(&request(&[all], &[STREAMED_XOR_CHUNKS]));
    let answer = http::request(address, "POST /api/v1/read", &HEADERS, &body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut chunks: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for series in chunked_series(&answer.body) {
        let [(label, name)] = series.labels.as_slice() else {
            panic!("not the labels that were written: {:?}", series.labels);
        };
        assert_eq!(label, "__name__");
        let found = series.chunks.into_iter().map(|chunk| {
            assert_eq!(chunk.encoding, XOR);
            chunk.data
        });
        chunks.entry(name.clone()).or_default().extend(found);
    }
    chunks
}
