//! Every endpoint that some client needs, once: that it is there, and answers in the form that is asked of it. What each does in
//! detail is tested elsewhere.

use axum::body::Body;
use axum::http::Request;

use crate::common::compress;
use crate::support::Server;

/// Method, target, content type, body; then the status and what is in the body.
type Endpoint = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u16,
    &'static str,
);

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// Marks a body that is sent as an empty message under snappy.
const SNAPPY: &str = "application/x-protobuf";

const ENDPOINTS: [Endpoint; 65] = [
    (
        "POST",
        "/query",
        FORM,
        "q=CREATE DATABASE db",
        200,
        "{\"results\":[{\"statement_id\":0}]}",
    ),
    (
        "GET",
        "/query?q=CREATE%20DATABASE%20metrics",
        "",
        "",
        200,
        "deprecated use of",
    ),
    // Empty parameters and an empty content type, as four systems send them.
    (
        "POST",
        "/write?consistency=&db=db&precision=&rp=",
        "",
        "m v=1 1",
        204,
        "",
    ),
    (
        "POST",
        "/write?db=no",
        "",
        "m v=1 1",
        404,
        "database not found",
    ),
    (
        "GET",
        "/query?db=db&q=SELECT%20v%20FROM%20m&epoch=ns",
        "",
        "",
        200,
        "[[1,1]]",
    ),
    (
        "GET",
        "/api/v1/query?query=1&time=4&timeout=",
        "",
        "",
        200,
        "\"resultType\":\"scalar\"",
    ),
    (
        "POST",
        "/api/v1/query?stats=all",
        FORM,
        "query=vector(1)",
        200,
        "\"resultType\":\"vector\"",
    ),
    ("POST", "/api/v1/write", SNAPPY, "", 204, ""),
    ("POST", "/api/v1/prom/write", SNAPPY, "", 204, ""),
    ("POST", "/prometheus/remote/write", SNAPPY, "", 204, ""),
    ("POST", "/api/v1/push", SNAPPY, "", 204, ""),
    ("GET", "/ping", "", "", 204, ""),
    ("HEAD", "/ping?wait_for_leader=1s", "", "", 204, ""),
    (
        "GET",
        "/api/v1/query_range?query=1&start=1&end=2&step=0.5",
        "",
        "",
        200,
        "\"resultType\":\"matrix\"",
    ),
    (
        "POST",
        "/api/v1/query_range",
        FORM,
        "query=1&start=1&end=2&step=1",
        200,
        "matrix",
    ),
    (
        "GET",
        "/api/v1/series?match[]=up&start=1",
        "",
        "",
        200,
        "\"data\":[]",
    ),
    (
        "POST",
        "/api/v1/series",
        FORM,
        "match[]=up&limit=5",
        200,
        "\"data\":[]",
    ),
    ("GET", "/api/v1/labels", "", "", 200, "\"__name__\""),
    ("POST", "/api/v1/labels", FORM, "limit=1", 200, "success"),
    (
        "GET",
        "/api/v1/label/__name__/values?start=0",
        "",
        "",
        200,
        "m_v",
    ),
    (
        "GET",
        "/api/v1/label/U__a_2e_b/values",
        "",
        "",
        200,
        "\"data\":[]",
    ),
    (
        "GET",
        "/api/v1/metadata?limit=40000",
        "",
        "",
        200,
        "\"data\":{",
    ),
    ("GET", "/api/v1/rules", "", "", 200, "{\"groups\":[]}"),
    (
        "GET",
        "/api/v1/status/buildinfo",
        "",
        "",
        200,
        "\"version\"",
    ),
    (
        "POST",
        "/api/v2/write?bucket=db&org=any&precision=ns",
        "",
        "m v=2 2",
        204,
        "",
    ),
    (
        "POST",
        "/datadog/api/v1/series",
        JSON,
        "{\"series\":[]}",
        202,
        "{\"status\":\"ok\"}",
    ),
    (
        "POST",
        "/datadog/api/v2/series",
        JSON,
        "{\"series\":[]}",
        202,
        "{\"errors\":[]}",
    ),
    (
        "GET",
        "/datadog/api/v1/validate",
        "",
        "",
        200,
        "{\"valid\":true}",
    ),
    (
        "POST",
        "/datadog/api/v1/check_run",
        JSON,
        "{}",
        202,
        "{\"status\":\"ok\"}",
    ),
    ("POST", "/datadog/intake/", JSON, "{}", 200, "{}"),
    ("POST", "/datadog/api/v1/metadata", JSON, "{}", 200, "{}"),
    // Refused, never accepted and dropped.
    (
        "POST",
        "/datadog/api/beta/sketches",
        SNAPPY,
        "",
        400,
        "sketches",
    ),
    (
        "POST",
        "/datadog/api/v1/distribution_points",
        JSON,
        "{}",
        400,
        "distributions",
    ),
    (
        "GET",
        "/api/v1/query_exemplars?query=test&start=1795446000000&end=1795449600000",
        "",
        "",
        200,
        "\"data\":[]",
    ),
    (
        "POST",
        "/api/v1/query_exemplars",
        FORM,
        "query=test",
        200,
        "\"data\":[]",
    ),
    ("GET", "/api/v1/alerts", "", "", 200, "{\"alerts\":[]}"),
    (
        "GET",
        "/api/v1/status/flags",
        "",
        "",
        200,
        "storage.tsdb.retention.time",
    ),
    ("GET", "/-/healthy", "", "", 200, "Healthy"),
    ("HEAD", "/-/healthy", "", "", 200, ""),
    ("GET", "/-/ready", "", "", 200, "Ready"),
    ("HEAD", "/-/ready", "", "", 200, ""),
    ("POST", "/-/reload", "", "", 403, "not enabled"),
    ("POST", "/api/v1/read", SNAPPY, "", 200, ""),
    ("POST", "/api/v1/prom/read", SNAPPY, "", 200, ""),
    ("GET", "/", "", "", 200, "tsdb"),
    ("GET", "/metrics", "", "", 200, "tsdb_ready 1"),
    ("GET", "/health", "", "", 200, "\"status\":\"pass\""),
    (
        "GET",
        "/api/v1/search/metric_names?search[]=a",
        "",
        "",
        404,
        "404 page not found",
    ),
    ("GET", "/federate?match[]=up", "", "", 200, ""),
    (
        "GET",
        "/api/v1/status/runtimeinfo",
        "",
        "",
        200,
        "storageRetention",
    ),
    ("GET", "/api/v1/status/tsdb", "", "", 200, "headStats"),
    ("GET", "/api/v1/status/config", "", "", 200, "yaml"),
    (
        "GET",
        "/api/v1/status/walreplay",
        "",
        "",
        200,
        "\"current\"",
    ),
    ("GET", "/api/v1/targets", "", "", 200, "activeTargets"),
    (
        "GET",
        "/api/v1/targets/metadata",
        "",
        "",
        200,
        "\"data\":[]",
    ),
    (
        "GET",
        "/api/v1/alertmanagers",
        "",
        "",
        200,
        "activeAlertmanagers",
    ),
    (
        "GET",
        "/api/v1/format_query?query=1%2B1",
        "",
        "",
        200,
        "1 + 1",
    ),
    (
        "GET",
        "/api/v1/parse_query?query=1",
        "",
        "",
        200,
        "numberLiteral",
    ),
    (
        "POST",
        "/api/v1/admin/tsdb/delete_series?match[]=up",
        "",
        "",
        500,
        "unavailable",
    ),
    ("POST", "/v1/metrics", JSON, "{}", 200, "{}"),
    ("POST", "/api/v1/otlp/v1/metrics", JSON, "{}", 200, "{}"),
    ("POST", "/api/v1/import/prometheus", "", "a 1\n", 204, ""),
    ("POST", "/api/v1/import", "", "", 204, ""),
    (
        "GET",
        "/api/v1/export?match[]=a",
        "",
        "",
        200,
        "\"values\":[1]",
    ),
    (
        "GET",
        "/api/v1/export/csv?match[]=a&format=__name__,__value__",
        "",
        "",
        200,
        "a,1",
    ),
];

#[tokio::test]
async fn everything_that_a_client_needs_is_there() {
    let server = Server::new(&[]);
    let mut faults = String::new();
    for (method, target, content_type, body, status, expected) in ENDPOINTS {
        let mut request = Request::builder().method(method).uri(target);
        let mut body = body.as_bytes().to_vec();
        if target.starts_with("/write") || !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        if content_type == SNAPPY {
            request = request.header("content-encoding", "snappy");
            body = compress(&body);
        }
        // Whatever a client says of itself is accepted.
        request = request
            .header("authorization", "Token any")
            .header("x-scope-orgid", "any");
        let answer = server.send(request.body(Body::from(body)).unwrap()).await;
        let is_influx = ["/ping", "/write", "/query", "/api/v2/write", "/health"];
        let path = target.split('?').next().unwrap_or("");
        let has_version = answer.header("x-influxdb-version") == "1.6.7";
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != status
            || !text.contains(expected)
            || has_version != is_influx.contains(&path)
        {
            faults += &format!("{method} {target}: {} {text}\n", answer.status);
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
