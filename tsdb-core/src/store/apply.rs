//! What becomes of a batch in the lane: each sample is classified, given to its series, and recorded for the log.

use std::borrow::Cow;

use super::exemplars::Offered;
use super::lane::Lane;
use super::lookup::{Incoming, Target};
use super::sample_limits::Limits;
use super::write::{RejectReason, WriteReport};
use super::{Store, figures};
use crate::head::{FormRef, Generation, NewValue, Offer, SeriesRef, Since};
use crate::model::{
    BatchSeries, ConflictPolicy, FieldValue, Form, HistogramSample, Kind, LastSample, TimeUnit,
};
use crate::wal::RecordBuilder;

/// A batch on its way into a generation.
pub(super) struct Apply<'a> {
    pub(super) store: &'a Store,
    pub(super) generation: &'a Generation,
    pub(super) lane: &'a mut Lane,
    pub(super) limits: Limits,
    pub(super) seq: u64,
    pub(super) report: &'a mut WriteReport,
    pub(super) newest_ms: i64,
    /// The sender's form of the entry before this one, if it was new.
    pub(super) learned: Option<FormRef>,
}

/// A value that is recorded in the log once it is in its series.
trait LoggedValue: NewValue {
    fn kind(self) -> Kind;

    fn record(self, record: &mut RecordBuilder, t_ms: i64);
}

impl LoggedValue for u64 {
    #[inline]
    fn kind(self) -> Kind {
        Kind::Float
    }

    #[inline]
    fn record(self, record: &mut RecordBuilder, t_ms: i64) {
        record.sample(t_ms, self);
    }
}

impl LoggedValue for &HistogramSample {
    fn kind(self) -> Kind {
        self.kind()
    }

    fn record(self, record: &mut RecordBuilder, t_ms: i64) {
        record.histogram(t_ms, self);
    }
}

impl LoggedValue for &FieldValue {
    fn kind(self) -> Kind {
        self.kind()
    }

    fn record(self, record: &mut RecordBuilder, t_ms: i64) {
        record.field(t_ms, self);
    }
}

impl<V: LoggedValue> LoggedValue for Since<V> {
    fn kind(self) -> Kind {
        self.value.kind()
    }

    fn record(self, record: &mut RecordBuilder, t_ms: i64) {
        record.start_time(self.start_ms);
        self.value.record(record, t_ms);
    }
}

/// One entry of a batch and its series, once that is known.
struct Entry<'a> {
    incoming: Incoming<'a>,
    entry: &'a BatchSeries,
    target: &'a Target,
    series: Option<SeriesRef>,
    /// Unit of the times of the series. Those of the entry may have another.
    unit: TimeUnit,
    /// Whether the log knows that samples of this kind follow for this series.
    started: Option<Kind>,
}

impl Entry<'_> {
    fn canonical(&self) -> Cow<'_, [u8]> {
        self.incoming.canonical(self.entry)
    }
}

impl Apply<'_> {
    /// Applies an entry.
    pub(super) fn entry(&mut self, incoming: Incoming<'_>, entry: &BatchSeries, target: &Target) {
        let series = match target {
            Target::There { series, .. } => Some(*series),
            // Perhaps made since the look-up, by an earlier entry of this batch.
            Target::Missing { hash, .. } => self.generation.find(*hash, &incoming.canonical(entry)),
        };
        let unit = match (series, target) {
            (_, Target::There { unit, .. }) => *unit,
            (Some(series), Target::Missing { .. }) => self.generation.unit(series),
            (None, Target::Missing { unit, .. }) => unit.unwrap_or(entry.unit),
        };
        let mut state = Entry {
            incoming,
            entry,
            target,
            series,
            unit,
            started: None,
        };
        let (times_ms, values) = incoming.batch.samples_of(entry);
        let starts_ms = incoming.batch.starts_of(entry);
        let (since, without) = times_ms.split_at(starts_ms.len());
        let (values_since, values) = values.split_at(starts_ms.len());
        for ((&t_ms, value), &start_ms) in since.iter().zip(values_since).zip(starts_ms) {
            self.sample_since(&mut state, start_ms, t_ms, value.to_bits());
        }
        for (&t_ms, value) in without.iter().zip(values) {
            self.sample(&mut state, t_ms, value.to_bits());
        }
        let accepted = self.report.accepted;
        for histogram in incoming.batch.histograms_of(entry) {
            if histogram.storable {
                let (start_ms, t_ms) = (histogram.start_ms, histogram.t_ms);
                self.sample_since(&mut state, start_ms, t_ms, &histogram.histogram);
            } else {
                self.reject(RejectReason::InvalidHistogram, &state, histogram.t_ms);
            }
        }
        self.report.accepted_histograms += self.report.accepted - accepted;
        for field in incoming.batch.fields_of(entry) {
            if field.value.is_storable() {
                self.sample(&mut state, field.tick, &field.value);
            } else {
                self.reject(RejectReason::StringTooLong, &state, field.tick);
            }
        }
        self.learned = match (entry.form, state.series) {
            (Form::Encoded(encoding), Some(series)) => {
                self.generation.learn(encoding, series, self.learned)
            }
            _ => None,
        };
    }

    /// Applies the exemplars of the batch: all of them, or none is in what is saved.
    pub(super) fn exemplars(&mut self, incoming: Incoming<'_>) {
        let batch = incoming.batch;
        if batch.exemplars_len() == 0 {
            return;
        }
        let mut ring = self.store.exemplars.begin(self.seq);
        for (exemplar, labels) in batch.exemplars() {
            let Some(entry) = batch.entries().get(exemplar.entry as usize) else {
                continue;
            };
            let series = incoming.canonical(entry);
            if self
                .limits
                .check(exemplar.t_ms, TimeUnit::Milliseconds, || series.clone())
                .is_some()
            {
                continue;
            }
            let (t_ms, value) = (exemplar.t_ms, exemplar.value);
            match ring.offer(&series, labels, t_ms, value) {
                Offered::Taken => self.lane.record.exemplar(&series, t_ms, value, labels),
                Offered::Known => {}
                Offered::Refused => continue,
            }
            self.report.accepted_exemplars += 1;
        }
    }

    /// As [`sample`](Self::sample), with a start time, 0 for none.
    fn sample_since<V: LoggedValue>(
        &mut self,
        entry: &mut Entry<'_>,
        start_ms: i64,
        t_ms: i64,
        value: V,
    ) {
        match start_ms {
            0 => self.sample(entry, t_ms, value),
            _ => {
                // A start time without a tick in the unit of the series is not known.
                let start_ms = TimeUnit::Milliseconds.convert(start_ms, entry.unit);
                let start_ms = start_ms.unwrap_or(0);
                self.sample(entry, t_ms, Since { start_ms, value });
            }
        }
    }

    /// Applies a sample; its time is in the unit of the entry.
    #[inline]
    fn sample<V: LoggedValue>(&mut self, entry: &mut Entry<'_>, written: i64, value: V) {
        let unit = entry.entry.unit;
        let t_ms = unit.to_ms(written);
        let refused = self.limits.check(t_ms, entry.unit, || entry.canonical());
        let outcome = match (refused, unit.convert(written, entry.unit)) {
            (None, Some(_)) if !self.lane.partitions.admits(t_ms) => {
                Err(RejectReason::TooManyFiles)
            }
            (None, Some(tick)) => self.offer(entry, tick, value).map(|offer| (offer, tick)),
            (Some(reason), _) => Err(reason),
            (None, None) => Err(RejectReason::NoSuchTick),
        };
        let tick = match outcome {
            Ok((Offer::Taken, tick)) => tick,
            Ok(_) => {
                self.report.accepted += 1;
                return;
            }
            Err(reason) => return self.reject(reason, entry, written),
        };
        let Some(series) = entry.series else { return };
        if entry.started != Some(value.kind()) {
            self.start(entry, series, value.kind());
        }
        value.record(&mut self.lane.record, tick);
        self.lane.partitions.took(t_ms);
        self.report.accepted += 1;
        self.newest_ms = self.newest_ms.max(t_ms);
    }

    fn reject(&mut self, reason: RejectReason, entry: &Entry<'_>, written: i64) {
        let t_ms = entry.entry.unit.to_ms(written);
        self.report.rejected.add(reason, &entry.canonical(), t_ms);
    }

    /// Tells the log whose samples follow, and of which kind.
    fn start(&mut self, entry: &mut Entry<'_>, series: SeriesRef, kind: Kind) {
        if entry.started.is_none() && self.lane.definitions.due(series, self.seq) {
            let generation = self.generation;
            let pairs = generation.pairs(series).iter();
            let pairs = pairs.map(|&pair| (pair, move || generation.pair(pair)));
            let record = &mut self.lane.record;
            record.define_series(series, entry.unit, pairs);
        }
        entry.started = Some(kind);
        self.lane.record.start_series(series, kind);
    }

    /// Offers a sample to the series, which is made if it is the first one that is taken.
    #[inline]
    fn offer<V: LoggedValue>(
        &mut self,
        entry: &mut Entry<'_>,
        t_ms: i64,
        value: V,
    ) -> std::result::Result<Offer, RejectReason> {
        let replace = entry.incoming.batch.policy() == ConflictPolicy::Replace;
        let there = match (entry.series, entry.target) {
            (Some(there), _) => there,
            (None, Target::There { series, .. }) => *series,
            (
                None,
                Target::Missing {
                    hash, last, known, ..
                },
            ) => {
                // A series that would be made only to refuse its sample is not made.
                match last {
                    Some(last) if last.t_ms == t_ms && value.is(&last.value) => {
                        return Ok(Offer::Equal);
                    }
                    Some(last) if last.t_ms == t_ms && !replace => {
                        return Err(RejectReason::DuplicateTimestamp);
                    }
                    _ => {
                        let series = self.generation.series_len();
                        let admission = &mut self.lane.admission;
                        admission.admit(*hash, &entry.canonical(), series, *known)?;
                        self.create(entry, *hash, last.clone())
                    }
                }
            }
        };
        entry.series = Some(there);
        match self.generation.offer(there, t_ms, value, replace) {
            Offer::Conflict => Err(RejectReason::DuplicateTimestamp),
            offer => Ok(offer),
        }
    }

    fn create(&self, entry: &Entry<'_>, hash: u64, last: Option<LastSample>) -> SeriesRef {
        figures::count(&self.store.counters.series_created, 1);
        self.generation
            .create(hash, &entry.canonical(), entry.unit, last)
    }
}
