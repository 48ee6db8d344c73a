//! What is stored of which request.

use serde_json::{Value, json};

use super::{Both, attribute, ns, request};

fn resource() -> Value {
    json!([
        attribute("service.name", "shop"),
        attribute("service.namespace", "eu"),
        attribute("service.instance.id", "i-1"),
        attribute("host.name", "h1"),
    ])
}

fn counter() -> Value {
    json!({"name": "http.requests", "description": "Requests.", "unit": "{request}", "sum": {
        "aggregationTemporality": 2, "isMonotonic": true,
        "dataPoints": [{
            "startTimeUnixNano": ns(500), "timeUnixNano": ns(1000), "asInt": "42",
            "attributes": [attribute("http.method", "GET"), {"key": "code", "value": {"intValue": "200"}}],
        }],
    }})
}

#[tokio::test]
async fn numbers_get_names_labels_start_times_and_metadata() {
    let both = Both::new(&["--enable-feature=use-start-timestamps"]);
    let gauge = json!({"name": "mem.usage", "unit": "By", "gauge": {"dataPoints": [
        {"timeUnixNano": ns(1000), "asDouble": 1.5, "attributes": [attribute("a.b", "1"), attribute("a-b", "2")]},
        {"timeUnixNano": ns(1000), "asInt": "-3"},
    ]}});
    both.store(&request(resource(), json!([counter(), gauge])))
        .await;
    let labels = json!({"__name__": "http_requests_total", "job": "eu/shop", "instance": "i-1", "http_method": "GET", "code": "200"});
    assert_eq!(
        both.found("http_requests_total").await,
        [(labels, "42".to_owned())]
    );
    let (one, other) = (
        json!({"__name__": "mem_usage_bytes", "job": "eu/shop", "instance": "i-1", "a_b": "2;1"}),
        json!({"__name__": "mem_usage_bytes", "job": "eu/shop", "instance": "i-1"}),
    );
    let found = both.found("sort(mem_usage_bytes)").await;
    assert_eq!(found, [(other, "-3".to_owned()), (one, "1.5".to_owned())]);
    // Counted since its start, all in the last ten minutes.
    let increase = both.found("increase(http_requests_total[10m])").await;
    assert_eq!(increase[0].1, "42");
    let info =
        json!({"__name__": "target_info", "job": "eu/shop", "instance": "i-1", "host_name": "h1"});
    assert_eq!(both.found("target_info").await, [(info, "1".to_owned())]);
    assert_eq!(
        both.data("/api/v1/metadata").await,
        json!({
            "http_requests_total": [{"type": "counter", "help": "Requests.", "unit": ""}],
            "mem_usage_bytes": [{"type": "gauge", "help": "", "unit": "bytes"}],
        })
    );
}

fn histogram(bounds: &Value, counts: &Value) -> Value {
    json!([{"name": "latency", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": ns(1000), "count": "6", "sum": 12.5, "bucketCounts": counts, "explicitBounds": bounds},
    ]}}])
}

#[tokio::test]
async fn histograms_are_classic_or_have_custom_buckets() {
    let (bounds, counts) = (json!([0.5, 1, 1e21]), json!(["1", "2", "0", "3"]));
    let classic = Both::new(&[]);
    classic
        .store(&request(json!([]), histogram(&bounds, &counts)))
        .await;
    let found = classic.found("latency_seconds_bucket").await;
    let mut found: Vec<_> = found
        .iter()
        .map(|(labels, value)| (labels["le"].as_str().unwrap(), value.as_str()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("+Inf", "6"),
            ("0.5", "1"),
            ("1", "3"),
            ("1000000000000000000000", "3")
        ]
    );
    assert_eq!(classic.found("latency_seconds_count").await[0].1, "6");
    assert_eq!(classic.found("latency_seconds_sum").await[0].1, "12.5");

    let custom = Both::configured("{convert_histograms_to_nhcb: true}").await;
    custom
        .store(&request(json!([]), histogram(&bounds, &counts)))
        .await;
    assert_eq!(
        custom.found("histogram_count(latency_seconds)").await[0].1,
        "6"
    );
    assert_eq!(
        custom
            .found("histogram_quantile(0.25,latency_seconds)")
            .await[0]
            .1,
        "0.625"
    );
    assert!(custom.found("latency_seconds_count").await.is_empty());
}

#[tokio::test]
async fn exponential_histograms_are_native_ones() {
    let both = Both::new(&[]);
    let point = json!({
        "timeUnixNano": ns(1000), "count": "10", "sum": 20, "scale": 0, "zeroCount": "1", "zeroThreshold": 0.25,
        "positive": {"offset": 1, "bucketCounts": ["3", "0", "0", "0", "2"]},
        "negative": {"offset": 0, "bucketCounts": [4]},
    });
    let metric = json!([{"name": "size", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [point]}}]);
    both.store(&request(json!([]), metric)).await;
    let data = both.data("/api/v1/query?time=1000&query=size").await;
    let histogram = &data["result"][0]["histogram"][1];
    assert_eq!(
        *histogram,
        json!({"count": "10", "sum": "20", "buckets": [
            [1, "-2", "-1", "4"], [3, "-0.25", "0.25", "1"], [0, "2", "4", "3"], [0, "32", "64", "2"],
        ]})
    );
}

#[tokio::test]
async fn summaries_have_quantiles() {
    let both = Both::new(&[]);
    let point = json!({"timeUnixNano": ns(1000), "count": "7", "sum": 1.5, "quantileValues": [{"quantile": 0.5, "value": 2}, {"quantile": 1, "value": 3.25}]});
    let metric = json!([{"name": "rpc", "summary": {"dataPoints": [point]}}]);
    both.store(&request(json!([]), metric)).await;
    let found = both.found("{__name__=~\"rpc.*\"}").await;
    let mut found: Vec<_> = found
        .into_iter()
        .map(|(labels, value)| {
            (
                labels["__name__"].as_str().unwrap().to_owned(),
                labels["quantile"].clone(),
                value,
            )
        })
        .collect();
    found.sort_by_key(|(name, quantile, _)| (name.clone(), quantile.to_string()));
    let expected =
        |name: &str, quantile, value: &str| (name.to_owned(), quantile, value.to_owned());
    assert_eq!(
        found,
        [
            expected("rpc", json!("0.5"), "2"),
            expected("rpc", json!("1"), "3.25"),
            expected("rpc_count", Value::Null, "7"),
            expected("rpc_sum", Value::Null, "1.5"),
        ]
    );
}

#[tokio::test]
async fn a_point_without_recorded_value_ends_its_series() {
    let both = Both::new(&[]);
    let exponential = |point: Value| json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [point]}});
    let gauge = |point: Value| json!({"name": "g", "gauge": {"dataPoints": [point]}});
    let value = json!({"timeUnixNano": ns(990), "asInt": 1});
    let buckets = json!({"timeUnixNano": ns(990), "count": 1, "positive": {"bucketCounts": [1]}});
    both.store(&request(
        json!([]),
        json!([gauge(value), exponential(buckets)]),
    ))
    .await;
    assert_eq!(both.found("{__name__=~\"g|e\"}").await.len(), 2);
    let stale = json!({"timeUnixNano": ns(1000), "flags": 1});
    both.store(&request(
        json!([]),
        json!([gauge(stale.clone()), exponential(stale)]),
    ))
    .await;
    assert!(both.found("{__name__=~\"g|e\"}").await.is_empty());
}

#[tokio::test]
async fn settings_promote_attributes_and_keep_names() {
    let both = Both::configured(
        "{translation_strategy: NoTranslation, promote_resource_attributes: [host.name], promote_scope_metadata: true, keep_identifying_resource_attributes: true}",
    )
    .await;
    both.store(&request(resource(), json!([counter()]))).await;
    let found = both.found("{\"http.requests\"}").await;
    let labels = json!({
        "__name__": "http.requests", "job": "eu/shop", "instance": "i-1", "http.method": "GET", "code": "200", "host.name": "h1",
        "otel_scope_name": "lib", "otel_scope_version": "1.2", "otel_scope_schema_url": "https://s", "otel_scope_a.b": "c",
    });
    assert_eq!(found, [(labels, "42".to_owned())]);
    let info = both.found("target_info").await;
    assert_eq!(info[0].0["service.name"], "shop");
}

#[tokio::test]
async fn nested_attributes_are_json() {
    let both = Both::new(&[]);
    let list = json!({"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "2"}, {"boolValue": true}]}}});
    let map = json!({"key": "map", "value": {"kvlistValue": {"values": [attribute("b", "1"), {"key": "a", "value": {"doubleValue": 0.5}}]}}});
    let point = json!({"timeUnixNano": ns(1000), "asInt": 1, "attributes": [list, map]});
    both.store(&request(
        json!([]),
        json!([{"name": "g", "gauge": {"dataPoints": [point]}}]),
    ))
    .await;
    let labels =
        json!({"__name__": "g", "list": "[\"x\",2,true]", "map": "{\"a\":0.5,\"b\":\"1\"}"});
    assert_eq!(both.found("g").await, [(labels, "1".to_owned())]);
}
