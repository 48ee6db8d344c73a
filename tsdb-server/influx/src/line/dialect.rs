//! What a request says about its lines.

use super::precision::Precision;

/// How the lines of a request are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// The unit of timestamps.
    pub precision: Precision,
    /// Whether `1u` is an integer, as in InfluxDB 2, where Telegraf's output sends such; InfluxDB 1 refuses it. Of the
    /// values beyond 63 bits there is none.
    pub unsigned: bool,
}

/// The dialect of InfluxDB 1.
impl From<Precision> for Dialect {
    fn from(precision: Precision) -> Self {
        Self {
            precision,
            unsigned: false,
        }
    }
}
