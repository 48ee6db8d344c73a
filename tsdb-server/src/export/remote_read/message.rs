//! Protobuf messages under construction, as Go's encoder writes them: fields that are zero are left out.

use tsdb_core::histogram::Side;
use tsdb_core::{FloatHistogram, Histogram, HistogramSample, Span};

/// A message; its bytes so far.
#[derive(Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    /// A varint as it stands alone or in a packed field.
    pub(super) fn raw(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    fn key(&mut self, number: u32, wire_type: u64) {
        self.raw(u64::from(number) << 3 | wire_type);
    }

    /// A varint even where it is zero, as in a `oneof`.
    fn varint_always(&mut self, number: u32, n: u64) {
        self.key(number, 0);
        self.raw(n);
    }

    pub(super) fn varint(&mut self, number: u32, n: u64) {
        if n != 0 {
            self.varint_always(number, n);
        }
    }

    /// An `int64` in two's complement.
    pub(super) fn int64(&mut self, number: u32, n: i64) {
        self.varint(number, n.cast_unsigned());
    }

    /// A `sint32` or `sint64`.
    fn sint(&mut self, number: u32, n: i64) {
        self.varint(number, zigzag(n));
    }

    fn double_always(&mut self, number: u32, value: f64) {
        self.key(number, 1);
        self.0.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    /// A double; -0 is not left out.
    pub(super) fn double(&mut self, number: u32, value: f64) {
        if value.to_bits() != 0 {
            self.double_always(number, value);
        }
    }

    /// What stands before a string, bytes or a message of that length.
    pub(super) fn begin_bytes(&mut self, number: u32, len: u64) {
        self.key(number, 2);
        self.raw(len);
    }

    /// A string, bytes or a message.
    pub(super) fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.begin_bytes(number, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Labels: name and value.
    pub(super) fn labels(&mut self, number: u32, labels: &[(&str, &str)]) {
        for (name, value) in labels {
            let mut label = Self::default();
            label.bytes(1, name.as_bytes());
            label.bytes(2, value.as_bytes());
            self.bytes(number, &label.0);
        }
    }

    fn doubles(&mut self, number: u32, values: &[f64]) {
        if !values.is_empty() {
            let bytes = values.iter().flat_map(|v| v.to_bits().to_le_bytes());
            self.bytes(number, &bytes.collect::<Vec<_>>());
        }
    }

    fn spans(&mut self, number: u32, spans: &[Span]) {
        for span in spans {
            let mut message = Self::default();
            message.sint(1, span.offset.into());
            message.varint(2, span.length.into());
            self.bytes(number, &message.0);
        }
    }

    fn deltas(&mut self, number: u32, deltas: &[i64]) {
        if !deltas.is_empty() {
            let mut packed = Self::default();
            deltas.iter().for_each(|delta| packed.raw(zigzag(*delta)));
            self.bytes(number, &packed.0);
        }
    }
}

fn zigzag(n: i64) -> u64 {
    (n << 1 ^ n >> 63).cast_unsigned()
}

/// The message of a native histogram, as remote write has it too.
pub(super) fn histogram(t_ms: i64, sample: &HistogramSample) -> Message {
    let mut message = Message::default();
    match sample {
        HistogramSample::Integer(h) => integers(&mut message, h),
        HistogramSample::Float(h) => floats(&mut message, h),
    }
    message.int64(15, t_ms);
    message
}

fn integers(message: &mut Message, h: &Histogram) {
    message.varint_always(1, h.count);
    message.double(3, h.sum);
    message.sint(4, h.schema.into());
    message.double(5, h.zero_threshold);
    message.varint_always(6, h.zero_count);
    let side = |message: &mut Message, number, side: &Side<i64>| {
        message.spans(number, &side.spans);
        message.deltas(number + 1, &side.buckets);
    };
    side(message, 8, &h.negative);
    side(message, 11, &h.positive);
    message.varint(14, h.counter_reset_hint as u64);
    message.doubles(16, &h.custom_values);
}

fn floats(message: &mut Message, h: &FloatHistogram) {
    message.double_always(2, h.count);
    message.double(3, h.sum);
    message.sint(4, h.schema.into());
    message.double(5, h.zero_threshold);
    message.double_always(7, h.zero_count);
    let side = |message: &mut Message, number, side: &Side<f64>| {
        message.spans(number, &side.spans);
        message.doubles(number + 2, &side.buckets);
    };
    side(message, 8, &h.negative);
    side(message, 11, &h.positive);
    message.varint(14, h.counter_reset_hint as u64);
    message.doubles(16, &h.custom_values);
}
