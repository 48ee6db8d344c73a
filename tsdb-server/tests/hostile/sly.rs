//! Requests that are right, or nearly, and cost more than they look: each is small, or of a legal size, and aims at what grows
//! with something else than its size.

use super::case::Right::{Costly, Either, Refused};
use super::case::{Case, gzip, http};
use super::common::compress;
use super::common::http::encoded;
use super::common::wire::{Message, encode, owned};
use super::server::now_ms;

const WRITE: &str = "POST /api/v1/write";
const IMPORT: &str = "POST /api/v1/import/prometheus";

/// A request with these parameters.
pub(crate) fn form(target: &str, pairs: &[(&str, &str)]) -> Vec<u8> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let target = format!("POST {target}");
    http(&target, &headers, encoded(pairs).as_bytes())
}

/// One series with these samples.
fn series(name: &str, samples: Vec<(i64, f64)>) -> Vec<u8> {
    let request = encode(&[(owned(&[("__name__", name)]), samples)], &[]);
    http(WRITE, &[], &compress(&request))
}

/// Native histograms of one series, with a bucket at each of two ends that lie as far apart as can be said.
fn far_buckets() -> Vec<u8> {
    let zigzag = |n: i64| (n << 1 ^ n >> 63).cast_unsigned();
    let name = Message::default()
        .bytes(1, b"__name__")
        .bytes(2, b"sly_far");
    let mut series = Message::default().bytes(1, &name.0);
    for i in 0..200_i64 {
        let near = Message::default()
            .varint(1, zigzag(-(1 << 30)))
            .varint(2, 1);
        let far = Message::default()
            .varint(1, zigzag((1 << 31) - 1))
            .varint(2, 1);
        let histogram = Message::default()
            .varint(1, 2)
            .double(3, 1.0)
            .varint(4, zigzag(8 - i % 12))
            .bytes(11, &near.0)
            .bytes(11, &far.0)
            .bytes(12, &[2, 0])
            .varint(15, (now_ms() - 1000 * i).cast_unsigned());
        series = series.bytes(4, &histogram.0);
    }
    let request = Message::default().bytes(1, &series.0);
    http(WRITE, &[], &compress(&request.0))
}

pub(crate) fn cases() -> Vec<Case> {
    let case =
        |name: &str, right, make: fn() -> Vec<u8>| Case::new(format!("sly: {name}"), right, make);
    vec![
        case("gzip members of nothing, a million", Either, || {
            let body = gzip(b"").repeat(1_000_000);
            http(IMPORT, &[("content-encoding", "gzip")], &body)
        }),
        case("zstd frames to be skipped, two million", Either, || {
            let body = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0].repeat(2_000_000);
            http(IMPORT, &[("content-encoding", "zstd")], &body)
        }),
        case(
            "comments alone, 200 MiB of them in gzip",
            Refused(400),
            || {
                let body = gzip(&b"# nothing\n".repeat(20 << 20));
                http(IMPORT, &[("content-encoding", "gzip")], &body)
            },
        )
        .heavy(),
        case("help of a new metric in each line", Either, || {
            let lines = (0..300_000).map(|i| format!("# HELP sly_{i} {}\n", "h".repeat(60)));
            http(IMPORT, &[], lines.collect::<String>().as_bytes())
        })
        .heavy(),
        case("a series in every chunk of one byte", Either, || {
            let head = format!(
                "{IMPORT} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            );
            let text = "sly_byte 1\n".repeat(30_000);
            let chunks = text
                .bytes()
                .map(|byte| [b"1\r\n", &[byte][..], b"\r\n"].concat());
            let chunks: Vec<u8> = chunks.flatten().collect();
            [head.as_bytes(), &chunks, b"0\r\n\r\n"].concat()
        }),
        case("samples from the newest to the oldest", Either, || {
            let end = now_ms();
            series(
                "sly_falling",
                (0..1_000_000).map(|i| (end - i, 1.0)).collect(),
            )
        })
        .heavy(),
        case("samples by turns a week ago and now", Either, || {
            let end = now_ms();
            let times = (0..400_000).map(|i| end - 2 * i - (i % 2) * 7 * 86_400_000);
            series("sly_turns", times.map(|t_ms| (t_ms, 0.1)).collect())
        })
        .heavy(),
        case(
            "one series half a million times in a request",
            Either,
            || {
                let one = encode(
                    &[(owned(&[("__name__", "sly_same")]), vec![(now_ms(), 1.0)])],
                    &[],
                );
                http(WRITE, &[], &compress(&one.repeat(500_000)))
            },
        )
        .heavy(),
        case(
            "histograms whose buckets lie two billion apart",
            Either,
            far_buckets,
        ),
        case("the sum and quantile of such histograms", Costly, || {
            let query = "histogram_quantile(0.5, sum(rate(sly_far[5m]))) + histogram_count(sly_far + sly_far)";
            form("/api/v1/query", &[("query", query)])
        }),
        case("a look back of a century at every step", Costly, || {
            let end = now_ms() / 1000;
            let (start, end) = ((end - 10_000).to_string(), end.to_string());
            let pairs = [
                ("query", "count({__name__=~\".+\"})"),
                ("lookback_delta", "100y"),
                ("start", &start),
                ("end", &end),
                ("step", "1"),
            ];
            form("/api/v1/query_range", &pairs)
        }),
        case("statistics of every step of every node", Costly, || {
            let end = now_ms() / 1000;
            let (start, end) = ((end - 10_000).to_string(), end.to_string());
            let query = vec!["metric_01"; 1_000].join("+");
            let pairs = [
                ("query", query.as_str()),
                ("stats", "all"),
                ("explain", "true"),
                ("start", &start),
                ("end", &end),
                ("step", "1"),
            ];
            form("/api/v1/query_range", &pairs)
        })
        .heavy(),
        case(
            "a timeout of a billionth, of 1e308 and of NaN",
            Costly,
            || {
                let pairs = [
                    ("query", "up"),
                    ("timeout", "1e-9"),
                    ("timeout", "1e308"),
                    ("timeout", "NaN"),
                ];
                form("/api/v1/query", &pairs)
            },
        ),
        case("a limit beyond 2^64", Refused(400), || {
            let pairs = [
                ("match[]", "{__name__=~\".+\"}"),
                ("limit", "18446744073709551616"),
            ];
            form("/api/v1/series", &pairs)
        }),
        case("everything a thousand times in one look-up", Costly, || {
            let all = [("match[]", "{__name__=~\".+\"}")].repeat(1_000);
            form("/api/v1/series", &all)
        })
        .heavy(),
        case("everything a thousand times in one export", Costly, || {
            let all = [("match[]", "{__name__=~\".+\"}")].repeat(1_000);
            form("/api/v1/export", &all)
        })
        .heavy(),
        case(
            "everything in a thousand ways in one export",
            Costly,
            || {
                let ways = (0..1_000).map(|i| format!("{{__name__=~\".+|{i}\"}}"));
                let ways: Vec<String> = ways.collect();
                let pairs: Vec<_> = ways.iter().map(|way| ("match[]", way.as_str())).collect();
                form("/api/v1/export", &pairs)
            },
        )
        .heavy(),
        case("values of a label with a name of 30 KiB", Either, || {
            let target = format!("GET /api/v1/label/{}/values", "n".repeat(30 << 10));
            http(&target, &[], &[])
        }),
    ]
}
