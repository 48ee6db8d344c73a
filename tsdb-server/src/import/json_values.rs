//! The values of a line of JSON that says of which kind they are.

use serde::Deserialize;
use serde::de::{Error as _, MapAccess};
use tsdb_core::histogram::Side;
use tsdb_core::{
    CounterResetHint, FloatHistogram, Histogram, HistogramSample, SeriesBuilder, Span, Value,
};

use super::json_lines::Text;
use super::json_number::{Column, Number};
use crate::json_kind::JsonKind;

/// The values of a line.
#[derive(Debug)]
pub(super) enum Values<'a> {
    Floats(Vec<Number>),
    Integers(Vec<i64>),
    Booleans(Vec<bool>),
    Strings(Vec<Text<'a>>),
    Histograms(Vec<HistogramSample>),
}

impl Default for Values<'_> {
    fn default() -> Self {
        Self::Floats(Vec::new())
    }
}

impl<'a> Values<'a> {
    /// Reads the next value of the map as values of this kind.
    ///
    /// # Errors
    /// When they are none.
    pub(super) fn read<'de: 'a, A: MapAccess<'de>>(
        kind: JsonKind,
        map: &mut A,
    ) -> Result<Self, A::Error> {
        Ok(match kind {
            JsonKind::Float => Self::Floats(map.next_value::<Column<Number>>()?.0),
            JsonKind::Integer => Self::Integers(map.next_value::<Column<i64>>()?.0),
            JsonKind::Boolean => Self::Booleans(map.next_value::<Column<bool>>()?.0),
            JsonKind::String => Self::Strings(map.next_value::<Column<Text<'de>>>()?.0),
            JsonKind::Histogram => histograms::<JsonHistogram<u64, i64>, _>(map)?,
            JsonKind::FloatHistogram => histograms::<JsonHistogram<Number, Number>, _>(map)?,
        })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Booleans(values) => values.len(),
            Self::Strings(values) => values.len(),
            Self::Histograms(values) => values.len(),
        }
    }

    /// Bytes of the values from `start` on, `len` of them, about.
    pub(super) fn bytes(&self, start: usize, len: usize) -> usize {
        let beside: usize = match self {
            Self::Strings(texts) => texts.iter().skip(start).take(len).map(|t| t.0.len()).sum(),
            Self::Histograms(all) => {
                let some = all.iter().skip(start).take(len);
                some.map(HistogramSample::size_bytes).sum()
            }
            _ => 0,
        };
        16 * len + beside
    }

    /// Adds the values from `start` on, one for each time.
    pub(super) fn push_to(&self, series: &mut SeriesBuilder<'_>, start: usize, ticks: &[i64]) {
        for (at, &tick) in (start..).zip(ticks) {
            match self {
                Self::Floats(values) => {
                    if let Some(Number(value)) = values.get(at) {
                        series.sample(tick, *value);
                    }
                }
                Self::Histograms(values) => {
                    if let Some(value) = values.get(at) {
                        series.histogram(tick, value.clone());
                    }
                }
                Self::Integers(values) => {
                    value(series, tick, values.get(at), |n| Value::Integer(*n))
                }
                Self::Booleans(values) => {
                    value(series, tick, values.get(at), |b| Value::Boolean(*b))
                }
                Self::Strings(values) => {
                    value(series, tick, values.get(at), |t| Value::String(&t.0))
                }
            }
        }
    }
}

/// Valid native histograms.
fn histograms<'de, T, A>(map: &mut A) -> Result<Values<'de>, A::Error>
where
    T: Deserialize<'de> + Into<HistogramSample>,
    A: MapAccess<'de>,
{
    let read = map.next_value::<Column<T>>()?.0.into_iter();
    let samples = read.map(|read| {
        let sample: HistogramSample = read.into();
        sample.validate().map_err(A::Error::custom)?;
        Ok(sample)
    });
    Ok(Values::Histograms(samples.collect::<Result<_, _>>()?))
}

fn value<'a, T>(
    series: &mut SeriesBuilder<'_>,
    tick: i64,
    found: Option<&'a T>,
    of: impl Fn(&'a T) -> Value<'a>,
) {
    if let Some(found) = found {
        series.value(tick, of(found));
    }
}

/// A native histogram with counts `C` and buckets `B`.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(deserialize = "C: Deserialize<'de>, B: Deserialize<'de>")
)]
struct JsonHistogram<C, B> {
    hint: u8,
    schema: i32,
    zero_threshold: Number,
    zero_count: C,
    count: C,
    sum: Number,
    positive: Buckets<B>,
    negative: Buckets<B>,
    custom_values: Column<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "B: Deserialize<'de>"))]
struct Buckets<B> {
    spans: Column<(i32, u32)>,
    buckets: Column<B>,
}

impl<B> Buckets<B> {
    fn side<T>(self, of: impl Fn(B) -> T) -> Side<T> {
        let spans = self.spans.0.into_iter();
        Side {
            spans: spans
                .map(|(offset, length)| Span { offset, length })
                .collect(),
            buckets: self.buckets.0.into_iter().map(of).collect(),
        }
    }
}

impl From<JsonHistogram<u64, i64>> for HistogramSample {
    fn from(read: JsonHistogram<u64, i64>) -> Self {
        Self::from(Histogram {
            counter_reset_hint: CounterResetHint::from_u8(read.hint),
            schema: read.schema,
            zero_threshold: read.zero_threshold.0,
            zero_count: read.zero_count,
            count: read.count,
            sum: read.sum.0,
            positive: read.positive.side(|delta| delta),
            negative: read.negative.side(|delta| delta),
            custom_values: floats(read.custom_values).into(),
        })
    }
}

impl From<JsonHistogram<Number, Number>> for HistogramSample {
    fn from(read: JsonHistogram<Number, Number>) -> Self {
        Self::from(FloatHistogram {
            counter_reset_hint: CounterResetHint::from_u8(read.hint),
            schema: read.schema,
            zero_threshold: read.zero_threshold.0,
            zero_count: read.zero_count.0,
            count: read.count.0,
            sum: read.sum.0,
            positive: read.positive.side(|count| count.0),
            negative: read.negative.side(|count| count.0),
            custom_values: floats(read.custom_values).into(),
        })
    }
}

fn floats(column: Column<Number>) -> Vec<f64> {
    column.0.into_iter().map(|number| number.0).collect()
}
