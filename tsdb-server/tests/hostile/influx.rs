//! InfluxDB's protocols: line protocol and InfluxQL.

use super::case::Right::{Accepted, Costly, Either, Refused};
use super::case::{Case, Right, http, noise};
use super::common::http::encoded;

const MIB: usize = 1 << 20;

type Body = fn() -> Vec<u8>;

pub(crate) fn cases() -> Vec<Case> {
    [lines(), statements()].concat()
}

fn lines() -> Vec<Case> {
    let to = |name: &str, target: &'static str, right, body: Body| {
        Case::new(format!("lines: {name}"), right, move || {
            http(&format!("POST {target}"), &[], &body())
        })
    };
    let case = |name: &str, right, body: Body| to(name, "/write?db=d", right, body);
    vec![
        to("no database", "/write", Refused(400), || {
            b"m a=1\n".to_vec()
        }),
        to(
            "database that is not there",
            "/write?db=nowhere",
            Refused(404),
            || b"m a=1\n".to_vec(),
        ),
        to(
            "unknown precision",
            "/write?db=d&precision=zz",
            Either,
            || b"m a=1 1\n".to_vec(),
        ),
        case("noise", Refused(400), || noise(11, 100_000)),
        case("a line of 10 MiB", Refused(400), || vec![b'a'; 10 * MIB]),
        case("a tag of 10 MiB", Refused(400), || {
            [b"m,t=".to_vec(), vec![b'a'; 10 * MIB], b" a=1\n".to_vec()].concat()
        }),
        case("a string of 10 MiB", Refused(400), || {
            [b"m a=\"".to_vec(), vec![b'a'; 10 * MIB], b"\"\n".to_vec()].concat()
        }),
        case("quotes that do not end", Refused(400), || {
            [b"m a=\"".to_vec(), vec![b'\n'; 10 * MIB]].concat()
        }),
        case("backslashes, 10 MiB", Refused(400), || {
            vec![b'\\'; 10 * MIB]
        }),
        case("commas, 10 MiB", Refused(400), || {
            [b"m".to_vec(), vec![b','; 10 * MIB]].concat()
        }),
        case("equals, 10 MiB", Refused(400), || {
            [b"m ".to_vec(), vec![b'='; 10 * MIB]].concat()
        }),
        case("twenty thousand tags", Refused(400), || {
            let tags: Vec<String> = (0..20_000).map(|i| format!("t{i}=v")).collect();
            format!("m,{} a=1\n", tags.join(",")).into_bytes()
        }),
        case("two thousand new fields in a line", Accepted, || {
            let fields: Vec<String> = (0..2_000).map(|i| format!("f{i}=1")).collect();
            format!("wide {}\n", fields.join(",")).into_bytes()
        }),
        case("two hundred thousand new fields in a line", Either, || {
            let fields: Vec<String> = (0..200_000).map(|i| format!("g{i}=1")).collect();
            format!("wider {}\n", fields.join(",")).into_bytes()
        })
        .heavy(),
        case("two million new fields in a line", Refused(413), || {
            let fields: Vec<String> = (0..2_000_000).map(|i| format!("f{i}=1")).collect();
            format!("widest {}\n", fields.join(",")).into_bytes()
        })
        .heavy(),
        case("measurements of underscores", Either, || {
            (0..50)
                .map(|i| format!("{}{i} {}=1\n", "_".repeat(15_000), "_".repeat(10_000)))
                .collect::<String>()
                .into_bytes()
        }),
        case(
            "a tag of 20 KB that ten thousand fields share",
            Refused(413),
            || {
                let fields: Vec<String> = (0..10_000).map(|i| format!("f{i}=1")).collect();
                format!("m,t={} {}\n", "x".repeat(20_000), fields.join(",")).into_bytes()
            },
        ),
        case("four million short lines", Refused(0), || {
            b"a b=1\n".repeat(4_000_000)
        })
        .heavy(),
        case("four million bad lines", Refused(400), || {
            b"a\n".repeat(4_000_000)
        })
        .heavy(),
        case("comments, 30 MiB", Either, || b"#\n".repeat(15 * MIB)).heavy(),
        case("numbers that do not fit", Refused(400), || {
            b"m a=99999999999999999999i\nm a=1e999\nm a=0x1\nm a=1ii\n".to_vec()
        }),
        case("times that do not fit", Refused(400), || {
            b"m a=1 9223372036854775807\nm a=1 -9223372036854775808\nm a=1 99999999999999999999\n"
                .to_vec()
        }),
        case("not UTF-8", Refused(400), || b"m,\xff=\xfe a=1\n".to_vec()),
        case("NUL", Either, || b"m\0,t=\0 a=1\n".to_vec()),
        case("a key of 65,536 bytes", Refused(400), || {
            [vec![b'k'; 65_536], b" a=1\n".to_vec()].concat()
        }),
        case("tags that stand twice", Refused(400), || {
            b"m,a=1,a=2 f=1\n".to_vec()
        }),
        case("a field of two types", Refused(400), || {
            b"two f=1\ntwo f=\"x\"\n".to_vec()
        }),
        case("a field named time", Refused(400), || {
            b"m time=1\n".to_vec()
        }),
        Case::new("lines: parameters without number", Either, || {
            http(
                &format!("POST /write?db=d{}", "&a=1".repeat(10_000)),
                &[],
                b"m a=1\n",
            )
        }),
        Case::new("lines: unknown encoding", Refused(415), || {
            http(
                "POST /write?db=d",
                &[("content-encoding", "br")],
                b"m a=1\n",
            )
        }),
    ]
}

fn statements() -> Vec<Case> {
    let ask = |name: &str, right: Right, text: fn() -> String| {
        Case::new(format!("InfluxQL: {name}"), right, move || {
            let form = encoded(&[("db", "d"), ("q", &text())]);
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            http("POST /query", &headers, form.as_bytes())
        })
    };
    vec![
        Case::new("InfluxQL: no statement", Refused(400), || http("GET /query", &[], &[])),
        ask("brackets, a hundred thousand", Refused(400), || format!("SELECT {}1{} FROM cpu", "(".repeat(100_000), ")".repeat(100_000))),
        ask("brackets in the condition", Refused(400), || format!("SELECT usage FROM cpu WHERE {}1=1{}", "(".repeat(100_000), ")".repeat(100_000))),
        ask("minus signs", Refused(400), || format!("SELECT {}usage FROM cpu", "-".repeat(100_000))),
        ask("a sum of a hundred thousand", Either, || format!("SELECT usage{} FROM cpu", "+usage".repeat(100_000))),
        ask("a condition of a hundred thousand", Either, || format!("SELECT usage FROM cpu WHERE host='a'{}", " OR host='b'".repeat(50_000))),
        ask("selects in selects", Either, || {
            (0..5_000).fold("SELECT usage FROM cpu".to_owned(), |inner, _| format!("SELECT usage FROM ({inner})"))
        }),
        ask("fifty selects in selects", Either, || {
            (0..50).fold("SELECT usage FROM cpu".to_owned(), |inner, _| format!("SELECT usage FROM ({inner})"))
        }),
        ask("functions in functions", Refused(400), || format!("SELECT {}usage{} FROM cpu", "abs(".repeat(50_000), ")".repeat(50_000))),
        ask("intervals of a nanosecond over years", Either, || {
            "SELECT mean(usage) FROM cpu WHERE time > '2020-01-01' AND time < '2026-01-01' GROUP BY time(1ns)".to_owned()
        }),
        ask("intervals of a second over years", Either, || {
            "SELECT mean(usage) FROM cpu WHERE time > '1970-01-01' GROUP BY time(1s) fill(0)".to_owned()
        }),
        ask("four million intervals", Costly, || {
            "SELECT mean(usage) FROM cpu WHERE time > now() - 46d GROUP BY time(1s) fill(0)".to_owned()
        })
        .heavy(),
        ask("four million intervals in groups", Costly, || {
            "SELECT mean(usage), max(usage), min(idle) FROM cpu WHERE time > now() - 20h GROUP BY time(1s), host fill(linear)".to_owned()
        })
        .heavy(),
        ask("intervals of no length", Either, || "SELECT mean(usage) FROM cpu GROUP BY time(0s)".to_owned()),
        ask("intervals of the greatest length", Either, || "SELECT mean(usage) FROM cpu GROUP BY time(292y)".to_owned()),
        ask("an offset of the greatest length", Either, || "SELECT mean(usage) FROM cpu GROUP BY time(1m, 9223372036854775807ns)".to_owned()),
        ask("limit of the most", Either, || "SELECT usage FROM cpu LIMIT 9223372036854775807 OFFSET 9223372036854775807".to_owned()),
        ask("limit that does not fit", Refused(0), || "SELECT usage FROM cpu LIMIT 99999999999999999999".to_owned()),
        ask("limit below zero", Refused(0), || "SELECT usage FROM cpu LIMIT -1".to_owned()),
        ask("slimit of the most", Either, || "SELECT usage FROM cpu GROUP BY * SLIMIT 9223372036854775807 SOFFSET 9223372036854775807".to_owned()),
        ask("a regex that explodes", Either, || "SELECT usage FROM cpu WHERE host =~ /((a{1,1000}){1,1000}){1,1000}/".to_owned()),
        ask("a regex that backtracks", Either, || "SELECT usage FROM cpu WHERE host =~ /^(h+)+(h+)+(h+)+x$/".to_owned()),
        ask("ten thousand regexes", Refused(400), || format!("SELECT usage FROM cpu{}", ", /x{500}/".repeat(10_000))),
        ask("a thousand regexes that are large", Refused(400), || {
            let all: Vec<String> = (0..1000).map(|k| format!("host =~ /\\p{{L}}{{60}}{k}/")).collect();
            format!("SELECT usage FROM cpu WHERE {}", all.join(" OR "))
        }),
        ask("a regex of a megabyte", Either, || format!("SELECT usage FROM /{}/", "a|".repeat(MIB / 2))),
        ask("everything of everything", Costly, || "SELECT * FROM /.*/".to_owned()).heavy(),
        ask("everything of everything, all functions", Costly, || "SELECT mean(*), max(*), min(*), count(*), stddev(*), median(*) FROM /.*/ GROUP BY *".to_owned()).heavy(),
        ask("a percentile of 1e300", Either, || "SELECT percentile(usage, 1e300) FROM cpu".to_owned()),
        ask("top of the most", Either, || "SELECT top(usage, 9223372036854775807) FROM cpu".to_owned()),
        ask("a moving average of the most", Either, || "SELECT moving_average(usage, 9223372036854775807) FROM cpu".to_owned()),
        ask("Holt-Winters of the most", Either, || "SELECT holt_winters(mean(usage), 9223372036854775807, 9223372036854775807) FROM cpu GROUP BY time(1m)".to_owned()),
        ask("samples of the most", Either, || "SELECT sample(usage, 9223372036854775807) FROM cpu".to_owned()),
        ask("a hundred thousand statements", Either, || "SHOW DATABASES;".repeat(100_000)).heavy(),
        ask("a thousand statements", Either, || "SELECT usage FROM cpu LIMIT 1;".repeat(1_000)).heavy(),
        ask("semicolons", Either, || ";".repeat(MIB)).heavy(),
        ask("times that do not fit", Either, || "SELECT usage FROM cpu WHERE time > '9999-12-31T23:59:59Z' AND time < '0001-01-01'".to_owned()),
        ask("a time that overflows", Either, || "SELECT usage FROM cpu WHERE time > now() + 99999999w".to_owned()),
        ask("a duration that does not fit", Refused(0), || "SELECT usage FROM cpu WHERE time > now() - 99999999999999999999w".to_owned()),
        ask("a number that does not fit", Either, || "SELECT usage * 99999999999999999999999 FROM cpu".to_owned()),
        ask("division by zero", Either, || "SELECT idle / 0, idle % 0, usage / 0 FROM cpu".to_owned()),
        ask("the least divided by minus one", Either, || "SELECT (idle - 9223372036854775807 - 1) / -1 FROM cpu".to_owned()),
        ask("quotes that do not end", Refused(400), || format!("SELECT \"{}", "x".repeat(MIB))),
        ask("a comment that does not end", Refused(0), || format!("/*{}", "x".repeat(MIB))),
        ask("a name of a megabyte", Either, || format!("CREATE DATABASE \"{}\"", "x".repeat(MIB))),
        ask("a name with a path", Either, || "CREATE DATABASE \"../../../etc\"".to_owned()),
        ask("noise", Refused(400), || String::from_utf8_lossy(&noise(12, 10_000)).into_owned()),
        ask("SHOW with a regex for everything", Costly, || "SHOW TAG VALUES FROM /.*/ WITH KEY =~ /.*/ WHERE host =~ /.*/".to_owned()),
        ask("SHOW SERIES of everything", Costly, || "SHOW SERIES".to_owned()),
        ask("ten thousand sources", Costly, || format!("SELECT usage FROM cpu{}", ", cpu".repeat(10_000))).heavy(),
        ask("fifty thousand columns of one name", Costly, || format!("SELECT usage{} FROM cpu", ", usage".repeat(50_000))).heavy(),
        ask("ten thousand columns", Costly, || format!("SELECT usage{} FROM cpu LIMIT 10", ", usage".repeat(10_000))).heavy(),
        Case::new("InfluxQL: parameters in lists", Refused(400), || {
            let params = "[".repeat(100_000);
            let form = encoded(&[("db", "d"), ("q", "SELECT $a FROM cpu"), ("params", &params)]);
            http("POST /query", &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes())
        }),
        Case::new("InfluxQL: chunks of none", Either, || http("GET /query?db=d&q=SELECT+usage+FROM+cpu&chunked=true&chunk_size=0", &[], &[])),
        Case::new("InfluxQL: chunks below zero", Either, || http("GET /query?db=d&q=SELECT+usage+FROM+cpu&chunked=true&chunk_size=-1", &[], &[])),
        Case::new("InfluxQL: unknown epoch", Either, || http("GET /query?db=d&q=SELECT+usage+FROM+cpu&epoch=century", &[], &[])),
    ]
}
