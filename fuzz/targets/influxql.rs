//! Any text as InfluxQL: it parses or does not, what is printed parses to the same, and execution gives an answer.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use tsdb_core::{Db, Options};
use tsdb_influx::influxql::{Params, Statement, parse};
use tsdb_influx::line::{Point, lines};
use tsdb_influx::{Influx, Limits, Precision, Session, Target};

const POINTS: &[u8] = b"a,t=x f=1.5,i=2i,b=true,s=\"y\" 0\na,t=y f=2,i=-3i 60000000000\nb f=1 -5";

fn influx() -> Influx {
    let db = Db::in_memory(Options::new().retention(None).future_limit(None)).expect("in memory");
    let influx = Influx::open(db, None).expect("in memory");
    influx.ensure("d", None).expect("in memory");
    let points = lines(POINTS).map(|line| Point::parse(line, Precision::Nanoseconds));
    let points: Vec<_> = points.map(|point| point.expect("a point")).collect();
    let target = Target {
        database: "d",
        policy: None,
    };
    influx.write(target, &points, 0).expect("written");
    influx
}

thread_local!(static INFLUX: OnceCell<Influx> = const { OnceCell::new() });

fuzz_target!(|text: &str| {
    let Ok(statements) = parse(text, &Params::default()) else {
        return;
    };
    let limits = Limits {
        values: 10_000,
        buckets: 10_000,
    };
    let session = Session::new(Some("d"), 120_000_000_000, limits);
    for statement in &statements {
        // Of what is not supported only the name is kept.
        if !matches!(statement, Statement::Unsupported(_) | Statement::Explain) {
            let printed = statement.to_string();
            if !printed.contains("[REDACTED]") {
                let again = parse(&printed, &Params::default());
                assert_eq!(
                    again.as_deref(),
                    Ok(std::slice::from_ref(statement)),
                    "{printed}"
                );
            }
        }
        if matches!(statement, Statement::Select(_) | Statement::Show(_)) {
            INFLUX.with(|cell| {
                let _ = cell.get_or_init(influx).execute(statement, &session);
            });
        }
    }
});
