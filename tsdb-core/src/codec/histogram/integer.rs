//! Samples of integers: numbers against their trend.
//!
//! Count, zero count and each bucket (which is itself a difference to the bucket before) are written as the difference of their
//! difference to the sample before, the sum as a float against the one before it.

use super::header::CounterResetHeader;
use super::layout::Layout;
use super::read::TRUNCATED;
use super::sample::{ChunkSample, common_to_samples, empty_side};
use super::stream::{Stream, WordStore};
use super::xor_value::XorWindow;
use crate::codec::bits::{BitReader, WordSource};
use crate::codec::varbit::{read_int, read_uint};
use crate::model::histogram::{Side, absolute_counts, differences};
use crate::model::{Histogram, Kind};

/// By how much each number rose last.
#[derive(Debug, Default)]
pub(crate) struct IntegerState {
    count: i64,
    zero_count: i64,
    sum: XorWindow,
    positive: Vec<i64>,
    negative: Vec<i64>,
}

impl IntegerState {
    fn with_buckets([positive, negative]: [usize; 2]) -> Self {
        Self {
            positive: vec![0; positive],
            negative: vec![0; negative],
            ..Self::default()
        }
    }
}

impl ChunkSample for Histogram {
    type Count = i64;
    type State = IntegerState;
    const BITS_A_BUCKET: u64 = 1;
    const KIND: Kind = Kind::Histogram;

    fn write_first(&self, state: &mut Self::State, stream: &mut Stream<impl WordStore>) {
        stream.put_uint(self.count);
        stream.put_uint(self.zero_count);
        stream.put(self.sum.to_bits(), 64);
        for &bucket in self.positive.buckets.iter().chain(&self.negative.buckets) {
            stream.put_int(bucket);
        }
        *state = IntegerState::with_buckets(self.buckets());
    }

    fn write_next(
        &self,
        before: &Self,
        state: &mut Self::State,
        stream: &mut Stream<impl WordStore>,
    ) {
        for (now, before, rise) in [
            (self.count, before.count, &mut state.count),
            (self.zero_count, before.zero_count, &mut state.zero_count),
        ] {
            let change = change_of_rise(now.cast_signed(), before.cast_signed(), rise);
            // The marker says nothing of them.
            stream.put_int(if self.is_stale() { 0 } else { change });
        }
        state.sum.write(stream, before.sum, self.sum);
        for (now, before, rises) in [
            (&self.positive, &before.positive, &mut state.positive),
            (&self.negative, &before.negative, &mut state.negative),
        ] {
            for ((&now, &before), rise) in now.buckets.iter().zip(&before.buckets).zip(rises) {
                stream.put_int(change_of_rise(now, before, rise));
            }
        }
    }

    fn read_first<S: WordSource>(
        &mut self,
        state: &mut Self::State,
        bits: &mut BitReader<S>,
    ) -> Result<(), &'static str> {
        self.count = read_uint(bits).ok_or(TRUNCATED)?;
        self.zero_count = read_uint(bits).ok_or(TRUNCATED)?;
        self.sum = f64::from_bits(bits.read(64).ok_or(TRUNCATED)?);
        for bucket in self
            .positive
            .buckets
            .iter_mut()
            .chain(&mut self.negative.buckets)
        {
            *bucket = read_int(bits).ok_or(TRUNCATED)?;
        }
        *state = IntegerState::with_buckets(self.buckets());
        Ok(())
    }

    fn read_next<S: WordSource>(
        &mut self,
        state: &mut Self::State,
        bits: &mut BitReader<S>,
    ) -> Result<(), &'static str> {
        for (number, rise) in [
            (&mut self.count, &mut state.count),
            (&mut self.zero_count, &mut state.zero_count),
        ] {
            *rise = rise.wrapping_add(read_int(bits).ok_or(TRUNCATED)?);
            *number = number.wrapping_add_signed(*rise);
        }
        self.sum = state.sum.read(bits, self.sum)?;
        if self.is_stale() {
            return Ok(());
        }
        for (side, rises) in [
            (&mut self.positive, &mut state.positive),
            (&mut self.negative, &mut state.negative),
        ] {
            for (bucket, rise) in side.buckets.iter_mut().zip(rises) {
                *rise = rise.wrapping_add(read_int(bits).ok_or(TRUNCATED)?);
                *bucket = bucket.wrapping_add(*rise);
            }
        }
        Ok(())
    }

    fn header_of_cut(reason: CounterResetHeader) -> CounterResetHeader {
        reason
    }

    fn header_of_sequel(reason: CounterResetHeader) -> CounterResetHeader {
        reason
    }

    fn counts(&self) -> [Side<i64>; 2] {
        [&self.positive, &self.negative].map(|side| Side {
            spans: side.spans.clone(),
            buckets: absolute_counts(&side.buckets).collect(),
        })
    }

    fn set_counts(&mut self, counts: [Side<i64>; 2]) {
        [self.positive, self.negative] = counts.map(|side| Side {
            spans: side.spans,
            buckets: differences(side.buckets),
        });
    }

    common_to_samples!();
}

/// By how much the rise to `now` differs from the one before, which it replaces.
fn change_of_rise(now: i64, before: i64, rise: &mut i64) -> i64 {
    let rose = now.wrapping_sub(before);
    let change = rose.wrapping_sub(*rise);
    *rise = rose;
    change
}
