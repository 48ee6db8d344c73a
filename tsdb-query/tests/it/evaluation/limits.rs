//! Budget, deadline, cancel, depth, and what a query says of its cost.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tsdb_core::Labels;
use tsdb_query::{Engine, EngineOptions, QueryError, QueryOptions, QueryProgress, QueryValue};

use crate::memory::{Data, Memory};
use crate::work::Work;

fn storage(series: usize, samples: i64) -> Memory {
    let data: Data = (0..series)
        .map(|i| {
            let labels = [("__name__", "m".to_owned()), ("i", format!("{i:05}"))];
            let values = (0..samples).map(|t| (t * 1000, ((t * i as i64) as f64).into()));
            (Labels::from_pairs(labels).unwrap(), values.collect())
        })
        .collect();
    Memory::new(&data)
}

fn engine(max_samples: u64) -> Engine {
    let mut options = EngineOptions::default();
    options.max_samples = max_samples;
    Engine::new(options)
}

#[test]
fn the_budget_is_kept() {
    let storage = storage(50, 100);
    let run = |max_samples, query| {
        let options = QueryOptions::default();
        engine(max_samples).range(&storage, query, 0, 99_000, 1000, &options)
    };
    // 50 series of 100 samples as the result.
    assert!(matches!(run(4_000, "m"), Err(QueryError::TooManySamples)));
    assert!(run(6_000, "m").is_ok());
    // The sum needs no more than a series and a group at a time.
    assert!(run(1_000, "sum(rate(m[10s]))").is_ok());
    for query in [
        "m + m",
        "quantile(0.5, m)",
        "topk(50, m)",
        "count_values(\"v\", m)",
        "m and m",
    ] {
        assert!(
            matches!(run(4_000, query), Err(QueryError::TooManySamples)),
            "{query}"
        );
    }
    // A subquery with far too many steps.
    let long = run(1_000_000, "sum(count_over_time(vector(1)[1000d:1ms]))");
    assert!(matches!(long, Err(QueryError::TooManySamples)));
    let long = run(
        1_000_000,
        "time() + scalar(max_over_time(vector(1)[1000d:1ms]))",
    );
    assert!(matches!(long, Err(QueryError::TooManySamples)));
}

/// Operators of the same precedence from left to right, with parentheses and without.
fn nested_and_chain(first: &str, links: &[&str], times: usize) -> (String, String) {
    let (mut nested, mut chain) = (first.to_owned(), first.to_owned());
    for link in links.iter().cycle().take(times) {
        nested = format!("({nested}) {link}");
        chain = format!("{chain} {link}");
    }
    (nested, chain)
}

#[test]
fn long_chains_give_what_nesting_gives() {
    let storage = storage(5, 100);
    let engine = Engine::default();
    let options = QueryOptions::default();
    for (first, links) in [
        (
            "m",
            &["+ m", "- m{i=\"00002\"} * 3", "+ on (i) group_left m"][..],
        ),
        ("time()", &["+ 1", "- time()", "- pi()"]),
        ("1", &["+ m @ 10", "+ m"]),
        ("m", &["> -1", "< bool 1e9", ">= 0"]),
        ("m", &["and m > 3", "unless m > 1000"]),
        ("m > 50", &["or m offset 10s", "or vector(1)"]),
    ] {
        for times in [15, 16, 17, 33, 50] {
            let (nested, chain) = nested_and_chain(first, links, times);
            let run = |query: &str| {
                let result = engine
                    .range(&storage, query, 0, 99_000, 1000, &options)
                    .unwrap();
                format!("{:?}", result.value)
            };
            assert_eq!(run(&nested), run(&chain), "{chain}");
        }
    }
}

#[test]
fn a_sum_of_20_000_terms_has_an_answer() {
    let storage = storage(3, 10);
    let engine = Engine::default();
    let options = QueryOptions::default();
    let begun = Work::begin();
    for term in ["1", "m{i=\"00001\"}", "sum(m)"] {
        let query = vec![term; 20_000].join(" + ");
        let result = engine.instant(&storage, &query, 9_000, &options).unwrap();
        let value = match &result.value {
            QueryValue::Scalar { value, .. } => *value,
            QueryValue::Vector(samples) => samples[0].value,
            other => panic!("{other:?}"),
        };
        let of_one = match term {
            "1" => 1.0,
            "sum(m)" => 27.0,
            _ => 9.0,
        };
        assert_eq!(value, 20_000.0 * of_one);
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// What is the same in all terms is selected, read and matched once.
#[test]
fn a_sum_of_20_000_vectors_is_bounded() {
    let data: Data = (0..155)
        .map(|i| {
            let mut labels = vec![("__name__", "m".to_owned()), ("i", format!("{i:05}"))];
            for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
                labels.push((name, format!("{name} of a target with a long description")));
            }
            let values = (0..10).map(|t| (t * 1000, (t as f64).into()));
            (Labels::from_pairs(labels).unwrap(), values.collect())
        })
        .collect();
    let storage = Memory::new(&data);
    let engine = Engine::default();
    let terms = if cfg!(debug_assertions) {
        2_000
    } else {
        20_000
    };
    let progress = Arc::new(QueryProgress::default());
    let options = QueryOptions {
        progress: Some(Arc::clone(&progress)),
        ..QueryOptions::default()
    };
    let begun = Work::begin();
    let query = vec!["m"; terms].join(" + ");
    let result = engine.instant(&storage, &query, 9_000, &options).unwrap();
    let QueryValue::Vector(samples) = &result.value else {
        panic!("{result:?}")
    };
    assert_eq!(samples.len(), 155);
    assert!(samples.iter().all(|s| s.value == 9.0 * terms as f64));
    assert_eq!(result.stats.samples_read, 10 * 155 * terms as u64); // as if each term were read
    let bytes_a_term = progress.bytes() / terms as u64;
    assert!((500..5_000).contains(&bytes_a_term), "{bytes_a_term}");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}"); // a second, optimised
}

#[test]
fn deadline_and_cancel_end_a_query() {
    let storage = storage(50, 100);
    let engine = Engine::default();
    let options = QueryOptions {
        deadline: Some(Instant::now()),
        ..QueryOptions::default()
    };
    let late = engine.instant(&storage, "sum(m)", 1000, &options);
    assert!(matches!(late, Err(QueryError::Timeout)));
    let options = QueryOptions {
        cancel: Some(Arc::new(AtomicBool::new(true))),
        ..QueryOptions::default()
    };
    let canceled = engine.range(&storage, "sum(m)", 0, 9000, 1000, &options);
    assert!(matches!(canceled, Err(QueryError::Canceled)));
}

/// Each would take minutes, and gets a moment.
#[test]
fn a_deadline_ends_windows_and_plans_of_many_steps() {
    let storage = storage(1, 100);
    for query in [
        "sum_over_time(vector(time())[200s:1ms])",
        "max_over_time(count_values(\"x\", nosuch)[292y:1ms])",
        "max_over_time(info(nosuch)[292y:1ms])",
    ] {
        let begun = Instant::now();
        let options = QueryOptions {
            deadline: Some(begun + Duration::from_millis(500)),
            ..QueryOptions::default()
        };
        let late = Engine::default().range(&storage, query, 0, 5_000, 1, &options);
        assert!(matches!(late, Err(QueryError::Timeout)), "{query}");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "{query}: {took:?}");
    }
}

#[test]
fn the_cost_is_told() {
    let storage = storage(50, 100);
    let options = QueryOptions::default();
    let result = Engine::default()
        .range(&storage, "sum(m)", 0, 99_000, 1000, &options)
        .unwrap();
    assert_eq!(result.stats.samples_read, 50 * 100);
    // A column of steps, the samples of a series, the sum and the result.
    assert!(
        (300..=600).contains(&result.stats.peak_samples),
        "{:?}",
        result.stats
    );
}

#[test]
fn trees_of_the_greatest_depth_are_evaluated() {
    let storage = storage(2, 100);
    let options = QueryOptions::default();
    let engine = Engine::default();
    for (open, close) in [
        ("abs(", ")"),
        ("-(", ")"),
        ("sum(", ")"),
        ("m + on (i) (", ")"),
        ("m or (", ")"),
        ("max_over_time((", ")[2s:1s])"),
    ] {
        let mut depth = 510;
        loop {
            let query = format!("{}m{}", open.repeat(depth), close.repeat(depth));
            match engine.instant(&storage, &query, 5000, &options) {
                Err(QueryError::Parse(_)) => depth -= 1,
                Ok(result) => {
                    assert!(matches!(result.value, QueryValue::Vector(v) if !v.is_empty()));
                    break;
                }
                Err(e) => panic!("{open}: {e}"),
            }
        }
        assert!(depth > 100, "{open}: {depth}");
    }
}

#[test]
fn times_at_the_edges_do_no_harm() {
    let storage = storage(2, 100);
    let options = QueryOptions::default();
    let engine = Engine::default();
    for t_ms in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
        for query in [
            "m",
            "rate(m[5m])",
            "m offset 1y",
            "m offset -1y",
            "sum_over_time(m[1y:1d])",
            "m @ 0",
            "rate(m[1s:1s] offset -1y)",
            "m smoothed",
            "increase(m[5m] anchored)",
        ] {
            engine.instant(&storage, query, t_ms, &options).unwrap();
            engine
                .range(&storage, query, t_ms, t_ms, 1, &options)
                .unwrap();
        }
    }
    assert!(engine.range(&storage, "m", 0, 10, 0, &options).is_err());
    assert!(engine.range(&storage, "m[5m]", 0, 10, 1, &options).is_err());
    let none = engine.range(&storage, "m", 10, 0, 1, &options).unwrap();
    assert!(matches!(none.value, QueryValue::Matrix(m) if m.is_empty()));
}

#[test]
fn memory_is_bounded_by_bytes() {
    let storage = storage(50, 100);
    let mut options = EngineOptions::default();
    options.max_bytes = 20_000;
    let engine = Engine::new(options);
    let run = |query: &str| engine.instant(&storage, query, 1000, &QueryOptions::default());
    assert!(run("m").is_ok());
    let wide = format!(r#"label_replace(m, "x", "{}", "", "")"#, "y".repeat(400));
    for query in [wide.as_str(), "max_over_time(m[1h:10ms])"] {
        assert!(
            matches!(run(query), Err(QueryError::TooManyBytes { max: 20_000 })),
            "{query}"
        );
    }
}

#[test]
fn what_operators_and_windows_keep_counts() {
    let storage = storage(50, 100);
    let mut options = EngineOptions::default();
    options.max_bytes = 16 << 20;
    let engine = Engine::new(options);
    let sum = vec!["time()"; 200].join("+");
    let instant = |query: &str| engine.instant(&storage, query, 1000, &QueryOptions::default());
    for fits in [
        "max_over_time(vector(time())[100s:1ms])".to_owned(),
        format!("max_over_time(vector({sum})[100s:1ms])"),
        format!("max_over_time((m + {sum})[1s:1ms])"),
    ] {
        assert!(instant(&fits).is_ok(), "{fits}");
    }
    for too_large in [
        // Of these the samples alone take 8 MB.
        "max_over_time(vector(time())[500s:1ms])".to_owned(),
        // Each operator has all steps of a series at once.
        format!("max_over_time((m + {sum})[100s:1ms])"),
    ] {
        assert!(
            matches!(instant(&too_large), Err(QueryError::TooManyBytes { .. })),
            "{too_large}"
        );
    }
    let sum = vec![sum; 10].join("+");
    let steps = |end_ms| engine.range(&storage, &sum, 0, end_ms, 1, &QueryOptions::default());
    assert!(steps(10).is_ok());
    assert!(matches!(steps(1000), Err(QueryError::TooManyBytes { .. })));
}

/// One series is evaluated in pieces, several are not.
#[test]
fn long_subqueries_of_one_series_are_those_of_many() {
    let (one, many) = (storage(2, 100), storage(50, 100));
    let run = |storage: &Memory, query: &str| {
        let engine = Engine::default();
        let result = engine.range(
            storage,
            query,
            50_000,
            99_000,
            7_000,
            &QueryOptions::default(),
        );
        let result = result.unwrap();
        let QueryValue::Matrix(series) = result.value else {
            panic!("no matrix");
        };
        let wanted = series
            .into_iter()
            .find(|s| s.labels.get("i") == Some("00001"));
        let wanted = wanted.unwrap();
        assert_eq!(wanted.values.len(), 8);
        ((wanted.times_ms, wanted.values), result.stats.samples)
    };
    for of in [
        "sum_over_time(m{}[90s:7ms])",
        "max_over_time(rate(m{}[5s])[40s:7ms])",
        "quantile_over_time(0.3, sum by (i) (m{})[40s:7ms])",
        "last_over_time(sum_over_time(m{}[10s:9ms])[30s:13ms])",
    ] {
        let alone = of.replace("{}", "{i=\"00001\"}");
        let (value, samples) = run(&one, &alone);
        let (among, of_all) = run(&many, of);
        assert_eq!(value, among, "{of}");
        assert_eq!(50 * samples.queryable, of_all.queryable, "{of}");
        assert_eq!(50 * samples.read, of_all.read, "{of}");
    }
}

#[test]
fn progress_is_told() {
    let storage = storage(50, 100);
    let progress = Arc::new(QueryProgress::default());
    let options = QueryOptions {
        progress: Some(Arc::clone(&progress)),
        ..QueryOptions::default()
    };
    let engine = Engine::default();
    engine.instant(&storage, "m", 1000, &options).unwrap();
    assert!(progress.samples_read() >= 50);
    assert!(progress.bytes() > 50 * 16);
}

/// Attacks by size: an answer or an error, at once.
#[test]
fn hostile_queries_end_soon() {
    let storage = storage(200, 100);
    let replace = |inner: &str| format!(r#"label_replace({inner}, "x", "$1$1", "x", "(.*)")"#);
    let mut doubling = r#"label_replace(m, "x", "yy", "", "")"#.to_owned();
    for _ in 0..100 {
        doubling = replace(&doubling);
    }
    let long = format!(
        r#"label_join(m, "x", "{}", {})"#,
        "s".repeat(1000),
        vec!["\"i\""; 100_000].join(",")
    );
    let repeated = format!(
        r#"label_replace(m, "x", "{}", "__name__", "(.*)")"#,
        "${1}".repeat(200_000)
    );
    let queries = [
        doubling,
        long,
        repeated,
        "(".repeat(200_000),
        "(".repeat(200_000) + "1" + &")".repeat(200_000),
        "1 + ".repeat(20_000) + "1",
        "m{i=\"00001\"} + ".repeat(20_000) + "m",
        r#"count_values("v", {__name__=~".+"})"#.to_owned(),
        r#"count_values("v", max_over_time({__name__=~".+"}[1d:1s]))"#.to_owned(),
    ];
    let engine = Engine::default();
    for query in queries {
        let begun = Work::begin();
        let options = QueryOptions::default();
        let _ = engine.range(&storage, &query, 0, 99_000, 1000, &options); // an answer or an error
        let took = begun.elapsed();
        let start: String = query.chars().take(40).collect();
        assert!(took < Duration::from_secs(5), "{start}: {took:?}"); // a second, when the machine has nothing else to do
    }
}
