//! A block of a real Prometheus, one made here, and damage.

use std::path::{Path, PathBuf};

use tsdb_core::{Db, Labels, Matcher, Options, TimeRange};

use super::chunks::Segments;
use super::index::{Entry, Index};
use super::tombstones::Tombstones;
use super::{find, import};
use crate::checksum::crc32c;
use crate::import::lines::Lines;
use crate::import::progress::Progress;
use crate::import::sink::Sink;
use crate::import::text_lines::{self, TextOptions};
use crate::text::Format;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prometheus-block")
}

fn sink() -> (Db, Sink) {
    let options = Options::new().retention(None).future_limit(None);
    let db = Db::in_memory(options).unwrap();
    (db.clone(), Sink::new(db))
}

/// Labels, and of the samples times and values, or histograms, as text: NaN is not equal to itself.
fn contents(db: &Db) -> Vec<(Labels, Vec<String>)> {
    let all = [Matcher::not_equal("__name__", "")];
    let querier = db.querier(TimeRange::ALL).unwrap();
    let series = querier.select(&all).unwrap();
    let read = series.iter().map(|series| {
        let samples = series.samples().unwrap();
        let samples = samples.iter().map(|sample| match sample.value {
            tsdb_core::Value::Float(v) => format!("{} {:016x}", sample.t_ms, v.to_bits()),
            other => format!("{} {other:?}", sample.t_ms),
        });
        (series.labels().clone(), samples.collect())
    });
    read.collect()
}

#[test]
fn a_block_of_a_prometheus_is_its_source_without_what_was_deleted() {
    let (db, mut sink) = sink();
    let blocks = find(&fixture()).unwrap();
    assert_eq!(blocks, [fixture().join("block")]);
    assert_eq!(find(&blocks[0]).unwrap(), blocks);
    // Twice, as after an interruption.
    for _ in 0..2 {
        import(&blocks, &mut sink, &mut Progress::new()).unwrap();
    }
    assert_eq!(sink.summary().refusal(), None);
    let found = contents(&db);

    let (source, mut sink) = self::sink();
    let text = std::fs::read(fixture().join("data.om.txt")).unwrap();
    let options = TextOptions {
        format: Format::OpenMetrics,
        default_t_ms: None,
        extra_labels: Vec::new(),
        strict: true,
    };
    let mut lines = Lines::new(text.as_slice(), 1 << 20);
    text_lines::import(&mut lines, &options, &mut sink, |_| ()).unwrap();
    sink.write().unwrap();
    assert_eq!(sink.summary().refusal(), None);
    let mut expected = contents(&source);
    expected.retain(|(labels, _)| labels.get("room") != Some("kitchen"));
    for (labels, samples) in &mut expected {
        if labels.get("code") == Some("500") {
            samples.retain(|sample| {
                let t_ms: i64 = sample.split(' ').next().unwrap().parse().unwrap();
                !(1_700_000_100_000..=1_700_000_400_000).contains(&t_ms)
            });
        }
    }
    assert_eq!(expected.len(), 3);
    assert_eq!(found, expected);
}

fn uvarint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn be(out: &mut Vec<u8>, n: u64, bytes: u32) {
    out.extend((0..bytes).rev().map(|i| (n >> (8 * i)) as u8));
}

/// A block with one series, `h`, of one chunk.
fn write_block(dir: &Path, encoding: u8, chunk: &[u8]) {
    std::fs::create_dir_all(dir.join("chunks")).unwrap();
    std::fs::write(dir.join("meta.json"), "{\"minTime\": -5}").unwrap();
    let mut segment = Vec::new();
    be(&mut segment, 0x85BD_40DD, 4);
    be(&mut segment, 1 << 24, 4);
    uvarint(&mut segment, chunk.len() as u64);
    let start = segment.len();
    segment.push(encoding);
    segment.extend_from_slice(chunk);
    let crc = crc32c(&segment[start..]);
    be(&mut segment, u64::from(crc), 4);
    std::fs::write(dir.join("chunks/000001"), segment).unwrap();

    let section = |content: &[u8], out: &mut Vec<u8>| {
        out.extend_from_slice(content);
        be(out, u64::from(crc32c(content)), 4);
    };
    let mut index = Vec::new();
    be(&mut index, 0xBAAA_D700, 4);
    index.push(2);
    let symbols_at = index.len() as u64;
    let mut symbols = Vec::new();
    be(&mut symbols, 2, 4);
    for symbol in ["__name__", "h"] {
        uvarint(&mut symbols, symbol.len() as u64);
        symbols.extend_from_slice(symbol.as_bytes());
    }
    be(&mut index, symbols.len() as u64, 4);
    section(&symbols, &mut index);
    index.resize(index.len().next_multiple_of(16), 0);
    let series_at = index.len() as u64;
    // One label, symbols 0 and 1; one chunk from time 0 over 0 ms at byte 8 of segment 0.
    let series = [1, 0, 1, 1, 0, 0, 8];
    index.push(series.len() as u8);
    section(&series, &mut index);
    let after = index.len() as u64;
    let mut toc = Vec::new();
    for at in [symbols_at, series_at, 0, 0, after, 0] {
        be(&mut toc, at, 8);
    }
    section(&toc, &mut index);
    std::fs::write(dir.join("index"), index).unwrap();
}

/// The first chunk of native histograms that Prometheus made, and the times of its samples.
fn histogram_chunk() -> (Vec<u8>, Vec<i64>) {
    let golden =
        include_str!("../../../../testdata/golden/prometheus-2.42/native-histogram-chunks.txt");
    let mut times = Vec::new();
    for line in golden.lines() {
        if let Some(sample) = line.strip_prefix("sample ") {
            times.push(sample.split(' ').next().unwrap().parse().unwrap());
        }
        if let Some(chunk) = line.strip_prefix("chunk 2 ") {
            let two = |i: usize| u8::from_str_radix(&chunk[2 * i..2 * i + 2], 16).unwrap();
            return ((0..chunk.len() / 2).map(two).collect(), times);
        }
    }
    panic!("there is a chunk")
}

#[test]
fn native_histograms_are_imported() {
    let dir = tempfile::tempdir().unwrap();
    let (chunk, mut times) = histogram_chunk();
    write_block(&dir.path().join("b"), 2, &chunk);
    let (db, mut sink) = sink();
    let blocks = find(dir.path()).unwrap();
    import(&blocks, &mut sink, &mut Progress::new()).unwrap();
    assert_eq!(sink.summary().refusal(), None);
    // The last one began the next chunk.
    times.truncate(usize::from(chunk[1]));
    let querier = db.querier(TimeRange::ALL).unwrap();
    let series = querier
        .select(&[Matcher::not_equal("__name__", "")])
        .unwrap();
    let samples = series[0].samples().unwrap();
    assert_eq!(samples.iter().map(|s| s.t_ms).collect::<Vec<_>>(), times);
    assert!(matches!(
        samples.iter().next().unwrap().value,
        tsdb_core::Value::Histogram(h) if h.count == 0
    ));
}

#[test]
fn what_is_not_known_or_damaged_is_counted_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = || {
        let (_, mut sink) = sink();
        import(&[dir.path().to_owned()], &mut sink, &mut Progress::new()).unwrap();
        sink.summary().refusal().unwrap()
    };
    write_block(dir.path(), 77, &[0, 0]);
    let said = refusal();
    assert!(
        said.ends_with(
            "chunks of encoding 77 are not supported: series {__name__=\"h\"}; refused: 1 chunks; accepted: 0 samples"
        ),
        "{said}"
    );
    write_block(dir.path(), 1, &[0, 9, 1]);
    assert!(refusal().contains("refused: 1 chunks"));
    let path = dir.path().join("chunks/000001");
    let mut segment = std::fs::read(&path).unwrap();
    segment[10] ^= 1;
    std::fs::write(&path, segment).unwrap();
    assert!(refusal().contains("a chunk is damaged at byte 8"));
}

/// Reads all of a block, but into no store.
fn read_all(dir: &Path) -> std::io::Result<usize> {
    let mut index = Index::open(&dir.join("index"))?;
    let mut segments = Segments::open(&dir.join("chunks"))?;
    Tombstones::read(&dir.join("tombstones"))?;
    let mut entry = Entry::default();
    let mut chunks = 0;
    while index.next(&mut entry)? {
        for chunk in &entry.chunks {
            segments.read(*chunk)?;
            chunks += 1;
        }
    }
    Ok(chunks)
}

#[test]
fn every_flipped_byte_that_is_read_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("chunks")).unwrap();
    let files = ["index", "chunks/000001", "tombstones"];
    for file in files {
        std::fs::copy(fixture().join("block").join(file), dir.path().join(file)).unwrap();
    }
    assert_eq!(read_all(dir.path()).unwrap(), 8);
    let mut unnoticed = Vec::new();
    for file in files {
        let path = dir.path().join(file);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            if read_all(dir.path()).is_ok() {
                unnoticed.push((file, at));
            }
        }
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            let _ = read_all(dir.path());
        }
        std::fs::write(&path, &whole).unwrap();
    }
    // Padding, and the postings of the index.
    let read = |(file, at): &&(&str, usize)| *file == "tombstones" || *file != "index" && *at >= 8;
    assert_eq!(unnoticed.iter().filter(read).count(), 0, "{unnoticed:?}");
}
