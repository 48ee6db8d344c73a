//! Merges runs of one partition to one, series by series: memory is one group an input and the samples of a span.

use std::path::Path;
use std::sync::Arc;

use crate::codec::StoreIdentity;
use crate::disk::{FinishedRun, GroupReader, Run, RunSpec, RunWriter};
use crate::error::Result;
use crate::io::Fs;
use crate::model::{Columns, Labels, TimeRange};

/// Samples of a series that are decoded at once, about.
const SPAN_SAMPLES: u64 = 1 << 20;

/// Merges `inputs`, neighbours in rising order of generations, into the run that `spec` describes: written and synced,
/// not yet live. At equal times the later input wins.
///
/// # Errors
/// When an input is damaged or cannot be read, or the output cannot be written. Nothing is left behind then.
pub(crate) fn merge(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    identity: StoreIdentity,
    inputs: &[Arc<Run>],
    spec: RunSpec,
) -> Result<FinishedRun> {
    let mut out = RunWriter::create(Arc::clone(fs), dir, identity, spec)?;
    let mut inputs: Vec<Input> = inputs
        .iter()
        .map(|run| Input::new(run))
        .collect::<Result<_>>()?;
    let mut samples = Columns::default();
    while let Some((labels, fingerprint)) = least(&inputs) {
        out.start_series(&labels, fingerprint)?;
        let mut same: Vec<&mut Input> = inputs
            .iter_mut()
            .filter(|input| input.is_at(&labels, fingerprint))
            .collect();
        match &mut same[..] {
            [only] => only.copy(&mut out)?,
            several => merge_series(several, &mut samples, &mut out)?,
        }
        for input in same {
            input.advance()?;
        }
    }
    out.finish()
}

/// A run that is read from its first series to its last.
struct Input {
    run: Arc<Run>,
    groups: GroupReader,
    /// Number, labels and fingerprint of the present series; `None` at the end.
    at: Option<(u32, Labels, u128)>,
}

impl Input {
    fn new(run: &Arc<Run>) -> Result<Self> {
        let mut input = Self {
            run: Arc::clone(run),
            groups: GroupReader::default(),
            at: None,
        };
        input.go_to(0)?;
        Ok(input)
    }

    fn advance(&mut self) -> Result<()> {
        match &self.at {
            Some((series, ..)) => self.go_to(series + 1),
            None => Ok(()),
        }
    }

    fn go_to(&mut self, series: u32) -> Result<()> {
        let index = self.run.index();
        self.at = match index.fingerprint(series) {
            Some(fingerprint) => Some((series, index.labels(series)?, fingerprint)),
            None => None,
        };
        Ok(())
    }

    fn is_at(&self, labels: &Labels, fingerprint: u128) -> bool {
        // Fingerprints differ nearly always; that they are equal is not enough for a promise.
        self.at
            .as_ref()
            .is_some_and(|(_, l, f)| *f == fingerprint && l == labels)
    }

    /// Copies the columns of a series that no other input has.
    fn copy(&mut self, out: &mut RunWriter) -> Result<()> {
        let Some((series, ..)) = self.at else {
            return Ok(());
        };
        self.groups.raw_columns(&self.run, series, |column| {
            out.push_column(column.bytes(), column.stats)
        })
    }

    /// Times of the first and last sample of the present series, and their number.
    fn extent(&self) -> Option<(i64, i64, u64)> {
        let (series, ..) = self.at.as_ref()?;
        let (min_ms, max_ms) = self.run.column_range(*series)?;
        Some((min_ms, max_ms, self.run.samples_of(*series)))
    }

    fn read(&mut self, range: TimeRange, out: &mut Columns) -> Result<()> {
        match self.at {
            Some((series, ..)) => self.groups.read_series(&self.run, series, range, out),
            None => Ok(()),
        }
    }
}

/// The first of the present series, in label order.
fn least(inputs: &[Input]) -> Option<(Labels, u128)> {
    inputs
        .iter()
        .filter_map(|input| input.at.as_ref())
        .reduce(|a, b| {
            // The same series is met far more often than another, and then no label has to be compared.
            if a.2 == b.2 || a.1 <= b.1 { a } else { b }
        })
        .map(|(_, labels, fingerprint)| (labels.clone(), *fingerprint))
}

/// Merges the present series of several inputs, span by span.
fn merge_series(
    inputs: &mut [&mut Input],
    samples: &mut Columns,
    out: &mut RunWriter,
) -> Result<()> {
    let extents = inputs.iter().filter_map(|input| input.extent());
    let whole = extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1), a.2.saturating_add(b.2)));
    let Some((min_ms, max_ms, count)) = whole else {
        return Ok(());
    };
    let mut spans = vec![TimeRange::new(min_ms, max_ms)];
    if count > SPAN_SAMPLES {
        spans = cut(min_ms, max_ms, count.div_ceil(SPAN_SAMPLES));
    }
    for span in spans {
        samples.clear();
        for input in inputs.iter_mut() {
            let middle = samples.len();
            input.read(span, samples)?;
            samples.merge_tail(0, middle);
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
