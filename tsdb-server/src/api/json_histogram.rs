//! Native histograms in JSON, byte for byte as Prometheus writes them.

use tsdb_core::FloatHistogram;
use tsdb_core::histogram::Bucket;

use super::json::{timestamp, value};

/// A point of a series: `[time, {"count": …, "sum": …, "buckets": [[boundaries, lower, upper, count], …]}]`. Empty buckets
/// are left out, and so is the list if all are.
pub(crate) fn point(out: &mut Vec<u8>, t_ms: i64, histogram: &FloatHistogram) {
    out.push(b'[');
    timestamp(out, t_ms);
    out.extend_from_slice(b",{\"count\":");
    value(out, histogram.count);
    out.extend_from_slice(b",\"sum\":");
    value(out, histogram.sum);
    let populated = histogram.all_buckets().filter(|bucket| bucket.count != 0.0);
    let mut any = false;
    for bucket in populated {
        out.extend_from_slice(if any { b"," } else { b",\"buckets\":[" });
        any = true;
        write_bucket(out, &bucket);
    }
    if any {
        out.push(b']');
    }
    out.extend_from_slice(b"}]");
}

fn write_bucket(out: &mut Vec<u8>, bucket: &Bucket<f64>) {
    out.extend([b'[', b'0' + bucket.boundary_rule()]);
    for v in [bucket.lower, bucket.upper, bucket.count] {
        out.push(b',');
        value(out, v);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use tsdb_core::Span;
    use tsdb_core::histogram::{CUSTOM_BUCKETS_SCHEMA, Side};

    use super::*;

    fn side(offset: i32, buckets: &[f64]) -> Side<f64> {
        let length = u32::try_from(buckets.len()).unwrap();
        Side {
            spans: vec![Span { offset, length }],
            buckets: buckets.to_vec(),
        }
    }

    fn text(t_ms: i64, histogram: &FloatHistogram) -> String {
        let mut out = Vec::new();
        point(&mut out, t_ms, histogram);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn buckets_rise_from_below_zero_and_empty_ones_are_left_out() {
        let histogram = FloatHistogram {
            count: 13.5,
            sum: -0.25,
            zero_threshold: 0.001,
            zero_count: 4.0,
            positive: side(1, &[2.0, 0.0, 1.5]),
            negative: side(0, &[3.0, 3.0]),
            ..FloatHistogram::default()
        };
        assert_eq!(
            text(1_500, &histogram),
            r#"[1.500,{"count":"13.5","sum":"-0.25","buckets":[[1,"-2","-1","3"],[1,"-1","-0.5","3"],[3,"-0.001","0.001","4"],[0,"1","2","2"],[0,"4","8","1.5"]]}]"#
        );
    }

    #[test]
    fn custom_buckets_reach_from_infinity_to_infinity() {
        let histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 3.0,
            sum: f64::INFINITY,
            positive: side(0, &[1.0, 0.0, 2.0]),
            custom_values: [0.5, 2.5].into(),
            ..FloatHistogram::default()
        };
        assert_eq!(
            text(0, &histogram),
            r#"[0,{"count":"3","sum":"+Inf","buckets":[[3,"-Inf","0.5","1"],[0,"2.5","+Inf","2"]]}]"#
        );
    }

    #[test]
    fn without_observations_there_is_no_list() {
        let histogram = FloatHistogram {
            sum: f64::NAN,
            positive: side(0, &[0.0]),
            ..FloatHistogram::default()
        };
        assert_eq!(text(7, &histogram), r#"[0.007,{"count":"0","sum":"NaN"}]"#);
    }
}
