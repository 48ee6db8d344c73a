//! The commit lane: one batch at a time is classified, logged and applied, so that log order is the order of effects.
//!
//! * The log holds outcomes: accepted samples and nothing else. Replay asks neither clock nor limits.
//! * A series is made with its first accepted sample, in the order of the log, so that replay gives it the same number.
//! * A series is defined in the first two frames that use it, so that one damaged frame costs only itself.
//! * An acknowledgement waits for everything logged so far, also when the batch brought nothing new: the equal sample
//!   that it met may not be durable yet.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::exemplars::Offered;
use super::lookup::{Incoming, Target, look_up};
use super::series_limits::Admission;
use super::write::{Commit, RejectReason, WriteReport};
use super::{Store, figures};
use crate::error::{Error, Result};
use crate::head::{Generation, NewValue, Offer, SeriesRef, Since};
use crate::model::{
    BatchSeries, ConflictPolicy, FieldValue, Form, HistogramSample, Kind, Labels, LastSample,
    TimeUnit, Tombstone,
};
use crate::retention::Retention;
use crate::wal::RecordBuilder;

/// Generations that may wait to be flushed. More would be memory that nobody asked for.
const MAX_FROZEN: usize = 2;

/// When the disk does not keep up, the active generation grows to so many times its usual size, then writes are refused.
const OVERGROWTH: u64 = 4;

/// Metrics that are named to who is refused for a limit of series.
const NAMED_MAKERS: usize = 3;

/// What only the lane touches.
#[derive(Debug, Default)]
pub(super) struct Lane {
    record: RecordBuilder,
    definitions: Definitions,
    /// When the active generation got its first sample.
    begun: Option<Instant>,
    /// The newest sample when the last generation was frozen, in milliseconds.
    newest_frozen_ms: Option<i64>,
    pub(super) admission: Admission,
}

/// For each series of the active generation, in which frames it was defined.
#[derive(Debug, Default)]
struct Definitions(Vec<u64>);

impl Definitions {
    const TWICE: u64 = u64::MAX;

    /// Whether the frame `seq` is to define the series. Sequences begin at 1.
    fn due(&mut self, series: SeriesRef, seq: u64) -> bool {
        let at = series as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        let state = &mut self.0[at];
        let due = *state != Self::TWICE && *state != seq;
        if due {
            *state = if *state == 0 { seq } else { Self::TWICE };
        }
        due
    }
}

/// What samples are measured by.
struct Limits {
    newest_allowed_ms: i64,
    /// Older than this is too old in every retention class.
    oldest_allowed_ms: i64,
    /// Not older than this is not too old in any.
    kept_by_all_ms: i64,
    retention: Arc<Retention>,
    /// What ages count back from.
    reference_ms: i64,
    policy: ConflictPolicy,
}

/// Applies a batch.
///
/// # Errors
/// See [`Db::submit`](crate::Db::submit); nothing is applied then.
pub(super) fn submit(store: &Store, incoming: Incoming<'_>) -> Result<Commit> {
    let batch = incoming.batch;
    let (mut lane, targets) = loop {
        let seen = store.view.get();
        let targets = look_up(store, &seen, incoming)?;
        let lane = store.lane.lock();
        // The head may only be taken apart by who holds the lane.
        if store.view.get().epoch == seen.epoch {
            break (lane, targets);
        }
    };
    store.check_writable()?;
    let seq = match &store.wal {
        Some(wal) => {
            wal.check_writable()?;
            wal.last_seq() + 1
        }
        None => 1,
    };
    lane.check_room(store)?;

    let retention = store.retention();
    let reference_ms = store.retention_reference_ms().unwrap_or(i64::MIN);
    let limits = Limits {
        newest_allowed_ms: match store.options.future_limit_ms {
            Some(limit_ms) => store.clock.now_ms().saturating_add(limit_ms),
            None => i64::MAX,
        },
        oldest_allowed_ms: retention.last_cutoff_ms(reference_ms).unwrap_or(i64::MIN),
        kept_by_all_ms: retention.first_cutoff_ms(reference_ms).unwrap_or(i64::MIN),
        retention,
        reference_ms,
        policy: batch.policy(),
    };
    let mut report = WriteReport::default();
    let lane = &mut *lane;
    lane.record.clear();
    for metadata in batch.metadata_entries() {
        if store.metadata.set(metadata) {
            lane.record.metadata(metadata);
        }
    }
    {
        let held = store.view.hold_exclusively();
        let mut apply = Apply {
            store,
            generation: &held.active,
            lane,
            limits,
            seq,
            report: &mut report,
            newest_ms: store.newest_ms.load(Ordering::Relaxed),
        };
        for (entry, target) in batch.entries().iter().zip(&targets) {
            apply.entry(incoming, entry, target);
        }
        apply.exemplars(incoming);
        store.newest_ms.store(apply.newest_ms, Ordering::Relaxed);
        // Logged before readers are let in: what can be seen is on its way to the disk.
        if let Some(wal) = &store.wal
            && !lane.record.is_empty()
        {
            wal.append(lane.record.finish());
        }
    }
    figures::count(&store.counters.samples_accepted, report.accepted);
    figures::count(&store.counters.samples_rejected, report.rejected.total());
    if report.rejected.by_series_limits() {
        report.rejected.makers = lane.admission.makers(NAMED_MAKERS);
        report.rejected.retry_after = lane.admission.rest_of_interval();
    }
    store.head_memory.set(store.view.get().head_bytes());
    lane.rotate_if_due(store);
    let series = store.view.get().active.series_len();
    store
        .asks_runs
        .store(lane.admission.asks_runs(series), Ordering::Relaxed);
    Ok(Commit {
        seq: store.wal.as_ref().map_or(0, |wal| wal.last_seq()),
        wal: store.wal.clone(),
        report,
    })
}

struct Apply<'a> {
    store: &'a Store,
    generation: &'a Generation,
    lane: &'a mut Lane,
    limits: Limits,
    seq: u64,
    report: &'a mut WriteReport,
    newest_ms: i64,
}

impl Limits {
    #[inline]
    fn check<'a>(&self, t_ms: i64, canonical: impl FnOnce() -> Cow<'a, [u8]>) -> Option<RejectReason> {
        if t_ms > self.newest_allowed_ms {
            Some(RejectReason::TooFarInFuture)
        } else if t_ms >= self.kept_by_all_ms {
            None
        } else if t_ms < self.oldest_allowed_ms || self.is_too_old(t_ms, &canonical()) {
            Some(RejectReason::TooOld)
        } else {
            None
        }
    }

    /// Whether a sample is too old for the class of its series.
    #[cold]
    fn is_too_old(&self, t_ms: i64, canonical: &[u8]) -> bool {
        let Ok(labels) = Labels::from_canonical(canonical) else {
            return false;
        };
        let retention = &self.retention;
        let class = retention.class_of(&labels);
        let cutoff_ms = retention.cutoff_ms(class, retention.checksum(), self.reference_ms);
        cutoff_ms.is_some_and(|cutoff_ms| t_ms < cutoff_ms)
    }
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
    fn entry(&mut self, incoming: Incoming<'_>, entry: &BatchSeries, target: &Target) {
        let series = match target {
            Target::There { series, .. } => Some(*series),
            // Perhaps made since the look-up, by an earlier entry of this batch.
            Target::Missing { hash, .. } => {
                self.generation.find(*hash, &incoming.canonical(entry))
            }
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
        if let (Form::Encoded(encoding), Some(series)) = (entry.form, state.series) {
            self.generation.learn(encoding, series);
        }
    }

    /// Applies the exemplars of the batch: all of them, or none is in what is saved.
    fn exemplars(&mut self, incoming: Incoming<'_>) {
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
            if self.limits.check(exemplar.t_ms, || series.clone()).is_some() {
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
        let refused = self.limits.check(t_ms, || entry.canonical());
        let outcome = match (refused, unit.convert(written, entry.unit)) {
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
            let record = &mut self.lane.record;
            let pairs = self.generation.pairs(series);
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
        let replace = self.limits.policy == ConflictPolicy::Replace;
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

impl Lane {
    /// The record of a delete.
    pub(super) fn tombstone_record(&mut self, tombstone: &Tombstone) -> &[u8] {
        self.record.clear();
        self.record.tombstone(tombstone);
        self.record.finish()
    }

    /// Refuses a batch when the head is full and the disk does not keep up.
    fn check_room(&self, store: &Store) -> Result<()> {
        store.budget.check_head()?;
        let view = store.view.get();
        if view.frozen.len() < MAX_FROZEN {
            return Ok(());
        }
        let full = |limit: &'static str, max: u64| Err(Error::LimitExceeded { limit, max });
        let samples = OVERGROWTH.saturating_mul(samples_due(store, &view.active));
        if view.active.samples() >= samples {
            return full("samples in the head", samples);
        }
        let wal_bytes = OVERGROWTH.saturating_mul(wal_bytes_due(store, &view.active));
        if wal_bytes_of(store) >= wal_bytes {
            return full("write-ahead log of the head", wal_bytes);
        }
        Ok(())
    }

    /// Freezes the active generation when it is large or old enough, and there is room for another one.
    pub(super) fn rotate_if_due(&mut self, store: &Store) {
        let view = store.view.get();
        if view.active.samples() == 0 {
            return;
        }
        let newest_ms = store.newest_ms.load(Ordering::Relaxed);
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let newest_frozen_ms = *self.newest_frozen_ms.get_or_insert(newest_ms);
        let rotation = &store.options.rotation;
        // Forward progress counts, so that a backfill does not rotate with every batch. At half of what may be in memory
        // the generation is frozen: its flush has the other half to be done.
        let progress_ms = newest_ms.saturating_sub(newest_frozen_ms);
        let due = view.active.samples() >= samples_due(store, &view.active)
            || wal_bytes_of(store) >= wal_bytes_due(store, &view.active)
            || progress_ms >= store.options.min_block_ms / 2
            || begun.elapsed() >= rotation.age
            || store.budget.wants_flush(view.active.bytes() as u64);
        if due && view.frozen.len() < MAX_FROZEN {
            self.rotate(store);
        }
    }

    /// Freezes the active generation and begins the next one.
    pub(super) fn rotate(&mut self, store: &Store) {
        store.view.change(|view| {
            let id = view.active.id() + 1;
            let frozen = std::mem::replace(&mut view.active, Generation::new(id).into());
            view.frozen.push(frozen);
            view.epoch += 1;
            if let Some(wal) = &store.wal {
                wal.rotate(id);
            }
        });
        if let Some(frozen) = store.view.get().frozen.last() {
            self.admission.frozen(|| frozen.hashes());
        }
        self.begun = None;
        self.newest_frozen_ms = Some(store.newest_ms.load(Ordering::Relaxed));
        self.definitions.0.clear();
        store.signal.generation_frozen();
    }
}

fn samples_due(store: &Store, active: &Generation) -> u64 {
    let rotation = &store.options.rotation;
    rotation
        .samples
        .max(rotation.samples_per_series * u64::from(active.series_len()))
}

fn wal_bytes_due(store: &Store, active: &Generation) -> u64 {
    let rotation = &store.options.rotation;
    rotation
        .wal_bytes
        .max(rotation.wal_bytes_per_series * u64::from(active.series_len()))
}

/// Bytes of the log of the active generation.
fn wal_bytes_of(store: &Store) -> u64 {
    store.wal.as_ref().map_or(0, |wal| wal.generation_bytes())
}
