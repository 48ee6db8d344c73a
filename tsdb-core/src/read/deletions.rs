//! What is deleted of the parts of a view that do not change, and which of their series have samples left.

use std::collections::HashMap;
use std::sync::Arc;

use super::view::View;
use crate::disk::{GroupCache, Run};
use crate::error::{Error, Result};
use crate::head::{Generation, SeriesSnapshot};
use crate::index::{DeletedSeries, LabelBuffer};
use crate::model::{Columns, TimeRange, TimeRanges, TimeUnit};

/// What is deleted of runs and of frozen generations. Parts of which nothing is deleted are not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletions {
    /// By file id.
    pub(crate) runs: HashMap<u64, Arc<DeletedSeries>>,
    /// By id of the generation.
    pub(crate) frozen: HashMap<u64, Arc<DeletedSeries>>,
}

impl Deletions {
    /// Memory that it takes, about.
    pub(crate) fn bytes(&self) -> u64 {
        let parts = self.runs.values().chain(self.frozen.values());
        parts.map(|deleted| deleted.bytes() as u64).sum()
    }

    /// Takes in parts of which more is deleted now.
    pub(crate) fn extend(&mut self, parts: Self) {
        self.runs.extend(parts.runs);
        self.frozen.extend(parts.frozen);
    }

    /// What is deleted of a run; `None` for nothing.
    pub(crate) fn of_run(&self, run: &Run) -> Option<&DeletedSeries> {
        self.runs.get(&run.meta().file_id).map(|deleted| &**deleted)
    }

    /// What is deleted of a frozen generation; `None` for nothing, and for the active one, which gives deleted samples
    /// up at once.
    pub(crate) fn of_generation(&self, generation: &Generation) -> Option<&DeletedSeries> {
        self.frozen.get(&generation.id()).map(|deleted| &**deleted)
    }
}

impl View {
    /// What a series of a run has in the range, and the unit of its times; `None` for nothing.
    pub(super) fn left_in_run(
        &self,
        run: &Run,
        series: u32,
        range: TimeRange,
        cache: &GroupCache,
        buffer: &mut LabelBuffer,
    ) -> Result<Option<(TimeUnit, Left)>> {
        let Some((unit, extent)) = run.extent_of(series, buffer)? else {
            return Ok(None);
        };
        let read = |range, out: &mut Columns| {
            let lost = &mut |_, damage| Err(damage);
            run.read_series(series, range, cache, out, lost)
        };
        let deleted = self.deletions.of_run(run);
        let deleted = deleted.and_then(|deleted| deleted.of(series));
        let left = left(deleted, extent, range, unit, read)?;
        Ok(left.map(|left| (unit, left)))
    }

    /// What a capture of a series has in the range; `None` for nothing.
    pub(super) fn left_in_head(
        &self,
        generation: &Generation,
        series: u32,
        captured: &SeriesSnapshot,
        range: TimeRange,
    ) -> Result<Option<Left>> {
        let Some((min, max)) = captured.time_range() else {
            return Ok(None);
        };
        let (unit, extent) = (captured.unit(), TimeRange::new(min, max));
        let read = |range, out: &mut Columns| {
            captured
                .read(range, out)
                .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what))
        };
        let deleted = self.deletions.of_generation(generation);
        let deleted = deleted.and_then(|deleted| deleted.of(series));
        left(deleted, extent, range, unit, read)
    }
}

/// What a part has of a series.
#[derive(Debug)]
pub(super) struct Left {
    /// No sample is outside of these milliseconds.
    pub(super) range: TimeRange,
    /// What is deleted inside of it, in ticks of the series in the part.
    pub(super) deleted: Option<Arc<TimeRanges>>,
}

/// What is left of a series whose samples have this extent, in ticks of `unit`, if that may meet the range, which is in
/// milliseconds. `read` gives the samples in ticks where nothing else tells whether there is one.
fn left(
    deleted: Option<&Arc<TimeRanges>>,
    extent: TimeRange,
    range: TimeRange,
    unit: TimeUnit,
    read: impl FnOnce(TimeRange, &mut Columns) -> Result<()>,
) -> Result<Option<Left>> {
    let asked = unit.ticks_of(range);
    let whole = |ticks| Left {
        range: unit.range_to_ms(ticks),
        deleted: deleted.cloned(),
    };
    let Some(deleted) = deleted else {
        return Ok(extent.overlaps(&asked).then(|| whole(extent)));
    };
    let Some(left) = deleted.shrink(extent) else {
        return Ok(None);
    };
    let asked = TimeRange::new(
        left.start_ms.max(asked.start_ms),
        left.end_ms.min(asked.end_ms),
    );
    if asked.is_empty() || deleted.covers(asked) {
        return Ok(None);
    }
    // There is a sample at both ends of the extent: one that is not deleted is left.
    if left.start_ms == extent.start_ms || left.end_ms == extent.end_ms {
        return Ok(Some(whole(left)));
    }
    let mut samples = Columns::default();
    match read(asked, &mut samples) {
        // Who reads the samples will be told of the damage.
        Err(damage) if damage.is_damage() => return Ok(Some(whole(left))),
        read => read?,
    }
    samples.remove(0, deleted);
    Ok((!samples.is_empty()).then(|| whole(left)))
}
