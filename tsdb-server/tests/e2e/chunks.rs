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
use crate::common::wire::{Message, encode, owned};
use crate::golden::{BASE_MS, cases, dir, text};
use crate::prometheus::Prometheus;
use crate::protobuf::{fields, uvarint};

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
    const REGEX: u64 = 2;
    const STREAMED_XOR_CHUNKS: u64 = 1;
    let day_ms = 86_400_000;
    let matcher = Message::default()
        .varint(1, REGEX)
        .bytes(2, b"__name__")
        .bytes(3, b".+");
    let query = Message::default()
        .varint(1, (BASE_MS - day_ms).cast_unsigned())
        .varint(2, (BASE_MS + day_ms).cast_unsigned())
        .bytes(3, &matcher.0);
    let request = Message::default()
        .bytes(1, &query.0)
        .varint(2, STREAMED_XOR_CHUNKS);
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-read-version", "0.1.0"),
    ];
    let body = compress(&request.0);
    let answer = http::request(address, "POST /api/v1/read", &headers, &body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());

    let mut chunks: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut stream = answer.body.as_slice();
    while !stream.is_empty() {
        for (_, series) in fields(frame(&mut stream))
            .iter()
            .filter(|(number, _)| *number == 1)
        {
            chunked_series(series.bytes(), &mut chunks);
        }
    }
    chunks
}

/// Takes a frame off the front: length, CRC-32C, message.
fn frame<'a>(stream: &mut &'a [u8]) -> &'a [u8] {
    let len = uvarint(stream) as usize;
    let (checksum, rest) = stream.split_first_chunk::<4>().unwrap();
    let (message, rest) = rest.split_at(len);
    *stream = rest;
    let expected = checksum
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte)); // big-endian
    assert_eq!(crc32c(message), expected, "checksum of a frame");
    message
}

/// Castagnoli's polynomial, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

fn chunked_series(series: &[u8], chunks: &mut BTreeMap<String, Vec<Vec<u8>>>) {
    const XOR: u64 = 1;
    let mut name = "";
    let mut found = Vec::new();
    for (number, field) in fields(series) {
        match number {
            1 => match fields(field.bytes()).as_slice() {
                [(1, label), (2, value)] if label.text() == "__name__" => name = value.text(),
                other => panic!("not the label that was written: {other:?}"),
            },
            2 => {
                let chunk: BTreeMap<u64, _> = fields(field.bytes()).into_iter().collect();
                assert_eq!(chunk[&3].number(), XOR);
                found.push(chunk[&4].bytes().to_vec());
            }
            _ => {}
        }
    }
    chunks.entry(name.to_owned()).or_default().extend(found);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_the_one_of_castagnoli() {
        assert_eq!(super::crc32c(b"123456789"), 0xe306_9283);
    }
}
