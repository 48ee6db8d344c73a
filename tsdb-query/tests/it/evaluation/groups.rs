//! Groups are the same whether a storage gives all labels of series or those that groups are made of alone.

use tsdb_core::{Db, Options, WriteBatch};
use tsdb_query::{Engine, QueryOptions};

const T_MS: i64 = 1_000_000;
const QUERIES: [&str; 10] = [
    "count(m)",
    "count({__name__=~'m|n'})",
    "sum by (a) (m)",
    "sum by (b, a) ({__name__=~'m|n'})",
    "count by (absent) (m)",
    "avg by (__name__) ({a='0'})",
    "quantile by (b) (0.3, m)",
    "sum by (a) (m) / on (a) count by (a) (m) + on (a) group_right () m",
    "max by (a) (m) and on (a) m",
    "stddev by (a) (m offset 1s) or m",
];

#[test]
fn groups_are_the_same_over_head_and_run() {
    let db = Db::in_memory(Options::new().retention(None).future_limit(None)).unwrap();
    let mut batch = WriteBatch::new();
    for i in 0..60 {
        let (a, b, c) = (format!("{}", i % 3), format!("{}", i % 4), format!("{i}"));
        let name = ["m", "n"][i % 2];
        let mut labels = vec![("__name__", name), ("b", &*b), ("c", &*c)];
        if i % 5 > 0 {
            labels.push(("a", &*a));
        }
        let mut series = batch.series(labels).expect("valid labels");
        series.sample(T_MS - 2_000, 0.1 * i as f64);
    }
    db.write(&batch).unwrap();
    let ask = || {
        QUERIES.map(|query| {
            let result = Engine::default().instant(&db, query, T_MS, &QueryOptions::default());
            let mut series: Vec<String> = match result.unwrap().value {
                tsdb_query::QueryValue::Vector(samples) => samples
                    .iter()
                    .map(|s| format!("{:?} {}", s.labels, s.value))
                    .collect(),
                other => vec![format!("{other:?}")],
            };
            series.sort();
            (query, series)
        })
    };
    let over_head = ask();
    db.flush().unwrap();
    assert_eq!(ask(), over_head);
    assert!(over_head.iter().all(|(_, series)| !series.is_empty()));
}
