//! From blocks into the store.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tsdb_core::{Columns, Kind, decode_chunk};

use super::chunks::Segments;
use super::index::{Entry, Index};
use super::tombstones::Tombstones;
use crate::import::progress::Progress;
use crate::import::sink::Sink;
use crate::ingest::{LabelSet, WriteError};

/// What `meta.json` says that is needed here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    min_time: i64,
}

/// The blocks of a directory, by rising time: the directory itself if it is a block, else those that are in it, as in a
/// data directory or a snapshot.
///
/// # Errors
/// When a directory or the `meta.json` of a block cannot be read, or there is no block.
pub(crate) fn find(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut dirs = vec![dir.to_owned()];
    for entry in std::fs::read_dir(dir)? {
        dirs.push(entry?.path());
    }
    let mut blocks = Vec::new();
    for dir in dirs {
        let is_temporary = dir
            .extension()
            .is_some_and(|e| e.to_string_lossy().starts_with("tmp"));
        let meta_path = dir.join("meta.json");
        if is_temporary || !dir.join("index").is_file() || !meta_path.is_file() {
            continue;
        }
        let meta: Meta = serde_json::from_slice(&std::fs::read(&meta_path)?)
            .map_err(|e| io::Error::other(format!("{}: {e}", meta_path.display())))?;
        blocks.push((meta.min_time, dir));
    }
    if blocks.is_empty() {
        let text = format!("{}: there is no block here", dir.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    blocks.sort_unstable();
    Ok(blocks.into_iter().map(|(_, dir)| dir).collect())
}

/// Reads blocks into `sink`. Chunks that are damaged or of a kind that is not known are counted and left out.
///
/// # Errors
/// When an index cannot be read, or a batch not be written.
pub(crate) fn import(
    blocks: &[PathBuf],
    sink: &mut Sink,
    progress: &mut Progress,
) -> Result<(), WriteError> {
    let mut total = 0;
    for block in blocks {
        total += Segments::open(&block.join("chunks"))?.len();
    }
    progress.set_total(total);
    for block in blocks {
        import_block(block, sink, progress)?;
    }
    sink.write()
}

fn import_block(dir: &Path, sink: &mut Sink, progress: &mut Progress) -> Result<(), WriteError> {
    let mut index = Index::open(&dir.join("index"))?;
    let mut segments = Segments::open(&dir.join("chunks"))?;
    let tombstones = Tombstones::read(&dir.join("tombstones"))?;
    let mut entry = Entry::default();
    let mut columns = Columns::default();
    while index.next(&mut entry)? {
        let mut labels = LabelSet::default();
        for (name, value) in &entry.labels {
            let (name, value) = (index.symbols.get(*name), index.symbols.get(*value));
            labels.push(name.unwrap_or_default(), value.unwrap_or_default());
        }
        for &chunk in &entry.chunks {
            columns.clear();
            let read = segments.read(chunk).map_err(|e| e.to_string());
            let decoded = read.and_then(|(encoding, data)| {
                progress.add_bytes(data.len() as u64);
                decode(encoding, data, &mut columns)
            });
            match decoded {
                Ok(()) => add(&mut labels, &mut columns, entry.id, &tombstones, sink, dir)?,
                Err(reason) => sink.refuse("chunks", 1, || {
                    format!("{}: {reason}: series {}", dir.display(), labels.shown())
                }),
            }
        }
        progress.show(sink.summary());
    }
    Ok(())
}

fn decode(encoding: u8, data: &[u8], columns: &mut Columns) -> Result<(), String> {
    let kind = match encoding {
        1 => Kind::Float,
        2 => Kind::Histogram,
        3 => Kind::FloatHistogram,
        _ => return Err(format!("chunks of encoding {encoding} are not supported")),
    };
    decode_chunk(kind, data, columns).map_err(|e| e.to_string())
}

fn add(
    labels: &mut LabelSet<'_>,
    columns: &mut Columns,
    series_id: u64,
    tombstones: &Tombstones,
    sink: &mut Sink,
    dir: &Path,
) -> Result<(), WriteError> {
    let histograms = columns.histograms.iter();
    let histogram_bytes: usize = histograms.map(|(_, h)| h.size_bytes()).sum();
    let size = 16 * columns.len() + histogram_bytes;
    let place = || dir.display().to_string();
    sink.add(labels, size, place, |series| {
        let mut histograms = columns.histograms.drain(..).peekable();
        for (i, (&t_ms, &value)) in columns.times_ms.iter().zip(&columns.values).enumerate() {
            let histogram = histograms.next_if(|(at, _)| *at == i);
            if tombstones.is_deleted(series_id, t_ms) {
                continue;
            }
            match histogram {
                Some((_, histogram)) => series.histogram(t_ms, histogram),
                None => series.sample(t_ms, value),
            };
        }
    })
}
