//! Writing chunks.

use std::fmt;

use super::fit::{Fit, fit, union, with_spans};
use super::header::{CounterResetHeader, header};
use super::read::Decoder;
use super::sample::{ChunkSample, is_consistent};
use super::stream::{Stream, WordStore, Words};
use crate::codec::EncodeError;
use crate::model::histogram::Side;
use crate::model::{CounterResetHint, Span};

/// Bits at which a chunk takes no more samples, so that their number stays within 32 bits.
const MAX_BITS: u32 = 1 << 30;

/// Most buckets of a histogram in a chunk: they take at most 73 bits each.
const MAX_BUCKETS: usize = 1 << 24;

/// A histogram that no chunk can hold: its spans and buckets disagree, or they are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unstorable;

impl fmt::Display for Unstorable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("histogram does not fit into a chunk")
    }
}

impl std::error::Error for Unstorable {}

impl From<Unstorable> for EncodeError {
    fn from(_: Unstorable) -> Self {
        Self {
            what: "histogram does not fit into a chunk",
        }
    }
}

/// Where a histogram went.
#[derive(Debug)]
#[must_use]
pub(crate) enum Appended<A> {
    /// To the chunk, behind what was there.
    Here,
    /// To the chunk, whose samples were all written anew with more buckets, into new words.
    Recoded,
    /// To a chunk of its own, because it does not fit here; this chunk is complete.
    NewChunk(A),
}

/// The writer of a chunk.
#[derive(Debug)]
pub(crate) struct HistogramAppender<H: ChunkSample, W = Words> {
    stream: Stream<W>,
    counter_reset: CounterResetHeader,
    samples: u16,
    t_ms: i64,
    delta: i64,
    state: H::State,
    /// The sample appended last, with the buckets of the chunk.
    last: H,
}

/// What is to be done so that a histogram fits behind the last.
enum Decision<H> {
    /// Write it.
    Append,
    /// Write it with more buckets.
    AppendInstead(H),
    /// Write it, with more buckets or as it is, after the chunk got those spans above and below zero.
    RecodeFor(H),
    /// It begins a new chunk, and this is what is known of a reset.
    Cut(CounterResetHeader),
}

impl<H: ChunkSample, W: WordStore> HistogramAppender<H, W> {
    /// Begins a chunk with a histogram. `before` is the appender of the chunk that this one follows, when that was ended for
    /// another reason than this histogram.
    ///
    /// # Errors
    /// [`Unstorable`]
    pub(crate) fn begin(before: Option<&Self>, t_ms: i64, first: &H) -> Result<Self, Unstorable> {
        check(first)?;
        let counter_reset = match (first.hint(), before) {
            (CounterResetHint::Gauge, _) => CounterResetHeader::Gauge,
            (CounterResetHint::Reset, _) => CounterResetHeader::Reset,
            (_, None) => CounterResetHeader::Unknown,
            (_, Some(before)) => H::header_of_sequel(match before.decide_for_counter(first) {
                Decision::Cut(reason) => reason,
                _ => CounterResetHeader::NotReset,
            }),
        };
        Ok(Self::with_first(counter_reset, t_ms, first))
    }

    fn with_first(counter_reset: CounterResetHeader, t_ms: i64, first: &H) -> Self {
        let mut appender = Self {
            stream: Stream::default(),
            counter_reset,
            samples: 0,
            t_ms: 0,
            delta: 0,
            state: H::State::default(),
            last: H::default(),
        };
        appender.write(t_ms, first);
        appender
    }

    /// Appends a histogram, after those before it in time.
    ///
    /// # Errors
    /// [`Unstorable`]; the chunk is unchanged then.
    pub(crate) fn append(&mut self, t_ms: i64, next: &H) -> Result<Appended<Self>, Unstorable> {
        check(next)?;
        if self.samples == u16::MAX || self.stream.bits() > MAX_BITS {
            return Self::begin(Some(self), t_ms, next).map(Appended::NewChunk);
        }
        let decision = match next.hint() {
            CounterResetHint::Gauge => self.decide_for_gauge(next),
            _ => self.decide_for_counter(next),
        };
        match decision {
            Decision::Append => self.write(t_ms, next),
            Decision::AppendInstead(next) => self.write(t_ms, &next),
            Decision::RecodeFor(next) => {
                *self = self.recoded(next.spans());
                self.write(t_ms, &next);
                return Ok(Appended::Recoded);
            }
            Decision::Cut(reason) => {
                let new = Self::with_first(H::header_of_cut(reason), t_ms, next);
                return Ok(Appended::NewChunk(new));
            }
        }
        Ok(Appended::Here)
    }

    /// In a chunk of counters none may fall.
    fn decide_for_counter(&self, next: &H) -> Decision<H> {
        if self.counter_reset == CounterResetHeader::Gauge {
            return Decision::Cut(CounterResetHeader::NotReset);
        }
        if next.hint() == CounterResetHint::Reset {
            return Decision::Cut(CounterResetHeader::Reset);
        }
        if next.is_stale() {
            return Decision::Append;
        }
        // Behind a marker only markers can stand.
        if self.last.is_stale() {
            return Decision::Cut(CounterResetHeader::Unknown);
        }
        let (count_fell, zero_count_fell) = next.count_fell(&self.last);
        if count_fell {
            return Decision::Cut(CounterResetHeader::Reset);
        }
        if !next.same_scale(&self.last) {
            return Decision::Cut(CounterResetHeader::Unknown);
        }
        if !next.same_bounds(&self.last) || zero_count_fell {
            return Decision::Cut(CounterResetHeader::Reset);
        }
        let ([a, b], [c, d]) = (self.last.counts(), next.counts());
        let (Some(above), Some(below)) = (fit(&a, &c, true), fit(&b, &d, true)) else {
            return Decision::Cut(CounterResetHeader::Reset);
        };
        let chunk_grows = above.chunk_grows || below.chunk_grows;
        let histogram_grows = above.histogram_grows || below.histogram_grows;
        match (chunk_grows, histogram_grows) {
            (false, false) => Decision::Append,
            (true, false) => Decision::RecodeFor(next.clone()),
            (false, true) => Decision::AppendInstead(relaid(next, self.last.spans())),
            (true, true) => {
                // The spans of a side that has all buckets stay as they are.
                let spans = |fit: Fit, last: &_, next: &Side<_>| {
                    if fit.histogram_grows {
                        union(last, next)
                    } else {
                        next.spans.clone()
                    }
                };
                let (above, below) = (spans(above, &a, &c), spans(below, &b, &d));
                Decision::RecodeFor(relaid(next, [&above, &below]))
            }
        }
    }

    /// Gauges go up and down, buckets come and go.
    fn decide_for_gauge(&self, next: &H) -> Decision<H> {
        const CUT: CounterResetHeader = CounterResetHeader::Gauge;
        if self.counter_reset != CounterResetHeader::Gauge {
            return Decision::Cut(CUT);
        }
        if next.is_stale() {
            return Decision::Append;
        }
        if self.last.is_stale() || !next.same_scale(&self.last) || !next.same_bounds(&self.last) {
            return Decision::Cut(CUT);
        }
        let ([a, b], [c, d]) = (self.last.counts(), next.counts());
        let (Some(above), Some(below)) = (fit(&a, &c, false), fit(&b, &d, false)) else {
            return Decision::Cut(CUT);
        };
        let chunk_grows = above.chunk_grows || below.chunk_grows;
        let next = if above.histogram_grows || below.histogram_grows {
            let spans = [union(&a, &c), union(&b, &d)];
            Some(relaid(next, [&spans[0], &spans[1]]))
        } else {
            chunk_grows.then(|| next.clone())
        };
        match next {
            None => Decision::Append,
            Some(next) if chunk_grows => Decision::RecodeFor(next),
            Some(next) => Decision::AppendInstead(next),
        }
    }

    /// The same chunk with these spans.
    fn recoded(&self, spans: [&[Span]; 2]) -> Self {
        let mut recoded: Option<Self> = None;
        for sample in self.decoder() {
            let Ok((t_ms, sample)) = sample else {
                debug_assert!(false, "a chunk just written decodes");
                break;
            };
            let sample = relaid(&sample, spans);
            match &mut recoded {
                None => recoded = Some(Self::with_first(self.counter_reset, t_ms, &sample)),
                Some(recoded) => recoded.write(t_ms, &sample),
            }
        }
        // There is a first sample since the chunk was begun.
        recoded.unwrap_or_else(|| {
            Self::with_first(self.counter_reset, self.t_ms, &relaid(&self.last, spans))
        })
    }

    fn write(&mut self, t_ms: i64, next: &H) {
        let marker;
        let next = if next.is_stale() {
            marker = H::stale();
            &marker
        } else {
            next
        };
        if self.samples == 0 {
            next.layout().write(&mut self.stream);
            self.stream.put_int(t_ms);
            next.write_first(&mut self.state, &mut self.stream);
        } else {
            let delta = t_ms.wrapping_sub(self.t_ms);
            self.stream.put_int(delta.wrapping_sub(self.delta));
            self.delta = delta;
            next.write_next(&self.last, &mut self.state, &mut self.stream);
        }
        self.stream.flush();
        self.t_ms = t_ms;
        self.samples += 1;
        self.last.copy_from(next);
    }

    fn decoder(&self) -> Decoder<H, W::Source<'_>> {
        Decoder::over(self.stream.reader(), self.samples, self.counter_reset)
    }

    /// The samples appended, as a reader of the chunk sees them.
    #[cfg(test)]
    pub(crate) fn iter(
        &self,
    ) -> impl Iterator<Item = Result<(i64, H), crate::codec::DecodeError>> + use<'_, H, W> {
        self.decoder()
    }

    /// Number of samples appended; at least one.
    pub(crate) fn samples(&self) -> u16 {
        self.samples
    }

    /// The sample appended last; its spans are those of the chunk.
    pub(crate) fn last(&self) -> (i64, &H) {
        (self.t_ms, &self.last)
    }

    /// What is known of a reset before the chunk.
    #[cfg(test)]
    pub(crate) fn counter_reset(&self) -> CounterResetHeader {
        self.counter_reset
    }

    /// Number of bytes of the chunk in Prometheus's form.
    pub(crate) fn bytes_len(&self) -> usize {
        self.stream.bytes_len()
    }

    /// The chunk in Prometheus's form.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.stream
            .to_bytes(header(self.samples, self.counter_reset))
    }
}

fn check<H: ChunkSample>(h: &H) -> Result<(), Unstorable> {
    let [positive, negative] = h.buckets();
    if h.is_stale() || is_consistent(h) && positive.saturating_add(negative) <= MAX_BUCKETS {
        Ok(())
    } else {
        Err(Unstorable)
    }
}

/// The histogram with the buckets of these spans, a superset of its own.
fn relaid<H: ChunkSample>(h: &H, [above, below]: [&[Span]; 2]) -> H {
    let [positive, negative] = h.counts();
    let mut relaid = h.clone();
    relaid.set_counts([with_spans(&positive, above), with_spans(&negative, below)]);
    relaid
}
