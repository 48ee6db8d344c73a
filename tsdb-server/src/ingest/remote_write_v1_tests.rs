//! The decoder against a plain encoder, and against anything.

use std::borrow::Cow;

use axum::http::StatusCode;
use proptest::prelude::*;
use tsdb_core::{Db, Labels, Options, STALE_NAN_BITS, TimeRange};

use super::*;
use crate::ingest::wire::{Message, Series, encode, owned};

/// A store that takes samples of any time.
fn store() -> Db {
    Db::in_memory(Options::new().retention(None).future_limit(None)).unwrap()
}

fn contents(writer: &Writer) -> Vec<(Labels, Vec<(i64, u64)>)> {
    let of = |(canonical, times, values): (Cow<'_, [u8]>, &[i64], &[f64])| {
        let labels = Labels::from_canonical(&canonical).unwrap();
        (
            labels,
            times
                .iter()
                .copied()
                .zip(values.iter().map(|v| v.to_bits()))
                .collect(),
        )
    };
    writer.entries().map(of).collect()
}

fn arb_series() -> impl Strategy<Value = Series> {
    let labels = proptest::collection::btree_map("[a-z]{1,4}", ".{0,6}", 0..5);
    let samples =
        proptest::collection::vec((any::<i64>(), any::<u64>().prop_map(f64::from_bits)), 1..5);
    (labels, samples, any::<u64>()).prop_map(|(labels, samples, seed)| {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.push(("__name__".to_owned(), "m".to_owned()));
        let at = (seed as usize) % labels.len();
        labels.rotate_left(at);
        (labels, samples)
    })
}

proptest! {
    #[test]
    fn decodes_what_the_encoder_wrote(
        series in proptest::collection::vec(arb_series(), 0..6),
        metadata in proptest::collection::vec((0u32..8, "[a-z]{1,8}", ".{0,20}"), 0..4),
    ) {
        let mut writer = store().writer();
        let left_out = decode(&encode(&series, &metadata), RequestLimits::default(), &mut writer, &mut Replicas::default()).unwrap();
        prop_assert_eq!(left_out, LeftOut::default());
        let expected: Vec<_> = series
            .iter()
            .map(|(labels, samples)| {
                let bits: Vec<_> = samples.iter().map(|(t, v)| (*t, v.to_bits())).collect();
                (Labels::from_pairs(labels.iter().map(|(n, v)| (n, v))).unwrap(), bits)
            })
            .collect();
        prop_assert_eq!(contents(&writer), expected.clone());
        // The same again, recognised in part or as a whole, and in another order.
        let db = store();
        for round in 0..5 {
            let (mut series, mut expected) = (series.clone(), expected.clone());
            if round == 3 {
                series.reverse();
                expected.reverse();
            }
            let mut writer = db.writer();
            decode(&encode(&series, &[]), RequestLimits::default(), &mut writer, &mut Replicas::default()).unwrap();
            prop_assert_eq!(contents(&writer), expected);
            if !writer.is_empty() {
                let _ = writer.submit().unwrap();
            }
        }
        let decoded: Vec<_> = writer
            .metadata_entries()
            .iter()
            .map(|m| (m.kind as u32, m.metric.clone(), m.help.clone()))
            .collect();
        prop_assert_eq!(decoded, metadata);
    }

    /// Requests of more series than are looked up together, in other orders, some with new series, some with labels behind the sample.
    #[test]
    fn series_are_the_same_in_any_order(
        orders in prop::collection::vec((Just((0..300).collect::<Vec<u16>>()).prop_shuffle(), 1usize..3, 1u16..300), 1..4),
    ) {
        let db = store();
        for (t_ms, (order, scrapes, first)) in (1i64..).zip(orders) {
            let (mut request, mut expected) = (Message::default(), Vec::new());
            for _ in 0..scrapes {
                for &n in order.iter().filter(|&&n| n >= first) {
                    let name = Message::default().bytes(1, b"__name__").bytes(2, format!("m{n}").as_bytes());
                    let job = Message::default().bytes(1, b"job").bytes(2, b"a");
                    let sample = Message::default().double(1, f64::from(n)).varint(2, t_ms.cast_unsigned());
                    let series = Message::default().bytes(1, &name.0);
                    let series = match n % 10 {
                        0 => series.bytes(2, &sample.0).bytes(1, &job.0),
                        1 => series.bytes(2, &sample.0),
                        _ => series.bytes(1, &job.0).bytes(2, &sample.0),
                    };
                    request = request.bytes(1, &series.0);
                    let job = if n % 10 == 1 { "" } else { "a" };
                    let labels = Labels::from_pairs([("__name__", format!("m{n}").as_str()), ("job", job)]).unwrap();
                    expected.push((labels, vec![(t_ms, f64::from(n).to_bits())]));
                }
            }
            for _ in 0..2 {
                let mut writer = db.writer();
                decode(&request.0, RequestLimits::default(), &mut writer, &mut Replicas::default()).unwrap();
                prop_assert_eq!(contents(&writer), expected.clone());
                let _ = writer.submit().unwrap();
            }
        }
    }

    #[test]
    fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes, RequestLimits::default(), &mut store().writer(), &mut Replicas::default());
    }

    #[test]
    fn a_damaged_request_is_an_answer(
        series in proptest::collection::vec(arb_series(), 1..4),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = encode(&series, &[]);
        let len = bytes.len();
        bytes[at.index(len)] = byte;
        bytes.truncate(cut.index(len) + 1);
        let _ = decode(&bytes, RequestLimits::default(), &mut store().writer(), &mut Replicas::default());
    }
}

#[test]
fn series_that_are_not_valid_are_left_out_and_the_others_kept() {
    let good = (owned(&[("__name__", "up"), ("job", "a")]), vec![(1, 1.0)]);
    for (bad, reason) in [
        (owned(&[("job", "a")]), "no metric name"),
        (owned(&[("__name__", "")]), "no metric name"),
        (owned(&[("__name__", "up"), ("", "x")]), "name is empty"),
        (
            owned(&[("__name__", "up"), ("a", "1"), ("a", "1")]),
            "stands twice",
        ),
        (
            owned(&[("__name__", "up"), ("a", "1"), ("a", "2")]),
            "stands twice",
        ),
    ] {
        let mut writer = store().writer();
        let request = encode(&[good.clone(), (bad, vec![(1, 1.0)]), good.clone()], &[]);
        let left_out = decode(
            &request,
            RequestLimits::default(),
            &mut writer,
            &mut Replicas::default(),
        )
        .unwrap();
        assert_eq!((left_out.series, writer.entries().count()), (1, 2));
        assert!(
            left_out.first.as_deref().unwrap().contains(reason),
            "{left_out:?}"
        );
    }
}

#[test]
fn labels_that_are_not_utf8_are_left_out() {
    let label = Message::default().bytes(1, b"__name__").bytes(2, b"\xff");
    let series = Message::default().bytes(1, &label.0);
    let mut writer = store().writer();
    let left_out = decode(
        &Message::default().bytes(1, &series.0).0,
        RequestLimits::default(),
        &mut writer,
        &mut Replicas::default(),
    )
    .unwrap();
    assert_eq!((left_out.series, writer.entries().count()), (1, 0));
}

fn histogram(count: u64, t_ms: u64) -> Vec<u8> {
    // One observation in the zero bucket.
    let message = Message::default().varint(1, count).double(3, 0.5);
    // Version 1 has no start times: another field that is not known.
    message.varint(6, 1).varint(15, t_ms).varint(17, 1).0
}

#[test]
fn histograms_are_taken_and_those_that_are_not_valid_left_out() {
    let label = Message::default().bytes(1, b"__name__").bytes(2, b"h");
    let sample = Message::default().double(1, 2.0).varint(2, 5).varint(3, 1);
    let series = Message::default()
        .bytes(1, &label.0)
        .bytes(2, &sample.0)
        .bytes(4, &histogram(1, 6))
        .bytes(4, &histogram(2, 7))
        .bytes(4, &histogram(1, 8))
        .bytes(3, b"");
    let request = Message::default().bytes(1, &series.0).0;
    let db = store();
    for known in [false, true] {
        let mut writer = db.writer();
        let left_out = decode(
            &request,
            RequestLimits::default(),
            &mut writer,
            &mut Replicas::default(),
        )
        .unwrap();
        assert_eq!((left_out.samples, writer.samples_len()), (1, 3), "{known}");
        assert_eq!(
            left_out.first.unwrap(),
            "1 observations found in buckets, but the Count field is 2: histogram's observation count should equal the \
             number of observations found in the buckets (in absence of NaN): series {__name__=\"h\"}"
        );
        let times: Vec<i64> = writer
            .histograms()
            .flat_map(|(_, histograms)| histograms.iter().map(|h| h.t_ms))
            .collect();
        assert_eq!(times, [6, 8]);
        let report = writer.submit().unwrap().wait().unwrap();
        assert_eq!((report.accepted, report.accepted_histograms), (3, 2));
    }
    let series = db.querier(TimeRange::ALL).unwrap().select(&[]).unwrap();
    let samples = series[0].samples().unwrap();
    assert_eq!(samples.len(), 3);
    assert!(samples.iter().all(|sample| sample.start_ms.is_none()));
    let limits = RequestLimits {
        histogram_bytes: 300,
        ..RequestLimits::default()
    };
    let refused = decode(
        &request,
        limits,
        &mut store().writer(),
        &mut Replicas::default(),
    )
    .unwrap_err();
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn staleness_markers_keep_their_bits() {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let mut writer = store().writer();
    decode(
        &encode(&[(owned(&[("__name__", "up")]), vec![(1, stale)])], &[]),
        RequestLimits::default(),
        &mut writer,
        &mut Replicas::default(),
    )
    .unwrap();
    assert_eq!(contents(&writer)[0].1, [(1, STALE_NAN_BITS)]);
}

#[test]
fn counts_are_bounded() {
    let limits = RequestLimits {
        series: 2,
        samples: 3,
        metadata: 1,
        ..RequestLimits::default()
    };
    let status = |series: &[Series], metadata: &[(u32, String, String)]| {
        decode(
            &encode(series, metadata),
            limits,
            &mut store().writer(),
            &mut Replicas::default(),
        )
        .err()
        .map(|e| e.status)
    };
    let one = (owned(&[("__name__", "up")]), vec![(1, 1.0)]);
    let four = (owned(&[("__name__", "up")]), vec![(1, 1.0); 4]);
    let meta = (1, "up".to_owned(), String::new());
    assert_eq!(
        status(&[one.clone(), one.clone()], std::slice::from_ref(&meta)),
        None
    );
    assert_eq!(
        status(&[one.clone(), one.clone(), one], &[]),
        Some(StatusCode::PAYLOAD_TOO_LARGE)
    );
    assert_eq!(status(&[four], &[]), Some(StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!(
        status(&[], &[meta.clone(), meta]),
        Some(StatusCode::PAYLOAD_TOO_LARGE)
    );
}
