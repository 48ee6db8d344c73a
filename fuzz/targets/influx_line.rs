//! Any bytes as a body of line protocol: an answer for every line, and no point with a time outside InfluxDB's range.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_influx::line::{Dialect, Point, lines};
use tsdb_influx::{MAX_TIME_NS, MIN_TIME_NS, Precision};

fuzz_target!(|body: &[u8]| {
    let mut bytes = 0;
    for line in lines(body) {
        bytes += line.len();
        for (precision, unsigned) in [(Precision::Nanoseconds, false), (Precision::Hours, true)] {
            let dialect = Dialect {
                precision,
                unsigned,
            };
            if let Ok(point) = Point::parse(line, dialect) {
                assert!(!point.fields.is_empty());
                assert!(
                    point
                        .t_ns
                        .is_none_or(|t| (MIN_TIME_NS..=MAX_TIME_NS).contains(&t))
                );
            }
        }
    }
    assert!(bytes <= body.len());
});
