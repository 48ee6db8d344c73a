//! A batch of writes: what one request brings, as columns in one arena.

use super::field::FieldValue;
use super::labels::{LabelError, Labels, LabelsBuilder, check_canonical};
use super::metadata::MetricMetadata;
use super::sample::{HistogramSample, Value};
use super::time::TimeUnit;

/// What happens to a sample that meets another value at its series' last timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictPolicy {
    /// Prometheus: another value is refused, the same bits are accepted silently.
    #[default]
    Refuse,
    /// InfluxDB: the later write wins.
    Replace,
}

/// One series of a batch: ranges into the batch's arena and columns.
#[derive(Clone, Copy, Debug)]
pub struct BatchSeries {
    pub(crate) labels_start: u32,
    pub(crate) labels_end: u32,
    pub(crate) samples_start: u32,
    pub(crate) samples_end: u32,
    pub(crate) histograms_start: u32,
    pub(crate) histograms_end: u32,
    pub(crate) fields_start: u32,
    pub(crate) fields_end: u32,
    /// Of all its times.
    pub(crate) unit: TimeUnit,
    /// How the series is known besides its labels.
    pub(crate) form: Form,
}

/// Hash of the encoded labels of a series, with a key that the process chose.
pub(crate) type FormKey = [u64; 2];

/// What is remembered of the bytes in which a sender encodes the labels of a series.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    pub(crate) key: FormKey,
    /// Length in bytes.
    pub(crate) len: u32,
}

/// How the series of an entry is known besides its labels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// By its labels alone.
    Labels,
    /// Its sender encodes the labels in this way.
    Encoded(Encoding),
    /// It is this series of the generation that the batch was made for; the entry has no labels.
    Known(u32),
}

/// A native histogram of a batch.
#[derive(Clone, Debug)]
pub struct BatchHistogram {
    /// Milliseconds since the Unix epoch, or ticks of what other unit its entry has.
    pub t_ms: i64,
    /// Its start time in milliseconds, 0 for none.
    pub start_ms: i64,
    /// The histogram.
    pub histogram: HistogramSample,
    /// Whether the store can keep it; found out while the batch is filled, since that takes a look at every bucket.
    pub(crate) storable: bool,
}

/// A value of InfluxDB of a batch.
#[derive(Clone, Debug)]
pub(crate) struct BatchField {
    /// In ticks of the entry's unit.
    pub(crate) tick: i64,
    pub(crate) value: FieldValue,
}

/// An exemplar of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchExemplar {
    /// Which entry it belongs to.
    pub(crate) entry: u32,
    pub(crate) t_ms: i64,
    pub(crate) value: f64,
    labels_start: u32,
    labels_end: u32,
}

/// Samples of many series, applied together: all of a batch is durable, visible and recovered, or nothing of it.
///
/// Label sets lie in canonical bytes in one arena, samples in columns; nothing is allocated a label or a float.
#[derive(Clone, Debug, Default)]
pub struct WriteBatch {
    arena: Vec<u8>,
    series: Vec<BatchSeries>,
    times_ms: Vec<i64>,
    values: Vec<f64>,
    /// Start times of the floats, 0 for none, up to the last float that has one.
    starts_ms: Vec<i64>,
    histograms: Vec<BatchHistogram>,
    fields: Vec<BatchField>,
    exemplars: Vec<BatchExemplar>,
    metadata: Vec<MetricMetadata>,
    /// Bytes of the texts of the metadata.
    metadata_bytes: usize,
    policy: ConflictPolicy,
}

impl WriteBatch {
    /// An empty batch with [`ConflictPolicy::Refuse`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with the given policy.
    #[must_use]
    pub fn with_policy(policy: ConflictPolicy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// The policy for conflicting values.
    #[must_use]
    pub fn policy(&self) -> ConflictPolicy {
        self.policy
    }

    /// Starts a series with labels in any order; its samples follow through the returned builder.
    ///
    /// # Errors
    /// [`LabelError`]; the batch is unchanged then.
    pub fn series<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Result<SeriesBuilder<'_>, LabelError> {
        let mut builder = LabelsBuilder::default();
        for (name, value) in labels {
            builder.set_unchecked(name.as_ref(), value.as_ref());
        }
        let labels = builder.build()?;
        self.series_labels(&labels)
    }

    /// Starts a series with a label set.
    ///
    /// # Errors
    /// [`LabelError::EmptySet`].
    pub fn series_labels(&mut self, labels: &Labels) -> Result<SeriesBuilder<'_>, LabelError> {
        self.start(labels.as_bytes(), Form::Labels)
    }

    /// Starts a series with canonical label bytes, as a decoder makes them.
    ///
    /// # Errors
    /// [`LabelError::NotCanonical`], [`LabelError::EmptySet`] or [`LabelError::TooLarge`].
    pub fn series_canonical(&mut self, bytes: &[u8]) -> Result<SeriesBuilder<'_>, LabelError> {
        check_canonical(bytes)?;
        self.start(bytes, Form::Labels)
    }

    /// As [`series_canonical`](Self::series_canonical); `encoding` is the sender's of the labels.
    pub(crate) fn series_encoded(
        &mut self,
        encoding: Encoding,
        bytes: &[u8],
    ) -> Result<SeriesBuilder<'_>, LabelError> {
        check_canonical(bytes)?;
        self.start(bytes, Form::Encoded(encoding))
    }

    /// Starts an entry for a series of the generation that the batch is made for.
    pub(crate) fn series_known(&mut self, series: u32) -> Result<SeriesBuilder<'_>, LabelError> {
        self.push(&[], Form::Known(series))
    }

    fn start(&mut self, canonical: &[u8], form: Form) -> Result<SeriesBuilder<'_>, LabelError> {
        if canonical.is_empty() {
            return Err(LabelError::EmptySet);
        }
        self.push(canonical, form)
    }

    #[inline]
    fn push(&mut self, canonical: &[u8], form: Form) -> Result<SeriesBuilder<'_>, LabelError> {
        let fits = |n: usize| u32::try_from(n).map_err(|_| LabelError::TooLarge { bytes: n });
        let labels_start = fits(self.arena.len())?;
        let labels_end = fits(self.arena.len() + canonical.len())?;
        let samples = fits(self.times_ms.len())?;
        let histograms = fits(self.histograms.len())?;
        let fields = fits(self.fields.len())?;
        self.arena.extend_from_slice(canonical);
        self.series.push(BatchSeries {
            labels_start,
            labels_end,
            samples_start: samples,
            samples_end: samples,
            histograms_start: histograms,
            histograms_end: histograms,
            fields_start: fields,
            fields_end: fields,
            unit: TimeUnit::Milliseconds,
            form,
        });
        Ok(SeriesBuilder { batch: self })
    }

    /// Adds metadata of a metric family.
    pub fn metadata(&mut self, metadata: MetricMetadata) -> &mut Self {
        self.metadata_bytes += metadata.text_len();
        self.metadata.push(metadata);
        self
    }

    /// The metadata of the batch.
    #[must_use]
    pub fn metadata_entries(&self) -> &[MetricMetadata] {
        &self.metadata
    }

    /// Number of series entries; the same label set may stand more than once.
    #[must_use]
    pub fn series_len(&self) -> usize {
        self.series.len()
    }

    /// Bytes of text: of the labels of all entries and exemplars, and of the metadata.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.arena.len() + self.metadata_bytes
    }

    /// Number of samples.
    #[must_use]
    pub fn samples_len(&self) -> usize {
        self.times_ms.len() + self.histograms.len() + self.fields.len()
    }

    /// Whether there is neither a series nor metadata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.metadata.is_empty()
    }

    /// Empties the batch and keeps its memory and policy.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.series.clear();
        self.times_ms.clear();
        self.values.clear();
        self.starts_ms.clear();
        self.histograms.clear();
        self.fields.clear();
        self.exemplars.clear();
        self.metadata.clear();
        self.metadata_bytes = 0;
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.capacity()
            + self.series.capacity() * size_of::<BatchSeries>()
            + (self.times_ms.capacity() + self.values.capacity() + self.starts_ms.capacity()) * 8
            + self.histograms.capacity() * size_of::<BatchHistogram>()
            + self.fields.capacity() * size_of::<BatchField>()
            + self.exemplars.capacity() * size_of::<BatchExemplar>()
    }

    /// The series entries, in the order they were added.
    #[must_use]
    pub fn entries(&self) -> &[BatchSeries] {
        &self.series
    }

    /// Canonical label bytes of an entry of this batch.
    #[must_use]
    pub fn labels_of(&self, series: &BatchSeries) -> &[u8] {
        &self.arena[series.labels_start as usize..series.labels_end as usize]
    }

    /// Times (in the entry's unit, mostly milliseconds) and values of the floats of an entry of this batch, in the order they
    /// were added.
    #[must_use]
    pub fn samples_of(&self, series: &BatchSeries) -> (&[i64], &[f64]) {
        let range = series.samples_start as usize..series.samples_end as usize;
        (&self.times_ms[range.clone()], &self.values[range])
    }

    /// Start times (milliseconds, 0 for none) of the floats of an entry of this batch; what is left out at the end is none.
    #[must_use]
    pub fn starts_of(&self, series: &BatchSeries) -> &[i64] {
        let end = self.starts_ms.len().min(series.samples_end as usize);
        let range = series.samples_start as usize..end;
        self.starts_ms.get(range).unwrap_or_default()
    }

    /// The native histograms of an entry of this batch, in the order they were added. They are applied after its floats.
    #[must_use]
    pub fn histograms_of(&self, series: &BatchSeries) -> &[BatchHistogram] {
        &self.histograms[series.histograms_start as usize..series.histograms_end as usize]
    }

    /// The values of InfluxDB of an entry of this batch, in the order they were added. They are applied after its
    /// histograms.
    pub(crate) fn fields_of(&self, series: &BatchSeries) -> &[BatchField] {
        &self.fields[series.fields_start as usize..series.fields_end as usize]
    }

    /// Number of exemplars.
    #[must_use]
    pub fn exemplars_len(&self) -> usize {
        self.exemplars.len()
    }

    /// The exemplars of all entries, with their labels in canonical bytes, in the order they were added.
    pub(crate) fn exemplars(&self) -> impl Iterator<Item = (&BatchExemplar, &[u8])> {
        self.exemplars.iter().map(|exemplar| {
            let labels = exemplar.labels_start as usize..exemplar.labels_end as usize;
            (exemplar, &self.arena[labels])
        })
    }

    /// The oldest time of an entry of this batch, in its unit.
    pub(crate) fn oldest_of(&self, series: &BatchSeries) -> Option<i64> {
        let floats = self.samples_of(series).0.iter().copied();
        let histograms = self.histograms_of(series).iter().map(|h| h.t_ms);
        let fields = self.fields_of(series).iter().map(|field| field.tick);
        floats.chain(histograms).chain(fields).min()
    }
}

/// Adds samples to the series that was started last.
#[derive(Debug)]
pub struct SeriesBuilder<'a> {
    batch: &'a mut WriteBatch,
}

impl SeriesBuilder<'_> {
    /// Says in which unit all times of this entry are; without it they are milliseconds.
    ///
    /// A series has the unit it is first written in, as long as the store has samples of it. A sample that comes in another
    /// unit is kept at the same moment, if that unit of the series has a tick for it; else it is refused
    /// ([`RejectReason::NoSuchTick`](crate::RejectReason::NoSuchTick)): it would be moved, and could take the place of another.
    pub fn unit(&mut self, unit: TimeUnit) -> &mut Self {
        if let Some(series) = self.batch.series.last_mut() {
            series.unit = unit;
        }
        self
    }

    /// Adds a float sample at `t_ms` milliseconds since the Unix epoch, or ticks of what [`unit`](Self::unit) says.
    pub fn sample(&mut self, t_ms: i64, value: f64) -> &mut Self {
        self.batch.times_ms.push(t_ms);
        self.batch.values.push(value);
        // `start` checked that the count before fits; 2^32 samples would be 64 GiB of columns.
        let end = u32::try_from(self.batch.times_ms.len()).unwrap_or(u32::MAX);
        if let Some(series) = self.batch.series.last_mut() {
            series.samples_end = end;
        }
        self
    }

    /// As [`sample`](Self::sample); it has counted since `start_ms` milliseconds since the Unix epoch, 0 for not known.
    pub fn sample_since(&mut self, start_ms: i64, t_ms: i64, value: f64) -> &mut Self {
        if start_ms != 0 {
            self.batch.starts_ms.resize(self.batch.times_ms.len(), 0);
            self.batch.starts_ms.push(start_ms);
        }
        self.sample(t_ms, value)
    }

    /// Adds a sample of any kind. Of the samples of an entry floats are applied first, then histograms, then the others,
    /// each in the order they were added.
    ///
    /// A string of more than [`MAX_STRING_BYTES`](super::MAX_STRING_BYTES) is refused when the batch is written.
    pub fn value(&mut self, t_ms: i64, value: Value<'_>) -> &mut Self {
        match value {
            Value::Float(value) => self.sample(t_ms, value),
            Value::Histogram(histogram) => self.histogram(t_ms, histogram.clone()),
            Value::FloatHistogram(histogram) => self.histogram(t_ms, histogram.clone()),
            Value::Integer(integer) => self.field(t_ms, FieldValue::Integer(integer)),
            Value::Boolean(boolean) => self.field(t_ms, FieldValue::Boolean(boolean)),
            Value::String(text) => self.field(t_ms, FieldValue::string(text)),
        }
    }

    fn field(&mut self, tick: i64, value: FieldValue) -> &mut Self {
        self.batch.fields.push(BatchField { tick, value });
        // As above.
        let end = u32::try_from(self.batch.fields.len()).unwrap_or(u32::MAX);
        if let Some(series) = self.batch.series.last_mut() {
            series.fields_end = end;
        }
        self
    }

    /// Adds an exemplar, observed at `t_ms` milliseconds since the Unix epoch; its labels are in canonical bytes, and may be
    /// none. One that is older than the last of its series, or whose labels have more than 128 characters, is left out when
    /// the batch is written, and nothing is said of it: exemplars are examples.
    ///
    /// # Errors
    /// [`LabelError::NotCanonical`] or [`LabelError::TooLarge`].
    pub fn exemplar(
        &mut self,
        t_ms: i64,
        value: f64,
        labels: &[u8],
    ) -> Result<&mut Self, LabelError> {
        check_canonical(labels)?;
        let batch = &mut *self.batch;
        let fits = |n: usize| u32::try_from(n).map_err(|_| LabelError::TooLarge { bytes: n });
        let labels_start = fits(batch.arena.len())?;
        let labels_end = fits(batch.arena.len() + labels.len())?;
        batch.arena.extend_from_slice(labels);
        batch.exemplars.push(BatchExemplar {
            entry: fits(batch.series.len().saturating_sub(1))?,
            t_ms,
            value,
            labels_start,
            labels_end,
        });
        Ok(self)
    }

    /// Adds a native histogram. One that is not [valid](HistogramSample::validate), or so large that it would take more
    /// than 60 KiB, is refused when the batch is written.
    pub fn histogram(&mut self, t_ms: i64, histogram: impl Into<HistogramSample>) -> &mut Self {
        self.histogram_since(0, t_ms, histogram)
    }

    /// As [`histogram`](Self::histogram); it has counted since `start_ms` milliseconds since the Unix epoch, 0 for not known.
    pub fn histogram_since(
        &mut self,
        start_ms: i64,
        t_ms: i64,
        histogram: impl Into<HistogramSample>,
    ) -> &mut Self {
        let histogram = histogram.into();
        self.batch.histograms.push(BatchHistogram {
            t_ms,
            start_ms,
            storable: histogram.is_storable(),
            histogram,
        });
        // As above.
        let end = u32::try_from(self.batch.histograms.len()).unwrap_or(u32::MAX);
        if let Some(series) = self.batch.series.last_mut() {
            series.histograms_end = end;
        }
        self
    }
}
