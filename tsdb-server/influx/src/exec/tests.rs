//! What statements and writes cost, and where they end.

use std::time::{Duration, Instant};

use tsdb_core::{Db, MemoryBudget, Options};

use crate::influxql::{Params, parse};
use crate::line::{Point, Precision, lines};
use crate::pattern::Pattern;
use crate::{Error, Influx, Limits, Outcome, Refusal, Result, Session, Target};

fn influx() -> Influx {
    let options = Options::new().retention(None).future_limit(None);
    let influx = Influx::open(Db::in_memory(options).unwrap(), None).unwrap();
    influx.ensure("d", None).unwrap();
    influx
}

fn session() -> Session {
    let limits = Limits {
        values: 10_000_000,
        buckets: 1_000_000,
    };
    Session::new(Some("d"), 0, limits)
}

fn write(influx: &Influx, text: &str) -> Option<Refusal> {
    let points = lines(text.as_bytes()).map(|line| Point::parse(line, Precision::Nanoseconds));
    let points: Vec<Point<'_>> = points.collect::<std::result::Result<_, _>>().unwrap();
    let target = Target {
        database: "d",
        policy: None,
    };
    influx.write(target, &points, 0).unwrap().1
}

fn execute(influx: &Influx, statement: &str, session: &Session) -> Result<Outcome> {
    influx.execute(&parse(statement, &Params::default()).unwrap()[0], session)
}

/// So many fields of a measurement, each at times of its own.
fn write_sparse(influx: &Influx, fields: usize, points: usize) {
    let all = (0..fields * points).map(|t| format!("m f{}={t}i {t}\n", t % fields));
    assert_eq!(write(influx, &all.collect::<String>()), None);
}

#[test]
fn fields_without_values_are_paid_for() {
    let influx = influx();
    write_sparse(&influx, 40, 100);
    // The 4,000 values take less than a mebibyte, the 160,000 cells of the answer seven.
    let with_memory = |statement: &str| {
        let mut session = session();
        session.memory = Some(MemoryBudget::new(4 << 20));
        execute(&influx, statement, &session)
    };
    let all = with_memory("SELECT * FROM m");
    assert!(
        matches!(&all, Err(Error::Store(e)) if e.is_retryable()),
        "{all:?}"
    );
    let again = vec!["f0"; 2_000].join(", ");
    let wide = with_memory(&format!("SELECT {again} FROM m"));
    assert!(matches!(&wide, Err(Error::Store(e)) if e.is_retryable()));
    let rows = with_memory("SELECT f0, f1 FROM m").unwrap().rows;
    assert_eq!(rows[0].values.len(), 200);
}

#[test]
fn a_deadline_ends_the_making_of_rows() {
    let influx = influx();
    write_sparse(&influx, 60, 60);
    let took = || {
        let begun = Instant::now();
        execute(&influx, "SELECT * FROM m", &session()).unwrap();
        begun.elapsed()
    };
    let whole = took().min(took());
    let mut session = session();
    session.deadline = Some(Instant::now() + whole / 3);
    let late = execute(&influx, "SELECT * FROM m", &session);
    assert!(matches!(late, Err(Error::Timeout)), "{whole:?}");
}

#[test]
fn the_pattern_of_a_source_is_compiled_once() {
    let influx = influx();
    let points = (0..300).map(|k| format!("m{k} a=1 {k}\n"));
    write(&influx, &points.collect::<String>());
    let pattern = r"^(m1.|\p{L}{40})$";
    let begun = Instant::now();
    Pattern::new(pattern).unwrap();
    let compiling = begun.elapsed() + Duration::from_millis(20);
    for statement in ["SHOW FIELD KEYS FROM", "SELECT a FROM", "DELETE FROM"] {
        let statement = format!("{statement} /{pattern}/");
        let begun = Instant::now();
        execute(&influx, &statement, &session()).unwrap();
        let took = begun.elapsed();
        assert!(
            took < 100 * compiling,
            "{statement}: {took:?}, {compiling:?}"
        );
    }
    let left = execute(&influx, "SHOW MEASUREMENTS", &session()).unwrap();
    assert_eq!(left.rows[0].values.len(), 290);
}

#[test]
fn a_point_is_stored_as_a_whole_or_not_at_all() {
    let influx = influx();
    // With the tag the first field fits into a label set, the second does not.
    let (tag, field) = ("t".repeat(60_000), "x".repeat(5_520));
    let refusal = write(&influx, &format!("m,t={tag} a=1,{field}=2 1\nm a=3 3\n")).unwrap();
    assert_eq!(refusal.dropped, 1);
    let stored = execute(&influx, "SELECT a FROM m", &session()).unwrap();
    assert_eq!(stored.rows[0].values.len(), 1);
}
