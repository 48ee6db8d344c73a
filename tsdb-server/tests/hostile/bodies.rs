//! Other bodies of writes: OTLP, Datadog, imports of text and JSON, remote read; compressed ones among them.

use super::case::Right::{Accepted, Costly, Either, Refused};
use super::case::{Case, Right, deflate, gzip, gzip_bomb, http, noise, zstd, zstd_bomb};
use super::common::compress;
use super::common::remote_read::{HEADERS, Query, REGEX, SAMPLES, STREAMED_XOR_CHUNKS, request};
use super::common::wire::Message;
use super::server::now_ms;

const MIB: usize = 1 << 20;
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

type Body = fn() -> Vec<u8>;

fn post(
    kind: &str,
    name: &str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    right: Right,
    body: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Case {
    Case::new(format!("{kind}: {name}"), right, move || {
        http(&format!("POST {target}"), headers, &body())
    })
}

fn otlp(name: &str, right: Right, body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Case {
    post(
        "OTLP",
        name,
        "/api/v1/otlp/v1/metrics",
        &[PROTOBUF],
        right,
        body,
    )
}

fn otlp_json(name: &str, right: Right, body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Case {
    post("OTLP JSON", name, "/v1/metrics", &[JSON], right, body)
}

pub(crate) fn cases() -> Vec<Case> {
    [
        otlp_cases(),
        otlp_points(),
        json_cases(),
        datadog(),
        bombs(),
        text(),
        json_lines(),
        remote_read(),
    ]
    .concat()
}

/// One metric in a scope of a resource; `data` is a message of the kind.
fn metric(kind: u32, data: &Message) -> Vec<u8> {
    let metric = Message::default().bytes(1, b"m").bytes(kind, &data.0);
    let scope = Message::default().bytes(2, &metric.0);
    Message::default()
        .bytes(1, &Message::default().bytes(2, &scope.0).0)
        .0
}

fn point() -> Message {
    Message::default().fixed64(3, now_ms().cast_unsigned() * 1_000_000)
}

fn otlp_cases() -> Vec<Case> {
    let inside = |depth: usize, n: usize| {
        move || {
            let field = if depth == 0 { [0x0a, 0] } else { [0x12, 0] };
            let innermost = field.repeat(n);
            match depth {
                0 => innermost,
                1 => Message::default().bytes(1, &innermost).0,
                _ => {
                    Message::default()
                        .bytes(1, &Message::default().bytes(2, &innermost).0)
                        .0
                }
            }
        }
    };
    vec![
        otlp("nothing", Accepted, Vec::new),
        otlp("noise", Refused(400), || noise(3, 10_000)),
        otlp(
            "empty resources, 31 MiB",
            Refused(413),
            inside(0, 31 * MIB / 2),
        )
        .heavy(),
        otlp(
            "empty scopes, 31 MiB",
            Refused(413),
            inside(1, 31 * MIB / 2),
        )
        .heavy(),
        otlp(
            "empty metrics, 31 MiB",
            Refused(413),
            inside(2, 31 * MIB / 2),
        )
        .heavy(),
        otlp("empty data points, 31 MiB", Refused(413), || {
            metric(5, &Message([0x0a, 0].repeat(31 * MIB / 2)))
        })
        .heavy(),
        otlp(
            "data points without a metric's kind, 31 MiB",
            Either,
            || metric(4, &Message([0x0a, 0].repeat(31 * MIB / 2))),
        )
        .heavy(),
        otlp("attributes nested ten thousand deep", Either, || {
            let value = (0..10_000).fold(Message::default().bytes(1, b"x").0, |inner, _| {
                let array = Message::default().bytes(1, &inner);
                Message::default().bytes(5, &array.0).0
            });
            let attribute = Message::default().bytes(1, b"a").bytes(2, &value);
            metric(
                5,
                &Message::default().bytes(1, &point().double(4, 1.0).bytes(7, &attribute.0).0),
            )
        }),
        otlp("two thousand attributes", Refused(0), || {
            let attributes = (0..2_000).fold(point().double(4, 1.0), |point, i| {
                let text = Message::default().bytes(1, b"v");
                let attribute = Message::default()
                    .bytes(1, format!("a{i}").as_bytes())
                    .bytes(2, &text.0);
                point.bytes(7, &attribute.0)
            });
            metric(5, &Message::default().bytes(1, &attributes.0))
        }),
        otlp("lengths beyond the end", Refused(400), || {
            vec![0x0a, 0xff, 0xff, 0xff, 0x7f]
        }),
        post(
            "OTLP",
            "unknown type",
            "/v1/metrics",
            &[("content-type", "text/html")],
            Refused(415),
            Vec::new,
        ),
        post(
            "OTLP",
            "unknown encoding",
            "/v1/metrics",
            &[PROTOBUF, ("content-encoding", "br")],
            Refused(415),
            Vec::new,
        ),
    ]
}

fn otlp_points() -> Vec<Case> {
    let point_case = |name: &'static str, kind: u32, right, make: fn() -> Message| {
        otlp(name, right, move || {
            metric(kind, &Message::default().bytes(1, &make().0).varint(2, 2))
        })
    };
    vec![
        point_case("a million buckets", 9, Refused(400), || {
            point().bytes(6, &vec![0; 8 * MIB])
        }),
        point_case("buckets without bounds", 9, Either, || {
            point().bytes(6, &[0; 800])
        }),
        point_case("bounds that fall", 9, Either, || {
            let bounds: Vec<u8> = [3.0f64, 2.0, f64::NAN]
                .iter()
                .flat_map(|b| b.to_le_bytes())
                .collect();
            point().bytes(7, &bounds).bytes(6, &[0; 32])
        }),
        point_case("counts that overflow", 9, Either, || {
            point()
                .fixed64(4, u64::MAX)
                .bytes(6, &[0xff; 24])
                .bytes(7, &[0; 16])
        }),
        point_case(
            "60 KB of attributes in sixteen thousand buckets",
            9,
            Refused(413),
            || {
                let value = Message::default().bytes(1, &[b'x'; 60_000]);
                let attribute = Message::default().bytes(1, b"a").bytes(2, &value.0);
                let bounds = (0..16_000).flat_map(|bound| f64::from(bound).to_le_bytes());
                point()
                    .bytes(9, &attribute.0)
                    .bytes(6, &[0; 8 * 16_001])
                    .bytes(7, &bounds.collect::<Vec<u8>>())
            },
        )
        .heavy(),
        point_case("scale of the least", 10, Either, || {
            point().varint(6, u64::from(u32::MAX))
        }),
        point_case("scale of the most", 10, Either, || {
            point().varint(6, u64::from(u32::MAX - 1))
        }),
        point_case("offsets of the most", 10, Either, || {
            let buckets = Message::default()
                .varint(1, u64::from(u32::MAX - 1))
                .bytes(2, &[1; 100]);
            point()
                .varint(6, 0)
                .bytes(8, &buckets.0)
                .bytes(9, &buckets.0)
        }),
        point_case("sixteen thousand buckets of two sides", 10, Either, || {
            let buckets = Message::default().bytes(2, &[1; 16_000]);
            point()
                .varint(6, 0)
                .bytes(8, &buckets.0)
                .bytes(9, &buckets.0)
        }),
        point_case("the latest time", 5, Either, || {
            Message::default().fixed64(3, u64::MAX).double(4, 1.0)
        }),
        point_case("no number", 5, Either, || point().double(4, f64::NAN)),
        point_case("exemplars of all kinds, 2000", 7, Refused(400), || {
            (0..2_000).fold(point().double(4, 1.0), |point, _| point.bytes(5, &[]))
        }),
        point_case("sixteen thousand quantiles", 11, Either, || {
            (0..16_000).fold(point(), |point, _| point.bytes(6, &[]))
        }),
    ]
}

fn json_cases() -> Vec<Case> {
    let nested = |open: &'static str, middle: &'static str, close: &'static str, n: usize| {
        move || {
            [
                open.repeat(n).as_bytes(),
                middle.as_bytes(),
                close.repeat(n).as_bytes(),
            ]
            .concat()
        }
    };
    let attribute = |value: String| {
        format!(
            r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"a","value":{value}}}]}},"scopeMetrics":[]}}]}}"#
        )
        .into_bytes()
    };
    vec![
        otlp_json(
            "lists in lists, a hundred thousand",
            Refused(400),
            nested("[", "", "]", 100_000),
        ),
        otlp_json(
            "objects in objects, a hundred thousand",
            Either,
            nested("{\"a\":", "1", "}", 100_000),
        ),
        otlp_json("an unknown key with lists in lists", Either, || {
            [
                b"{\"x\":".to_vec(),
                b"[".repeat(100_000),
                b"]".repeat(100_000),
                b"}".to_vec(),
            ]
            .concat()
        }),
        otlp_json("attribute of lists in lists", Either, move || {
            attribute(
                [
                    r#"{"arrayValue":{"values":["#.repeat(3_000),
                    r#"{"stringValue":"x"}"#.to_owned(),
                    "]}}".repeat(3_000),
                ]
                .concat(),
            )
        }),
        otlp_json("attribute of a list of a million", Either, move || {
            attribute(format!(
                r#"{{"arrayValue":{{"values":[{}{{}}]}}}}"#,
                "{},".repeat(1_000_000)
            ))
        })
        .heavy(),
        otlp_json("empty resources, 30 MB", Refused(0), || {
            [
                b"{\"resourceMetrics\":[".to_vec(),
                b"{},".repeat(10_000_000),
                b"{}]}".to_vec(),
            ]
            .concat()
        })
        .heavy(),
        otlp_json("cut short", Refused(400), || {
            b"{\"resourceMetrics\":[{\"resource".to_vec()
        }),
        otlp_json("not UTF-8", Refused(400), || {
            b"{\"resourceMetrics\":\"\xff\"}".to_vec()
        }),
        otlp_json("half a surrogate", Either, || {
            br#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"\ud800"}]}}]}"#.to_vec()
        }),
        otlp_json("number of a million digits", Either, || {
            [b"{\"x\":".to_vec(), vec![b'9'; MIB], b"}".to_vec()].concat()
        }),
        otlp_json("exponent of a million", Either, || {
            br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"timeUnixNano":1e999999,"asDouble":1e999999}]}}]}]}]}"#.to_vec()
        }),
        otlp_json("a text of 30 MiB", Either, || {
            [b"{\"x\":\"".to_vec(), vec![b'a'; 30 * MIB], b"\"}".to_vec()].concat()
        })
        .heavy(),
        otlp_json("spaces, 31 MiB", Refused(400), || vec![b' '; 31 * MIB]).heavy(),
        otlp_json("a list", Either, || b"[]".to_vec()),
    ]
}

fn datadog() -> Vec<Case> {
    let json = |name: &'static str, right, body: Body| {
        post(
            "Datadog",
            name,
            "/datadog/api/v1/series",
            &[JSON],
            right,
            body,
        )
    };
    let protobuf = |name: &'static str, right, body: Body| {
        post(
            "Datadog",
            name,
            "/datadog/api/v2/series",
            &[PROTOBUF],
            right,
            body,
        )
    };
    vec![
        json("lists in lists", Refused(400), || b"[".repeat(100_000)),
        json("lists in a series", Refused(400), || {
            [b"{\"series\":[{\"x\":".to_vec(), b"[".repeat(100_000)].concat()
        }),
        json("empty series, 30 MB", Refused(0), || {
            [
                b"{\"series\":[".to_vec(),
                b"{},".repeat(10_000_000),
                b"{}]}".to_vec(),
            ]
            .concat()
        })
        .heavy(),
        json("points of extreme times", Refused(400), || {
            br#"{"series":[{"metric":"a","points":[[1e300,1],[-1e300,1],[1e999,1]]}]}"#.to_vec()
        }),
        json("null", Refused(400), || b"{\"series\":null}".to_vec()),
        json("two thousand tags", Refused(400), || {
            let tags: Vec<String> = (0..2_000).map(|i| format!("\"t{i}:v\"")).collect();
            format!(
                r#"{{"series":[{{"metric":"a","points":[[1,1]],"tags":[{}]}}]}}"#,
                tags.join(",")
            )
            .into_bytes()
        }),
        json("tags of one key", Refused(400), || {
            let tags: Vec<String> = (0..1_000)
                .map(|i| format!("\"t:{}\"", format!("{i}-").repeat(100)))
                .collect();
            format!(
                r#"{{"series":[{{"metric":"a","points":[[{},1]],"tags":[{}]}}]}}"#,
                now_ms() / 1000,
                tags.join(",")
            )
            .into_bytes()
        }),
        protobuf("empty series, 31 MiB", Refused(0), || {
            [0x0a, 0].repeat(31 * MIB / 2)
        })
        .heavy(),
        protobuf("noise", Refused(400), || noise(4, 5_000)),
        protobuf("empty points, 31 MiB", Refused(400), || {
            Message::default()
                .bytes(1, &[0x22, 0].repeat(31 * MIB / 2))
                .0
        })
        .heavy(),
    ]
}

/// Bodies that become large when they are decompressed.
fn bombs() -> Vec<Case> {
    const TARGETS: [(&str, &[(&str, &str)]); 5] = [
        ("/v1/metrics", &[PROTOBUF]),
        ("/v1/metrics", &[JSON]),
        ("/datadog/api/v2/series", &[PROTOBUF]),
        ("/datadog/api/v1/series", &[JSON]),
        ("/write?db=d", &[]),
    ];
    let mut cases = Vec::new();
    let mut add = |name: String,
                   target: &'static str,
                   right,
                   heavy,
                   headers: Vec<(&'static str, &'static str)>,
                   body: Body| {
        let case = Case::new(name, right, move || {
            http(&format!("POST {target}"), &headers, &body())
        });
        cases.push(if heavy { case.heavy() } else { case });
    };
    for (target, headers) in TARGETS {
        let kinds: [(&str, &str, bool, Body); 6] = [
            ("gzip", "gzip of 100 MiB", false, || gzip_bomb(100)),
            ("gzip", "gzip of 1 GiB", true, || gzip_bomb(1024)),
            ("zstd", "zstd of 100 MiB", false, || zstd_bomb(100)),
            ("zstd", "zstd of 1 GiB", true, || zstd_bomb(1024)),
            ("deflate", "deflate of 100 MiB", false, || {
                deflate(&vec![b'\n'; 100 * MIB])
            }),
            ("gzip", "gzip in gzip", false, || {
                gzip(&gzip(&vec![b'\n'; 10 * MIB]))
            }),
        ];
        for (encoding, name, heavy, body) in kinds {
            let right = if name == "gzip in gzip" {
                Either
            } else {
                Refused(413)
            };
            let headers = [headers, &[("content-encoding", encoding)]].concat();
            add(
                format!("{target} {}: {name}", headers[0].1),
                target,
                right,
                heavy,
                headers,
                body,
            );
        }
    }
    for target in ["/v1/metrics", "/api/v1/import", "/api/v1/import/prometheus"] {
        let broken: [(&str, &str, Body); 7] = [
            ("gzip", "gzip cut short", || {
                gzip(b"some text that is not long")[..20].to_vec()
            }),
            ("gzip", "no gzip", || noise(5, 1_000)),
            ("deflate", "no deflate", || noise(6, 1_000)),
            ("zstd", "no zstd", || noise(7, 1_000)),
            ("zstd", "zstd cut short", || {
                zstd(&noise(8, 5_000))[..2_000].to_vec()
            }),
            // Magic number, a header with a window of 3.75 TiB, a content size of 2^63.
            ("zstd", "zstd of a window that no machine has", || {
                vec![
                    0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0,
                ]
            }),
            ("zstd", "zstd that declares 2^62 bytes", || {
                vec![
                    0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0,
                ]
            }),
        ];
        for (encoding, name, body) in broken {
            let headers = vec![JSON, ("content-encoding", encoding)];
            add(
                format!("{target}: {name}"),
                target,
                Refused(400),
                false,
                headers,
                body,
            );
        }
    }
    for (encoding, body) in [
        ("gzip", (|| gzip_bomb(256)) as Body),
        ("zstd", || zstd_bomb(256)),
    ] {
        for target in ["/api/v1/import", "/api/v1/import/prometheus"] {
            let headers = vec![("content-encoding", encoding)];
            add(
                format!("{target}: {encoding} of 256 MiB of empty lines"),
                target,
                Either,
                true,
                headers,
                body,
            );
        }
    }
    cases
}

fn text() -> Vec<Case> {
    let case = |name: &'static str, right, body: Body| {
        post("text", name, "/api/v1/import/prometheus", &[], right, body)
    };
    let open = |name: &'static str, right, body: Body| {
        const OPEN_METRICS: &[(&str, &str)] = &[(
            "content-type",
            "application/openmetrics-text; version=1.0.0",
        )];
        post(
            "OpenMetrics",
            name,
            "/api/v1/import/prometheus",
            OPEN_METRICS,
            right,
            body,
        )
    };
    vec![
        case("a line of 10 MiB", Refused(400), || vec![b'a'; 10 * MIB]),
        case("a million labels", Refused(400), || {
            let labels: Vec<String> = (0..1_000_000).map(|i| format!("l{i}=\"v\"")).collect();
            format!("m{{{}}} 1\n", labels.join(",")).into_bytes()
        }),
        case("twenty thousand labels", Refused(400), || {
            let labels: Vec<String> = (0..20_000).map(|i| format!("l{i}=\"v\"")).collect();
            format!("m{{{}}} 1\n", labels.join(",")).into_bytes()
        }),
        case("quotes that do not end", Refused(400), || {
            [b"m{a=\"".to_vec(), vec![b'x'; MIB / 2], b"\n".to_vec()].concat()
        }),
        case("backslashes", Refused(400), || {
            [
                b"m{a=\"".to_vec(),
                vec![b'\\'; MIB / 2 + 1],
                b"\"} 1\n".to_vec(),
            ]
            .concat()
        }),
        case("braces", Refused(400), || {
            [vec![b'{'; MIB / 2], b"\n".to_vec()].concat()
        }),
        case("times that do not fit", Refused(400), || {
            b"m 1 9223372036854775807\nm 1 -9223372036854775808\nm 1 99999999999999999999\n"
                .to_vec()
        }),
        case("values that are none", Refused(400), || {
            b"m 1e\nm 0x\nm --1\nm 1e99999x\nm NaNN\n".to_vec()
        }),
        case("a value of a million digits", Refused(400), || {
            [b"m ".to_vec(), vec![b'9'; MIB - 3], b"x\n".to_vec()].concat()
        }),
        case("not UTF-8", Refused(400), || {
            b"m{a=\"\xff\xfe\"} 1\n".to_vec()
        }),
        case("NUL", Refused(400), || b"m\0 1\n\0\0\0\n".to_vec()),
        case("a million lines that are wrong", Refused(400), || {
            b"{\n".repeat(1_000_000)
        })
        .heavy(),
        case("carriage returns", Either, || b"\r".repeat(MIB / 2)),
        case("help of half a MiB, fifty times", Either, || {
            let help = "h".repeat(MIB / 2);
            (0..50)
                .map(|i| format!("# HELP m{i} {help}\n"))
                .collect::<String>()
                .into_bytes()
        }),
        open("no end", Refused(400), || b"m 1\n".to_vec()),
        open("after the end", Refused(400), || b"# EOF\nm 1\n".to_vec()),
        open("exemplar that is too long", Either, || {
            format!(
                "# TYPE c counter\nc_total 1 # {{t=\"{}\"}} 1\n# EOF\n",
                "x".repeat(10_000)
            )
            .into_bytes()
        }),
        open("times with a million decimals", Refused(400), || {
            [
                b"m 1 1.".to_vec(),
                vec![b'1'; MIB - 10],
                b"z\n# EOF\n".to_vec(),
            ]
            .concat()
        }),
    ]
}

fn json_lines() -> Vec<Case> {
    let case = |name: &'static str, right, body: Body| {
        post("JSON lines", name, "/api/v1/import", &[], right, body)
    };
    vec![
        case("lists in lists", Refused(400), || b"[".repeat(1_000_000)),
        case("lists in values", Refused(400), || {
            [
                br#"{"metric":{"__name__":"a"},"values":"#.to_vec(),
                b"[".repeat(1_000_000),
            ]
            .concat()
        }),
        case("more values than times", Refused(400), || {
            br#"{"metric":{"__name__":"a"},"values":[1,2],"timestamps":[1]}"#.to_vec()
        }),
        case("numbers that do not fit", Refused(400), || {
            br#"{"metric":{"__name__":"a"},"values":[1e999],"timestamps":[99999999999999999999]}"#
                .to_vec()
        }),
        case("no name", Refused(400), || {
            br#"{"metric":{},"values":[1],"timestamps":[1]}"#.to_vec()
        }),
        case("empty objects", Refused(400), || b"{}\n".repeat(1_000_000)).heavy(),
        case("a label of 10 MiB", Refused(400), || {
            [
                br#"{"metric":{"__name__":""#.to_vec(),
                vec![b'a'; 10 * MIB],
                br#""},"values":[1],"timestamps":[1]}"#.to_vec(),
            ]
            .concat()
        }),
        case("a line longer than the limit", Refused(400), || {
            vec![b'x'; 65 * MIB]
        })
        .heavy(),
        case("thirty million values in a line", Either, || {
            [
                br#"{"metric":{"__name__":"a"},"values":["#.to_vec(),
                b"1,".repeat(15_000_000),
                b"1],\"timestamps\":[".to_vec(),
                b"1,".repeat(15_000_000),
                b"1]}".to_vec(),
            ]
            .concat()
        })
        .heavy(),
        case("ten million labels in a line", Refused(400), || {
            [
                br#"{"metric":{"__name__":"a""#.to_vec(),
                br#","":"""#.repeat(9_000_000),
                br#"},"values":[],"timestamps":[]}"#.to_vec(),
            ]
            .concat()
        })
        .heavy(),
        case("escapes", Refused(400), || {
            [
                br#"{"metric":{"__name__":""#.to_vec(),
                br"\u0000".repeat(100_000),
                br#""},"values":[1],"timestamps":[1]}"#.to_vec(),
            ]
            .concat()
        }),
    ]
}

fn remote_read() -> Vec<Case> {
    let read = |name: &str, right, message: Body| {
        Case::new(format!("read: {name}"), right, move || {
            http("POST /api/v1/read", &HEADERS, &compress(&message()))
        })
    };
    let raw = |name: &str, right, body: Body| {
        Case::new(format!("read: {name}"), right, move || {
            http("POST /api/v1/read", &HEADERS, &body())
        })
    };
    const ALL: (i64, i64) = (i64::MIN, i64::MAX);
    fn everything(times: usize) -> Vec<Query> {
        let all = |_| Query::new(ALL.0, ALL.1).matching(REGEX, "__name__", ".+");
        (0..times).map(all).collect()
    }
    vec![
        raw("declares 4 GiB", Refused(413), || {
            vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0]
        }),
        raw("declares 2 GiB", Refused(413), || {
            vec![0x80, 0x80, 0x80, 0x80, 0x08, 0]
        }),
        raw("noise", Refused(0), || noise(9, 1_000)),
        read("noise inside", Refused(400), || noise(10, 1_000)),
        read("everything, no matchers", Costly, || {
            request(&[Query::new(ALL.0, ALL.1)], &[SAMPLES])
        }),
        read("everything, in a stream", Costly, || {
            request(&[Query::new(ALL.0, ALL.1)], &[STREAMED_XOR_CHUNKS])
        }),
        read("everything, a hundred times", Costly, || {
            request(&everything(100), &[SAMPLES])
        })
        .heavy(),
        read("everything, a thousand times", Refused(400), || {
            request(&everything(1_000), &[SAMPLES])
        }),
        read("everything, a hundred times, in a stream", Costly, || {
            request(&everything(100), &[STREAMED_XOR_CHUNKS])
        })
        .heavy(),
        read("empty queries, 30 MiB", Refused(0), || {
            [0x0a, 0].repeat(15 * MIB)
        }),
        read("empty matchers, 30 MiB", Refused(0), || {
            Message::default().bytes(1, &[0x1a, 0].repeat(15 * MIB)).0
        }),
        read("a regex that is none", Refused(400), || {
            request(&[Query::new(0, 1).matching(REGEX, "a", "(")], &[])
        }),
        read("a regex that explodes", Refused(400), || {
            request(
                &[Query::new(0, 1).matching(REGEX, "a", "((a{1,1000}){1,1000}){1,1000}")],
                &[],
            )
        }),
        read("a matcher of an unknown kind", Refused(400), || {
            request(&[Query::new(0, 1).matching(99, "a", "b")], &[])
        }),
        read("the end before the beginning", Either, || {
            request(
                &[Query::new(i64::MAX, i64::MIN).matching(REGEX, "__name__", ".+")],
                &[],
            )
        }),
        read("hints that are extreme", Costly, || {
            request(
                &[Query::new(ALL.0, ALL.1)
                    .matching(REGEX, "__name__", ".+")
                    .hint("rate", i64::MIN, i64::MAX)],
                &[],
            )
        }),
        read("unknown forms of an answer", Either, || {
            request(&[Query::new(0, 1)], &[7, u64::MAX])
        }),
    ]
}
