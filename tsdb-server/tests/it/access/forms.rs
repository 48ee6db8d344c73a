//! Credentials in every protocol's form, and refusals in every protocol's form.

use axum::http::{Method, StatusCode};

use super::{basic, guarded, usual};

#[tokio::test]
async fn credentials_are_taken_where_clients_put_them() {
    let server = guarded(&usual(), &["--influx.create-databases"]);
    let all = basic("all", "all-password");
    let reader = basic("reader", "reader-password");
    let (ok, created, refused, forbidden) = (200, 204, 401, 403);
    for (request, header, status) in [
        ("GET /api/v1/query?query=1", all.as_str(), ok),
        ("GET /api/v1/query?query=1", &reader, ok),
        (
            "GET /api/v1/query?query=1",
            &basic("all", "reader-password"),
            refused,
        ),
        (
            "GET /api/v1/query?query=1",
            &basic("nobody", "all-password"),
            refused,
        ),
        (
            "GET /api/v1/query?query=1",
            "authorization: Bearer writer-token",
            forbidden,
        ),
        (
            "GET /api/v1/query?query=1&u=all&p=all-password",
            "",
            refused,
        ),
        ("GET /metrics", &reader, ok),
        ("GET /metrics", "", refused),
        ("GET /-/ready", "", ok),
        ("GET /-/healthy", "authorization: Bearer wrong", ok),
        ("POST /api/v1/write", &all, created),
        ("POST /api/v1/write", &reader, forbidden),
        (
            "POST /api/v1/write",
            "authorization: Bearer writer-token",
            created,
        ),
        (
            "POST /api/v1/write",
            "authorization: bearer writer-token",
            created,
        ),
        (
            "POST /api/v1/write",
            "authorization: Bearer writer-token2",
            refused,
        ),
        (
            "POST /api/v1/write",
            "authorization: Bearer writer-toke",
            refused,
        ),
        (
            "POST /write?db=a",
            "authorization: Token writer-token",
            created,
        ),
        (
            "POST /write?db=a",
            "authorization: Token all:all-password",
            created,
        ),
        ("POST /write?db=a", &all, created),
        ("POST /write?db=a&u=all&p=all-password", "", created),
        ("POST /write?db=a&u=reader&p=reader-password", "", forbidden),
        ("POST /write?db=a&u=all&p=wrong", "", refused),
        ("POST /write?db=a&u=all&p=", "", refused),
        (
            "POST /api/v2/write?bucket=a",
            "authorization: Token writer-token",
            created,
        ),
        ("POST /api/v2/write?bucket=a", "", refused),
        ("GET /ping", "", created),
        (
            "GET /query?q=SHOW%20DATABASES&u=reader&p=reader-password",
            "",
            ok,
        ),
        ("GET /query?q=SHOW%20DATABASES", "", refused),
        (
            "POST /datadog/api/v1/check_run",
            "dd-api-key: writer-token",
            202,
        ),
        ("GET /datadog/api/v1/validate?api_key=writer-token", "", ok),
        (
            "GET /datadog/api/v1/validate",
            "dd-api-key: wrong",
            forbidden,
        ),
    ] {
        let (method, target) = request.split_once(' ').unwrap();
        let answer = server.send(method.parse().unwrap(), target, header).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{request} {header}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_speaks_the_protocol_of_its_route() {
    let server = guarded(&usual(), &[]);
    for (request, header, challenge, body) in [
        (
            "POST /api/v1/write",
            "",
            "Basic realm=\"tsdb\"",
            "Unauthorized\n",
        ),
        (
            "POST /write?db=a",
            "",
            "Basic realm=\"InfluxDB\"",
            "{\"error\":\"authorization failed\"}\n",
        ),
        (
            "POST /api/v2/write?bucket=a",
            "",
            "Basic realm=\"InfluxDB\"",
            "{\"code\":\"unauthorized\",\"message\":\"unauthorized access\"}\n",
        ),
        (
            "POST /datadog/api/v1/series",
            "",
            "",
            "{\"errors\":[\"Forbidden\"]}\n",
        ),
    ] {
        let (method, target) = request.split_once(' ').unwrap();
        let answer = server.send(method.parse().unwrap(), target, header).await;
        assert_eq!(answer.text(), body, "{request}");
        assert_eq!(answer.header("www-authenticate"), challenge, "{request}");
    }
    let answer = server.send(Method::GET, "/query?q=x", "").await;
    assert_eq!(answer.header("x-influxdb-version"), "1.6.7");
}

#[tokio::test]
async fn statements_need_the_scope_of_what_they_do() {
    let server = guarded(&usual(), &[]);
    let all = basic("all", "all-password");
    let reader = basic("reader", "reader-password");
    let ask = |method, q: &str, header: &str| {
        let target = format!("/query?db=a&q={}", q.replace(' ', "%20"));
        let header = header.to_owned();
        let server = &server;
        async move { server.send(method, &target, &header).await.status }
    };
    for (q, by_reader, by_get) in [
        ("SHOW DATABASES", StatusCode::OK, StatusCode::OK),
        ("SELECT * FROM m", StatusCode::OK, StatusCode::OK),
        ("CREATE DATABASE b", StatusCode::FORBIDDEN, StatusCode::OK),
        (
            "DROP DATABASE b",
            StatusCode::FORBIDDEN,
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            "DROP MEASUREMENT m",
            StatusCode::FORBIDDEN,
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            "DELETE FROM m",
            StatusCode::FORBIDDEN,
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            "SHOW DATABASES; DROP SERIES FROM m",
            StatusCode::FORBIDDEN,
            StatusCode::METHOD_NOT_ALLOWED,
        ),
    ] {
        assert_eq!(ask(Method::GET, q, &all).await, by_get, "{q}");
        assert_eq!(ask(Method::POST, q, &all).await, StatusCode::OK, "{q}");
        assert_eq!(ask(Method::POST, q, &reader).await, by_reader, "{q}");
    }
}

#[tokio::test]
async fn admin_routes_stay_off_whoever_asks() {
    let server = guarded(&usual(), &[]);
    let token = "authorization: Bearer admin-token";
    let flush = server
        .send(Method::POST, "/api/v1/admin/tsdb/flush", token)
        .await;
    assert!(flush.text().contains("admin APIs disabled"), "{flush:?}");
    let quit = server.send(Method::POST, "/-/quit", token).await;
    assert_eq!(quit.status, StatusCode::FORBIDDEN);
    let on = guarded(&usual(), &["--web.enable-admin-api"]);
    let flush = on
        .send(Method::POST, "/api/v1/admin/tsdb/flush", token)
        .await;
    assert_eq!(flush.status, StatusCode::NO_CONTENT);
    let flush = on
        .send(
            Method::POST,
            "/api/v1/admin/tsdb/flush",
            "authorization: Bearer writer-token",
        )
        .await;
    assert_eq!(flush.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn browsers_are_told_what_not_to_do() {
    let server = guarded(
        "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1\n",
        &[],
    );
    let page = server.send(Method::GET, "/", "").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("script"),
        "{policy}"
    );
    assert!(!page.text().contains("<script"), "{}", page.text());
    for target in ["/", "/nosuch", "/metrics", "/api/v1/query?query=1", "/ping"] {
        let answer = server.send(Method::GET, target, "").await;
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "{target}"
        );
        assert_eq!(answer.header("x-frame-options"), "DENY", "{target}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{target}");
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=1",
            "{target}"
        );
    }
}

#[tokio::test]
async fn preflight_requests_carry_no_credentials() {
    let server = guarded(&usual(), &["--web.cors.origin=http://x"]);
    let preflight = server
        .send(Method::OPTIONS, "/api/v1/query", "origin: http://x")
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), "http://x");
}
