//! The first three bytes of a chunk: number of samples and what is known of a counter reset.

use crate::model::CounterResetHint;

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 3;

/// What is known of a counter reset before the first sample of a chunk: the two top bits of the third byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CounterResetHeader {
    /// Nothing.
    #[default]
    Unknown = 0b0000_0000,
    /// There was none.
    NotReset = 0b0100_0000,
    /// There was one, for which the chunk was begun.
    Reset = 0b1000_0000,
    /// The chunk holds gauges.
    Gauge = 0b1100_0000,
}

impl CounterResetHeader {
    /// The hint of a sample of a chunk with this header. That of the first is never a reset or none: whether the chunk before
    /// is still the one it was compared with, nobody knows.
    pub(super) fn hint(self, is_first: bool) -> CounterResetHint {
        match self {
            Self::Gauge => CounterResetHint::Gauge,
            _ if is_first => CounterResetHint::Unknown,
            _ => CounterResetHint::NotReset,
        }
    }
}

#[expect(clippy::big_endian_bytes, reason = "the header is Prometheus's")]
pub(super) fn header(samples: u16, counter_reset: CounterResetHeader) -> [u8; HEADER_BYTES] {
    let [high, low] = samples.to_be_bytes();
    [high, low, counter_reset as u8]
}

/// Inverse of [`header`]; the six bits without a meaning are ignored.
#[expect(clippy::big_endian_bytes, reason = "the header is Prometheus's")]
pub(super) fn parse_header([high, low, flags]: [u8; HEADER_BYTES]) -> (u16, CounterResetHeader) {
    let counter_reset = match flags >> 6 {
        0b00 => CounterResetHeader::Unknown,
        0b01 => CounterResetHeader::NotReset,
        0b10 => CounterResetHeader::Reset,
        _ => CounterResetHeader::Gauge,
    };
    (u16::from_be_bytes([high, low]), counter_reset)
}
