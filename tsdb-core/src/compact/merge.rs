//! Merges runs of one partition to one, series by series: memory is one group an input and the samples of a span.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::codec::StoreIdentity;
use crate::disk::{
    ColumnStats, FinishedRun, GroupReader, LostColumns, LostRange, Run, RunSpec, RunWriter,
};
use crate::error::{Error, Result};
use crate::index::{DeletedSeries, LabelBuffer};
use crate::io::Fs;
use crate::model::{Columns, Labels, TimeRange, TimeRanges, TimeUnit};

/// Samples of a series that are decoded at once, about; histograms weigh more.
const SPAN_SAMPLES: u64 = 1 << 20;

/// A run to be merged, and what is deleted of it.
#[derive(Clone, Debug)]
pub(crate) struct MergeInput {
    pub(crate) run: Arc<Run>,
    pub(crate) deleted: Option<Arc<DeletedSeries>>,
}

/// Merges `inputs`, neighbours in rising order of generations, into the run that `spec` describes: written and synced,
/// not yet live. At equal times the later input wins. What stands in a damaged part of an input is left out; the output
/// records that it is lost, beside what the inputs record. `None` when all samples are deleted and nothing is lost: a
/// record of what is lost outlives the samples beside it, in a run without samples.
///
/// # Errors
/// When an input cannot be read or its directory or index is damaged, or the output cannot be written. Nothing is left
/// behind then.
pub(crate) fn merge(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    identity: StoreIdentity,
    inputs: &[MergeInput],
    spec: RunSpec,
) -> Result<Option<FinishedRun>> {
    let mut out = RunWriter::create(Arc::clone(fs), dir, identity, spec)?;
    let inputs: Result<Vec<Input>> = inputs.iter().map(Input::new).collect();
    let mut inputs = inputs?;
    let mut samples = Columns::with_start_times();
    while let Some(labels) = least(&inputs) {
        let mut same: Vec<&mut Input> = inputs
            .iter_mut()
            .filter(|input| input.labels.as_ref() == Some(&labels))
            .collect();
        let units = same.iter().map(|input| input.unit);
        // Inputs of two units are what damage may leave, of which the writer could not know.
        let unit = units
            .reduce(TimeUnit::finer)
            .unwrap_or(TimeUnit::Milliseconds);
        let copied = match &mut same[..] {
            [only] => only.copy(&mut out)?,
            _ => false,
        };
        if !copied {
            merge_series(&mut same, unit, &mut samples, &mut out)?;
        }
        for input in same {
            input.advance()?;
        }
    }
    for input in &inputs {
        input.lost().for_each(|lost| out.add_lost(lost));
    }
    match out.is_empty() {
        true => Ok(None),
        false => out.finish().map(Some),
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
    /// What is lost by each damaged part, by its offset.
    damages: BTreeMap<u64, LostColumns>,
    /// Unit of its times.
    unit: TimeUnit,
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
            damages: BTreeMap::new(),
            unit: TimeUnit::Milliseconds,
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
            self.unit = index.unit_after(id, &mut self.buffer)?;
            Some(index.labels_after(id, &mut self.buffer)?)
        } else {
            None
        };
        Ok(())
    }

    /// Copies the columns of a series that no other input has, if they are of chunks. Says whether it did: floats are
    /// written anew, since they follow their neighbours and share their timestamps.
    fn copy(&mut self, out: &mut RunWriter) -> Result<bool> {
        if self.deleted().is_some() {
            return Ok(false);
        }
        let (id, unit, damages) = (self.id, self.unit, &mut self.damages);
        let labels = self.labels.as_ref();
        let mut started = false;
        self.groups.raw_columns(
            &self.run,
            id,
            |column| {
                if let Some(labels) = labels.filter(|_| !started) {
                    out.start_series(labels, unit)?;
                    started = true;
                }
                out.push_column(&column)
            },
            &mut |stats, damage| note(damages, (id, unit), stats, damage),
        )
    }

    /// What is deleted of the present series.
    fn deleted(&self) -> Option<&Arc<TimeRanges>> {
        self.deleted.as_ref()?.of(self.id)
    }

    /// What the run records to be lost, and what was found to be.
    fn lost(&self) -> impl Iterator<Item = LostRange> {
        let recorded = self.run.meta().lost.iter().copied();
        recorded.chain(self.damages.values().filter_map(LostColumns::range))
    }

    /// Milliseconds of the first and last sample of the present series, and what they weigh.
    fn extent(&self) -> Option<(i64, i64, u64)> {
        let (min, max) = self.run.column_range(self.id)?;
        let ms = self.unit.range_to_ms(TimeRange::new(min, max));
        Some((ms.start_ms, ms.end_ms, self.run.weight_of(self.id)))
    }

    /// Reads the samples inside `range`, which is in milliseconds, with times in ticks of `unit`; without those that are
    /// deleted.
    fn read(&mut self, range: TimeRange, unit: TimeUnit, out: &mut Columns) -> Result<()> {
        let deleted = self.deleted().cloned();
        let deleted = deleted.as_ref();
        let (id, own, damages) = (self.id, self.unit, &mut self.damages);
        let ticks = own.ticks_of(range);
        if deleted.is_some_and(|deleted| deleted.covers(ticks)) {
            return Ok(());
        }
        let start = out.len();
        let lost = &mut |stats: ColumnStats, damage| {
            // A column that several spans touch is counted once.
            if range.contains(own.to_ms(stats.min_ms)) {
                note(damages, (id, own), stats, damage)?;
            }
            Ok(())
        };
        self.groups.read_series(&self.run, id, ticks, out, lost)?;
        if let Some(deleted) = deleted {
            out.remove(start, deleted);
        }
        out.convert_times(start, own, unit);
        Ok(())
    }
}

/// Takes in a damaged column of a series.
fn note(
    damages: &mut BTreeMap<u64, LostColumns>,
    (series, unit): (u32, TimeUnit),
    stats: ColumnStats,
    damage: Error,
) -> Result<()> {
    // What the disk does not give now it may give later: it is not given up.
    let Error::Corrupt { offset, .. } = damage else {
        return Err(damage);
    };
    let part = damages.entry(offset).or_insert_with(|| {
        tracing::warn!(error = %damage, "a damaged part of a run is not merged, what it held is lost");
        LostColumns::default()
    });
    part.add(series, unit, stats);
    Ok(())
}

/// The first of the present series, in label order.
fn least(inputs: &[Input]) -> Option<Labels> {
    let present = inputs.iter().filter_map(|input| input.labels.as_ref());
    present.min().cloned()
}

/// Merges the present series of several inputs, span by span of whole milliseconds.
fn merge_series(
    inputs: &mut [&mut Input],
    unit: TimeUnit,
    samples: &mut Columns,
    out: &mut RunWriter,
) -> Result<()> {
    let extents = inputs.iter().filter_map(|input| input.extent());
    let whole = extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1), a.2.saturating_add(b.2)));
    let Some((min_ms, max_ms, weight)) = whole else {
        return Ok(());
    };
    let mut spans = vec![TimeRange::new(min_ms, max_ms)];
    if weight > SPAN_SAMPLES {
        spans = cut(min_ms, max_ms, weight.div_ceil(SPAN_SAMPLES));
    }
    let labels = inputs.first().and_then(|input| input.labels.clone());
    let mut started = false;
    for span in spans {
        samples.clear();
        for input in inputs.iter_mut() {
            let middle = samples.len();
            input.read(span, unit, samples)?;
            samples.merge_tail(0, middle);
        }
        if samples.is_empty() {
            continue;
        }
        if let Some(labels) = labels.as_ref().filter(|_| !started) {
            // Not before: of a series may be nothing left.
            out.start_series(labels, unit)?;
            started = true;
        }
        out.push_samples(samples)?;
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
