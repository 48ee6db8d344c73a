//! Merges runs of one partition to one, series by series: memory is one group an input and the samples of a span.

use std::path::Path;
use std::sync::Arc;

use crate::codec::StoreIdentity;
use crate::disk::{FinishedRun, GroupReader, Run, RunSpec, RunWriter};
use crate::error::Result;
use crate::index::{DeletedSeries, LabelBuffer};
use crate::io::Fs;
use crate::model::{Columns, Labels, TimeRange, TimeRanges};

/// Samples of a series that are decoded at once, about; histograms weigh more.
const SPAN_SAMPLES: u64 = 1 << 20;

/// A run to be merged, and what is deleted of it.
#[derive(Clone, Debug)]
pub(crate) struct MergeInput {
    pub(crate) run: Arc<Run>,
    pub(crate) deleted: Option<Arc<DeletedSeries>>,
}

/// Merges `inputs`, neighbours in rising order of generations, into the run that `spec` describes: written and synced,
/// not yet live. At equal times the later input wins. `None` when all samples are deleted.
///
/// # Errors
/// When an input is damaged or cannot be read, or the output cannot be written. Nothing is left behind then.
pub(crate) fn merge(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    identity: StoreIdentity,
    inputs: &[MergeInput],
    spec: RunSpec,
) -> Result<Option<FinishedRun>> {
    let mut out = Output {
        writer: RunWriter::create(Arc::clone(fs), dir, identity, spec)?,
        series: None,
        is_empty: true,
    };
    let inputs: Result<Vec<Input>> = inputs.iter().map(Input::new).collect();
    let mut inputs = inputs?;
    let mut samples = Columns::default();
    while let Some(labels) = least(&inputs) {
        out.series = Some(labels.clone());
        let mut same: Vec<&mut Input> = inputs
            .iter_mut()
            .filter(|input| input.labels.as_ref() == Some(&labels))
            .collect();
        let copied = match &mut same[..] {
            [only] => only.copy(&mut out)?,
            _ => false,
        };
        if !copied {
            merge_series(&mut same, &mut samples, &mut out)?;
        }
        for input in same {
            input.advance()?;
        }
    }
    match out.is_empty {
        true => Ok(None),
        false => out.writer.finish().map(Some),
    }
}

/// The run that is written. A series is started with its first sample: all may be deleted.
struct Output {
    writer: RunWriter,
    /// The present series, as long as it is not started.
    series: Option<Labels>,
    is_empty: bool,
}

impl Output {
    /// The writer, with the present series started.
    fn started(&mut self) -> Result<&mut RunWriter> {
        if let Some(labels) = self.series.take() {
            self.writer.start_series(&labels)?;
            self.is_empty = false;
        }
        Ok(&mut self.writer)
    }
}

/// A run that is read from its first series to its last.
struct Input {
    run: Arc<Run>,
    deleted: Option<Arc<DeletedSeries>>,
    groups: GroupReader,
    buffer: LabelBuffer,
    /// Number of the present series, and its labels; `None` at the end.
    id: u32,
    labels: Option<Labels>,
}

impl Input {
    fn new(input: &MergeInput) -> Result<Self> {
        let mut input = Self {
            run: Arc::clone(&input.run),
            deleted: input.deleted.clone(),
            groups: GroupReader::default(),
            buffer: LabelBuffer::default(),
            id: 0,
            labels: None,
        };
        input.go_to(0)?;
        Ok(input)
    }

    fn advance(&mut self) -> Result<()> {
        self.go_to(self.id + 1)
    }

    fn go_to(&mut self, id: u32) -> Result<()> {
        let index = self.run.index();
        self.id = id;
        self.labels = if id < index.series_len() {
            Some(index.labels_after(id, &mut self.buffer)?)
        } else {
            None
        };
        Ok(())
    }

    /// Copies the columns of a series that no other input has, if they are of chunks. Says whether it did: floats are
    /// written anew, since they follow their neighbours and share their timestamps.
    fn copy(&mut self, out: &mut Output) -> Result<bool> {
        if self.deleted().is_some() {
            return Ok(false);
        }
        self.groups.raw_columns(&self.run, self.id, |column| {
            let out = out.started()?;
            out.push_column(column.kind, column.bytes, column.stats)
        })
    }

    /// What is deleted of the present series.
    fn deleted(&self) -> Option<&Arc<TimeRanges>> {
        self.deleted.as_ref()?.of(self.id)
    }

    /// Times of the first and last sample of the present series, and what they weigh.
    fn extent(&self) -> Option<(i64, i64, u64)> {
        let (min_ms, max_ms) = self.run.column_range(self.id)?;
        Some((min_ms, max_ms, self.run.weight_of(self.id)))
    }

    /// Appends the samples of the present series inside `range`, without those that are deleted.
    fn read(&mut self, range: TimeRange, out: &mut Columns) -> Result<()> {
        let deleted = self.deleted().cloned();
        if deleted
            .as_ref()
            .is_some_and(|deleted| deleted.covers(range))
        {
            return Ok(());
        }
        let start = out.len();
        self.groups.read_series(&self.run, self.id, range, out)?;
        if let Some(deleted) = deleted {
            out.remove(start, &deleted);
        }
        Ok(())
    }
}

/// The first of the present series, in label order.
fn least(inputs: &[Input]) -> Option<Labels> {
    let present = inputs.iter().filter_map(|input| input.labels.as_ref());
    present.min().cloned()
}

/// Merges the present series of several inputs, span by span.
fn merge_series(inputs: &mut [&mut Input], samples: &mut Columns, out: &mut Output) -> Result<()> {
    let extents = inputs.iter().filter_map(|input| input.extent());
    let whole = extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1), a.2.saturating_add(b.2)));
    let Some((min_ms, max_ms, weight)) = whole else {
        return Ok(());
    };
    let mut spans = vec![TimeRange::new(min_ms, max_ms)];
    if weight > SPAN_SAMPLES {
        spans = cut(min_ms, max_ms, weight.div_ceil(SPAN_SAMPLES));
    }
    for span in spans {
        samples.clear();
        for input in inputs.iter_mut() {
            let middle = samples.len();
            input.read(span, samples)?;
            samples.merge_tail(0, middle);
        }
        if !samples.is_empty() {
            out.started()?.push_samples(samples)?;
        }
    }
    Ok(())
}

/// Cuts a range of time into about `pieces` of equal length.
fn cut(min_ms: i64, max_ms: i64, pieces: u64) -> Vec<TimeRange> {
    let span = max_ms.wrapping_sub(min_ms).cast_unsigned();
    let step = (span / pieces.max(1)).max(1);
    let mut ranges = Vec::new();
    let mut from = 0u64;
    loop {
        let to = from.saturating_add(step - 1).min(span);
        let at = |offset: u64| min_ms.wrapping_add(offset.cast_signed());
        ranges.push(TimeRange::new(at(from), at(to)));
        if to == span {
            return ranges;
        }
        from = to + 1;
    }
}
