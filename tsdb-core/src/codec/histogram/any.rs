//! Chunks of integers and of floats behind one name.

use super::append::{Appended, HistogramAppender, Unstorable};
use super::read::Decoder;
use super::sample::ChunkSample;
use crate::codec::DecodeError;
use crate::model::{Columns, FloatHistogram, Histogram, HistogramSample, Kind, TimeRange};

/// The writer of a chunk of either kind.
#[derive(Debug)]
pub(crate) enum ChunkAppender {
    /// Of integers.
    Integer(Box<HistogramAppender<Histogram>>),
    /// Of floats.
    Float(Box<HistogramAppender<FloatHistogram>>),
}

impl ChunkAppender {
    /// Begins a chunk with a histogram. `before` is the appender of the chunk that this one follows.
    ///
    /// # Errors
    /// [`Unstorable`]
    pub(crate) fn begin(
        before: Option<&Self>,
        t_ms: i64,
        first: &HistogramSample,
    ) -> Result<Self, Unstorable> {
        Ok(match (first, before) {
            (HistogramSample::Integer(first), Some(Self::Integer(before))) => {
                HistogramAppender::begin(Some(before), t_ms, &**first)?.into()
            }
            (HistogramSample::Integer(first), _) => {
                HistogramAppender::begin(None, t_ms, &**first)?.into()
            }
            (HistogramSample::Float(first), Some(Self::Float(before))) => {
                HistogramAppender::begin(Some(before), t_ms, &**first)?.into()
            }
            (HistogramSample::Float(first), _) => {
                HistogramAppender::begin(None, t_ms, &**first)?.into()
            }
        })
    }

    /// Appends a histogram, after those before it in time; gives the chunk that it begins if it does not fit here. This
    /// chunk is complete then.
    ///
    /// # Errors
    /// [`Unstorable`]; the chunk is unchanged then.
    pub(crate) fn append(
        &mut self,
        t_ms: i64,
        next: &HistogramSample,
    ) -> Result<Option<Self>, Unstorable> {
        Ok(match (self, next) {
            (Self::Integer(chunk), HistogramSample::Integer(next)) => {
                chunk.append(t_ms, next)?.new_chunk().map(Self::from)
            }
            (Self::Float(chunk), HistogramSample::Float(next)) => {
                chunk.append(t_ms, next)?.new_chunk().map(Self::from)
            }
            (_, next) => Some(Self::begin(None, t_ms, next)?),
        })
    }

    /// What counts it holds.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Integer(_) => Histogram::KIND,
            Self::Float(_) => FloatHistogram::KIND,
        }
    }

    /// Number of samples appended; at least one.
    pub(crate) fn samples(&self) -> u16 {
        match self {
            Self::Integer(chunk) => chunk.samples(),
            Self::Float(chunk) => chunk.samples(),
        }
    }

    /// Number of bytes of the chunk in Prometheus's form.
    pub(crate) fn bytes_len(&self) -> usize {
        match self {
            Self::Integer(chunk) => chunk.bytes_len(),
            Self::Float(chunk) => chunk.bytes_len(),
        }
    }

    /// The chunk in Prometheus's form.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Integer(chunk) => chunk.to_bytes(),
            Self::Float(chunk) => chunk.to_bytes(),
        }
    }

    /// Estimate of the memory held, in bytes: the chunk, its last sample, and a word for each bucket to write against.
    pub(crate) fn memory_bytes(&self) -> usize {
        let last = match self {
            Self::Integer(chunk) => size_of_val(&**chunk) + 2 * chunk.last().1.size_bytes(),
            Self::Float(chunk) => size_of_val(&**chunk) + 2 * chunk.last().1.size_bytes(),
        };
        self.bytes_len() + last
    }
}

impl From<HistogramAppender<Histogram>> for ChunkAppender {
    fn from(chunk: HistogramAppender<Histogram>) -> Self {
        Self::Integer(Box::new(chunk))
    }
}

impl From<HistogramAppender<FloatHistogram>> for ChunkAppender {
    fn from(chunk: HistogramAppender<FloatHistogram>) -> Self {
        Self::Float(Box::new(chunk))
    }
}

impl<A> Appended<A> {
    fn new_chunk(self) -> Option<A> {
        match self {
            Self::Here | Self::Recoded => None,
            Self::NewChunk(chunk) => Some(chunk),
        }
    }
}

/// Appends the samples of a chunk inside `range` to `out`; ends at the first behind it, since times rise. After an error
/// `out` holds those before the damage.
pub(crate) fn take_range<H: ChunkSample>(
    chunk: &[u8],
    range: TimeRange,
    out: &mut Columns,
) -> Result<(), DecodeError>
where
    HistogramSample: From<H>,
{
    let mut samples = Decoder::<H, _>::new(chunk)?;
    let mut histogram = H::default();
    while let Some(t_ms) = samples.next_into(&mut histogram) {
        let t_ms = t_ms?;
        if t_ms > range.end_ms {
            break;
        }
        if t_ms >= range.start_ms {
            out.push_histogram(t_ms, std::mem::take(&mut histogram).into());
        }
    }
    Ok(())
}

/// The last sample of a chunk.
pub(crate) fn last_sample<H: ChunkSample>(
    chunk: &[u8],
) -> Result<Option<(i64, HistogramSample)>, DecodeError>
where
    HistogramSample: From<H>,
{
    let mut samples = Decoder::<H, _>::new(chunk)?;
    let mut histogram = H::default();
    let mut last_ms = None;
    while let Some(t_ms) = samples.next_into(&mut histogram) {
        last_ms = Some(t_ms?);
    }
    Ok(last_ms.map(|t_ms| (t_ms, histogram.into())))
}
