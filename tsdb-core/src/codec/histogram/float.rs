//! Samples of floats: each number against the one before it in its place, as in the chunk of floats.

use super::header::CounterResetHeader;
use super::layout::Layout;
use super::read::TRUNCATED;
use super::sample::{ChunkSample, common_to_samples, empty_side};
use super::stream::{Stream, WordStore};
use super::xor_value::XorWindow;
use crate::codec::bits::{BitReader, WordSource};
use crate::model::histogram::Side;
use crate::model::{FloatHistogram, Kind};

/// The windows of all numbers.
#[derive(Debug, Default)]
pub(crate) struct FloatState {
    count: XorWindow,
    zero_count: XorWindow,
    sum: XorWindow,
    positive: Vec<XorWindow>,
    negative: Vec<XorWindow>,
}

impl FloatState {
    fn with_buckets([positive, negative]: [usize; 2]) -> Self {
        Self {
            positive: vec![XorWindow::default(); positive],
            negative: vec![XorWindow::default(); negative],
            ..Self::default()
        }
    }
}

impl ChunkSample for FloatHistogram {
    type Count = f64;
    type State = FloatState;
    const BITS_A_BUCKET: u64 = 64;
    const KIND: Kind = Kind::FloatHistogram;

    fn write_first(&self, state: &mut Self::State, stream: &mut Stream<impl WordStore>) {
        for number in [self.count, self.zero_count, self.sum]
            .iter()
            .chain(&self.positive.buckets)
            .chain(&self.negative.buckets)
        {
            stream.put(number.to_bits(), 64);
        }
        *state = FloatState::with_buckets(self.buckets());
    }

    fn write_next(
        &self,
        before: &Self,
        state: &mut Self::State,
        stream: &mut Stream<impl WordStore>,
    ) {
        state.count.write(stream, before.count, self.count);
        let zero = (before.zero_count, self.zero_count);
        state.zero_count.write(stream, zero.0, zero.1);
        state.sum.write(stream, before.sum, self.sum);
        for (now, before, windows) in [
            (&self.positive, &before.positive, &mut state.positive),
            (&self.negative, &before.negative, &mut state.negative),
        ] {
            for ((&now, &before), window) in now.buckets.iter().zip(&before.buckets).zip(windows) {
                window.write(stream, before, now);
            }
        }
    }

    fn read_first<S: WordSource>(
        &mut self,
        state: &mut Self::State,
        bits: &mut BitReader<S>,
    ) -> Result<(), &'static str> {
        for number in [&mut self.count, &mut self.zero_count, &mut self.sum]
            .into_iter()
            .chain(&mut self.positive.buckets)
            .chain(&mut self.negative.buckets)
        {
            *number = f64::from_bits(bits.read(64).ok_or(TRUNCATED)?);
        }
        *state = FloatState::with_buckets(self.buckets());
        Ok(())
    }

    fn read_next<S: WordSource>(
        &mut self,
        state: &mut Self::State,
        bits: &mut BitReader<S>,
    ) -> Result<(), &'static str> {
        self.count = state.count.read(bits, self.count)?;
        self.zero_count = state.zero_count.read(bits, self.zero_count)?;
        self.sum = state.sum.read(bits, self.sum)?;
        if self.is_stale() {
            return Ok(());
        }
        for (side, windows) in [
            (&mut self.positive, &mut state.positive),
            (&mut self.negative, &mut state.negative),
        ] {
            for (bucket, window) in side.buckets.iter_mut().zip(windows) {
                *bucket = window.read(bits, *bucket)?;
            }
        }
        Ok(())
    }

    /// Only a reset is told; another schema leaves it open.
    fn header_of_cut(reason: CounterResetHeader) -> CounterResetHeader {
        match reason {
            CounterResetHeader::NotReset => CounterResetHeader::Unknown,
            reason => reason,
        }
    }

    /// What is not a reset is none.
    fn header_of_sequel(reason: CounterResetHeader) -> CounterResetHeader {
        match reason {
            CounterResetHeader::Unknown => CounterResetHeader::NotReset,
            reason => reason,
        }
    }

    fn counts(&self) -> [Side<f64>; 2] {
        [self.positive.clone(), self.negative.clone()]
    }

    fn set_counts(&mut self, counts: [Side<f64>; 2]) {
        [self.positive, self.negative] = counts;
    }

    common_to_samples!();
}
