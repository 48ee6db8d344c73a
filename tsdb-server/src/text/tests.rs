//! The suites of the specification and of Prometheus, pages of real exporters, and arbitrary text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::*;
use serde::Deserialize;
use tsdb_core::{Labels, MetricType};

use super::*;

/// A directory of collected pages; `None`, and a word about it, where it is not there.
fn expositions(name: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/expositions");
    let path = PathBuf::from(root).join(name);
    let there = path.exists();
    if !there {
        println!("skipped: {} is not there", path.display());
    }
    there.then_some(path)
}

/// The first error of a page.
fn first_error(page: &[u8], format: Format, strict: bool) -> Result<(), String> {
    let mut rules = Strict::default();
    for event in events(page, format) {
        let event = event.map_err(|e| e.to_string())?;
        if strict {
            rules.check(&event).map_err(Cow::into_owned)?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct SuiteCase {
    name: String,
    should_parse: bool,
    metrics: String,
}

#[test]
fn the_suite_of_openmetrics_agrees() {
    let Some(path) = expositions("openmetrics-suite/parsers.jsonl") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in text.lines() {
        let case: SuiteCase = serde_json::from_str(line).unwrap();
        let read = first_error(case.metrics.as_bytes(), Format::OpenMetrics, true);
        if read.is_ok() != case.should_parse {
            wrong.push(format!("{}: {read:?}", case.name));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(cases, 211);
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Base64 { base64: String },
}

#[derive(Deserialize)]
struct PrometheusCase {
    input: Input,
    prometheus_error: String,
}

#[test]
fn what_prometheus_refuses_is_refused_and_nothing_else() {
    for (file, format, count) in [
        ("openmetrics-errors", Format::OpenMetrics, 70),
        ("openmetrics-nullbyte", Format::OpenMetrics, 12),
        ("prom-text-errors", Format::Prometheus, 18),
        ("prom-text-nullbyte", Format::Prometheus, 9),
    ] {
        let Some(path) = expositions(&format!("prometheus-textparse/{file}.jsonl")) else {
            return;
        };
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), count, "{file}");
        for line in text.lines() {
            let case: PrometheusCase = serde_json::from_str(line).unwrap();
            let input = match case.input {
                Input::Text(text) => text.into_bytes(),
                Input::Base64 { base64 } => from_base64(&base64),
            };
            let good = matches!(case.prometheus_error.as_str(), "" | "EOF");
            let read = first_error(&input, format, false);
            assert_eq!(read.is_ok(), good, "{file}: {line}: {read:?}");
        }
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::new());
    for byte in text.bytes().filter(|b| *b != b'=') {
        let digit = DIGITS.iter().position(|d| *d == byte).unwrap();
        bits = bits << 6 | digit as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// Samples and series of a page.
fn count(page: &[u8], format: Format) -> (usize, usize) {
    let mut samples = 0;
    let mut series = BTreeSet::new();
    for event in events(page, format) {
        if let Event::Sample(sample) = event.unwrap() {
            samples += 1;
            let mut labels: Vec<_> = sample.labels.iter().collect();
            labels.sort_unstable();
            series.insert((sample.name, labels));
        }
    }
    (samples, series.len())
}

/// The counts are those of Prometheus 2.42, which scraped each page: `scrape_samples_scraped`, and what `/api/v1/series`
/// lists. It refuses `openmetricsparse_test.om.txt`, which later ones read: that is counted by hand.
#[test]
fn pages_of_real_exporters_have_the_samples_that_prometheus_finds() {
    for (page, samples, series) in PAGES {
        let Some(path) = expositions(page) else {
            continue;
        };
        let format = match page.ends_with(".om.txt") {
            true => Format::OpenMetrics,
            false => Format::Prometheus,
        };
        let found = count(&std::fs::read(path).unwrap(), format);
        assert_eq!(found, (*samples, *series), "{page}");
    }
}

const PAGES: &[(&str, usize, usize)] = &[
    ("cadvisor/prometheus_machine_metrics.prom.txt", 66, 66),
    ("cadvisor/prometheus_machine_metrics_failure.prom.txt", 1, 1),
    ("cadvisor/prometheus_metrics.prom.txt", 287, 287),
    ("cadvisor/prometheus_metrics_failure.prom.txt", 1, 1),
    (
        "cadvisor/prometheus_metrics_perf_aggregated.prom.txt",
        17,
        17,
    ),
    (
        "cadvisor/prometheus_metrics_whitelist_filtered.prom.txt",
        287,
        287,
    ),
    ("kube-state-metrics/server_test-0.prom.txt", 41, 41),
    ("kube-state-metrics/server_test-1.prom.txt", 2, 2),
    ("kube-state-metrics/server_test-2.prom.txt", 20, 20),
    ("kube-state-metrics/store-tests-merged.prom.txt", 999, 997),
    ("metrics-server/kubelet_metrics_resource.prom.txt", 283, 283),
    ("node-problem-detector/sample_metrics.prom.txt", 31, 31),
    ("node_exporter/e2e-64k-page-output.txt", 3003, 3003),
    ("node_exporter/e2e-output-darwin.txt", 103, 103),
    ("node_exporter/e2e-output-freebsd.txt", 106, 106),
    ("node_exporter/e2e-output.txt", 3027, 3027),
    (
        "node_exporter/textfile-client_side_timestamp.prom.txt",
        2,
        2,
    ),
    (
        "node_exporter/textfile-different_metric_types.prom.txt",
        22,
        22,
    ),
    ("node_exporter/textfile-histogram.prom.txt", 13, 13),
    (
        "node_exporter/textfile-histogram_extra_dimension.prom.txt",
        26,
        26,
    ),
    (
        "node_exporter/textfile-inconsistent_metrics.prom.txt",
        19,
        19,
    ),
    ("node_exporter/textfile-summary.prom.txt", 20, 20),
    (
        "node_exporter/textfile-summary_extra_dimension.prom.txt",
        10,
        10,
    ),
    ("prometheus-textparse/1histogram.om.txt", 42, 42),
    (
        "prometheus-textparse/alltypes.237mfs.nometa.prom.txt",
        1857,
        1857,
    ),
    ("prometheus-textparse/alltypes.237mfs.prom.txt", 1857, 1857),
    ("prometheus-textparse/alltypes.5mfs.om.txt", 53, 53),
    ("prometheus-textparse/openmetricsparse_test.om.txt", 61, 61),
    ("prometheus-textparse/promparse_test.prom.txt", 27, 24),
    ("telegraf/openmetrics-dovecot.om.txt", 90, 90),
    ("telegraf/openmetrics-multiple.om.txt", 14, 14),
    ("telegraf/openmetrics-valid_counter.om.txt", 1, 1),
    ("telegraf/openmetrics-valid_gauge.om.txt", 3, 3),
    ("telegraf/openmetrics-valid_gaugehistogram.om.txt", 10, 10),
    ("telegraf/openmetrics-valid_histogram.om.txt", 10, 10),
    ("telegraf/openmetrics-valid_info.om.txt", 1, 1),
    ("telegraf/openmetrics-valid_stateset.om.txt", 6, 6),
    ("telegraf/openmetrics-valid_summary.om.txt", 6, 6),
];

fn only_sample(line: &str, format: Format) -> SampleLine<'_> {
    match Page::new(format).line(line.as_bytes()) {
        Ok(Event::Sample(sample)) => sample,
        other => panic!("{line}: {other:?}"),
    }
}

fn pairs(labels: &LabelText<'_>) -> Vec<(String, String)> {
    let owned = |(n, v): (Cow<'_, str>, Cow<'_, str>)| (n.into_owned(), v.into_owned());
    labels.iter().map(owned).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn a_sample_has_name_labels_value_time_and_exemplar() {
    let line = r#"foo_total{a="x\"\\\n\z",b=""} 17.5 1520879607.789 # {id="t",s="1"} 5e-1 1.25"#;
    let sample = only_sample(line, Format::OpenMetrics);
    assert_eq!(sample.name, "foo_total");
    assert_eq!(
        pairs(&sample.labels),
        [pair("a", "x\"\\\n\\z"), pair("b", "")]
    );
    assert_eq!(sample.value, 17.5);
    assert_eq!(sample.t_ms, Some(1_520_879_607_789));
    let exemplar = sample.exemplar.unwrap();
    assert_eq!(pairs(&exemplar.labels), [pair("id", "t"), pair("s", "1")]);
    assert_eq!((exemplar.value, exemplar.t_ms), (0.5, Some(1_250)));

    let sample = only_sample("up\t{ a = \"1\" b=\"2\", }  3 \t-5 ", Format::Prometheus);
    assert_eq!(pairs(&sample.labels), [pair("a", "1"), pair("b", "2")]);
    assert_eq!((sample.value, sample.t_ms), (3.0, Some(-5)));
}

#[test]
fn names_beyond_the_old_alphabet_stand_in_quotes() {
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let sample = only_sample(r#"{"http.\"status","a.b"="1",c="2"} 1"#, format);
        assert_eq!(sample.name, "http.\"status");
        assert_eq!(pairs(&sample.labels), [pair("a.b", "1"), pair("c", "2")]);
        let line = b"# TYPE \"http.status\" counter";
        let Ok(Event::Type { family, kind }) = Page::new(format).line(line) else {
            panic!("no type");
        };
        assert_eq!((&*family, kind), ("http.status", MetricType::Counter));
    }
}

#[test]
fn every_nan_is_prometheuss() {
    for text in ["NaN", "nan", "NAN"] {
        let line = format!("a {text}");
        let sample = only_sample(&line, Format::Prometheus);
        assert_eq!(sample.value.to_bits(), 0x7ff8_0000_0000_0001);
    }
    for refused in ["-NaN", "+nan", "1e999", "0x1", "1_0", "", "infinit"] {
        let line = format!("a {refused}");
        assert!(Page::new(Format::Prometheus).line(line.as_bytes()).is_err());
    }
    let sample = only_sample("a -inf", Format::Prometheus);
    assert_eq!(sample.value, f64::NEG_INFINITY);
}

#[test]
fn errors_tell_line_and_column_and_the_next_line_is_read() {
    let page = b"a 1\nb{c=} 2\n\n# HELP d what \\n it \\\" is\nd 3\n";
    let read: Vec<_> = events(page, Format::Prometheus).collect();
    assert_eq!(read.len(), 5);
    assert_eq!(
        read[1].as_ref().unwrap_err().to_string(),
        "line 2, column 5: expected a label value in quotes, ending on this line"
    );
    assert!(matches!(&read[3], Ok(Event::Help { help, .. }) if help == "what \n it \\\" is"));
    assert!(matches!(&read[4], Ok(Event::Sample(s)) if s.name == "d"));
}

#[test]
fn counters_named_as_kube_state_metrics_does_are_read_but_not_by_the_rules() {
    let page = b"# HELP kube_pod_restarts_total [STABLE] Restarts.\n\
        # TYPE kube_pod_restarts_total counter\n\
        kube_pod_restarts_total{pod=\"a\"} 2\n# EOF\n";
    assert_eq!(first_error(page, Format::OpenMetrics, false), Ok(()));
    assert!(first_error(page, Format::OpenMetrics, true).is_err());
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn samples_are_written_as_prometheus_federates_them() {
    let up = Labels::from_pairs([("__name__", "up"), ("job", "a\"b\\\n")]).unwrap();
    let odd = Labels::from_pairs([("__name__", "1http.é"), ("a.b", "1")]).unwrap();
    let more = [("instance", ""), ("job", "outside")];
    let written = |utf8_names| {
        let mut out = Vec::new();
        let mut writer = UntypedWriter::new(utf8_names);
        for (labels, value) in [(&up, 1.0), (&up, 1e6), (&odd, -0.0), (&odd, 1.5e-5)] {
            writer.write(&mut out, labels, &more, (1_000, value));
        }
        text_of(&out)
    };
    let plain = "# TYPE up untyped\n\
         up{job=\"a\\\"b\\\\\\n\",instance=\"\"} 1 1000\n\
         up{job=\"a\\\"b\\\\\\n\",instance=\"\"} 1e+06 1000\n";
    assert_eq!(
        written(true),
        plain.to_owned()
            + "# TYPE \"1http.é\" untyped\n\
             {\"1http.é\",\"a.b\"=\"1\",instance=\"\",job=\"outside\"} 0 1000\n\
             {\"1http.é\",\"a.b\"=\"1\",instance=\"\",job=\"outside\"} 1.5e-05 1000\n"
    );
    assert_eq!(
        written(false),
        plain.to_owned()
            + "# TYPE _http__ untyped\n\
             _http__{a_b=\"1\",instance=\"\",job=\"outside\"} 0 1000\n\
             _http__{a_b=\"1\",instance=\"\",job=\"outside\"} 1.5e-05 1000\n"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_events_or_errors(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let _ = first_error(&bytes, format, true);
        }
    }

    #[test]
    fn lines_like_real_ones_are_events_or_errors(
        parts in proptest::collection::vec(
            prop::sample::select(vec![
                "a", "a_total", "{", "}", "b=\"c\"", "le=\"1\"", ",", " ", " 1", " # {", "# TYPE a ", "counter", "histogram",
                "# HELP a", "# UNIT a_s s", "# EOF", "\n", "\\", "\"", "NaN", "\t", "é",
            ]),
            0..40,
        ),
    ) {
        let page = parts.concat();
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let lenient = first_error(page.as_bytes(), format, false);
            // The rules only take away.
            if first_error(page.as_bytes(), format, true).is_ok() {
                prop_assert_eq!(lenient, Ok(()));
            }
        }
    }

    #[test]
    fn what_is_written_is_read(
        name in "\\PC{1,20}",
        labels in proptest::collection::btree_map("\\PC{1,10}", "(?s).{1,20}", 0..4),
        value in any::<f64>(),
        t_ms in any::<i64>(),
    ) {
        let mut labels = labels;
        labels.insert("__name__".to_owned(), name.clone());
        let set = Labels::from_pairs(&labels).unwrap();
        let mut out = Vec::new();
        UntypedWriter::new(true).write(&mut out, &set, &[], (t_ms, value));
        let read: Result<Vec<_>, _> = events(&out, Format::Prometheus).collect();
        let read = read.unwrap();
        let (Event::Type { family, .. }, Event::Sample(sample)) = (&read[0], &read[1]) else {
            panic!("{}", text_of(&out));
        };
        prop_assert_eq!(family, &name);
        let mut pairs: Vec<_> = sample.labels.iter().collect();
        pairs.push(("__name__".into(), sample.name.clone()));
        prop_assert_eq!(Labels::from_pairs(pairs).unwrap(), set);
        prop_assert!(sample.value == value || value.is_nan() && sample.value.is_nan());
        prop_assert_eq!(sample.t_ms, Some(t_ms));
    }
}
