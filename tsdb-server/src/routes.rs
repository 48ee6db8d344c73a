//! Every route, with what it asks of its callers. The router is made of this table and of nothing else, so that no route
//! lacks a class.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, any, get, post};

use crate::api::{admin, exemplars, labels, metadata, page, query, running, series, status};
use crate::auth::{self, Access, Asked, Protocol};
use crate::export::{csv, federate, json_lines, remote_read};
use crate::import::routes as import;
use crate::influx::{self, ping, query as influxql, write as influx_write};
use crate::ingest::{datadog, otlp, remote_write};
use crate::state::AppState;
use crate::{http, telemetry};

/// Before the paths of the reading side it changes nothing: some clients are told of a Prometheus behind such a path.
pub(crate) const PREFIX: &str = "/prometheus";

type Row = (Access, &'static str, MethodRouter<AppState>);

struct Route {
    access: Access,
    protocol: Protocol,
    path: String,
    methods: MethodRouter<AppState>,
}

/// Parameters come in the URL or in a form.
fn get_or_post<T: 'static>(handler: impl Handler<T, AppState>) -> MethodRouter<AppState> {
    get(handler.clone()).post(handler)
}

fn post_or_put<T: 'static>(handler: impl Handler<T, AppState>) -> MethodRouter<AppState> {
    post(handler.clone()).put(handler)
}

/// Prometheus's API, and exports.
fn reading() -> Vec<Row> {
    use Access::{Admin, Lifecycle, Public, Read};
    vec![
        (Public, "/-/healthy", get(admin::healthy)),
        (Public, "/-/ready", get(admin::ready)),
        (Lifecycle, "/-/quit", post_or_put(admin::quit)),
        (Lifecycle, "/-/reload", post_or_put(admin::reload)),
        (Read, "/", get(page::index)),
        (Read, "/api/v1/query", get_or_post(query::instant)),
        (Read, "/api/v1/query_range", get_or_post(query::range)),
        (
            Read,
            "/api/v1/query_exemplars",
            get_or_post(exemplars::query),
        ),
        (Read, "/api/v1/format_query", get_or_post(query::format)),
        (Read, "/api/v1/parse_query", get_or_post(query::parse_query)),
        (Read, "/api/v1/series", get_or_post(series::series)),
        (Read, "/api/v1/labels", get_or_post(labels::names)),
        (Read, "/api/v1/label/{name}/values", get(labels::values)),
        (Read, "/api/v1/metadata", get(metadata::metadata)),
        (Read, "/api/v1/rules", get(status::rules)),
        (Read, "/api/v1/alerts", get(status::alerts)),
        (Read, "/api/v1/alertmanagers", get(status::alertmanagers)),
        (Read, "/api/v1/targets", get(status::targets)),
        (Read, "/api/v1/targets/metadata", get(status::empty_list)),
        (Read, "/api/v1/scrape_pools", get(status::scrape_pools)),
        (Read, "/api/v1/notifications", get(status::empty_list)),
        (Read, "/api/v1/status/buildinfo", get(status::buildinfo)),
        (Read, "/api/v1/status/runtimeinfo", get(status::runtimeinfo)),
        (Read, "/api/v1/status/tsdb", get(status::tsdb)),
        (Read, "/api/v1/status/flags", get(status::flags)),
        (Read, "/api/v1/status/config", get(status::config)),
        (Read, "/api/v1/status/queries", get(running::list)),
        (Read, "/api/v1/status/walreplay", get(status::walreplay)),
        (Admin, "/api/v1/admin/tsdb/flush", post_or_put(admin::flush)),
        (
            Admin,
            "/api/v1/admin/tsdb/snapshot",
            post_or_put(admin::snapshot),
        ),
        (
            Admin,
            "/api/v1/admin/tsdb/delete_series",
            post_or_put(admin::delete_series),
        ),
        (
            Admin,
            "/api/v1/admin/tsdb/clean_tombstones",
            post_or_put(admin::clean_tombstones),
        ),
        (
            Admin,
            "/api/v1/admin/queries/{id}/kill",
            post(running::kill),
        ),
        // Prometheus's path, and that of Cortex.
        (Read, "/api/v1/read", post(remote_read::read)),
        (Read, "/api/v1/prom/read", post(remote_read::read)),
        (Read, "/federate", get(federate::federate)),
        // VictoriaMetrics's paths.
        (Read, "/api/v1/export", get_or_post(json_lines::export)),
        (Read, "/api/v1/export/csv", get_or_post(csv::export)),
    ]
}

/// What stands at the root alone.
fn at_root() -> Vec<Row> {
    use Access::{Read, Write};
    vec![
        (Read, "/metrics", get(telemetry::metrics)),
        // Remote write: Prometheus's path, and those of Cortex, the m3 and Mimir families.
        (Write, "/api/v1/write", post(remote_write::write)),
        (Write, "/api/v1/prom/write", post(remote_write::write)),
        (Write, "/prometheus/remote/write", post(remote_write::write)),
        (Write, "/api/v1/push", post(remote_write::write)),
        // OpenTelemetry: Prometheus's path, and the one that exporters add to their endpoint.
        (Write, "/api/v1/otlp/v1/metrics", post(otlp::write)),
        (Write, "/v1/metrics", post(otlp::write)),
        // VictoriaMetrics's paths.
        (Write, "/api/v1/import", post_or_put(import::json)),
        (
            Write,
            "/api/v1/import/prometheus",
            post_or_put(import::prometheus),
        ),
    ]
}

/// Datadog's agent and clients, under a path of their own, since `/api/v1/series` is Prometheus's.
fn datadog() -> Vec<Row> {
    use Access::Write;
    vec![
        (Write, "/datadog/api/v1/series", post(datadog::version_1)),
        (Write, "/datadog/api/v2/series", post(datadog::version_2)),
        (Write, "/datadog/api/v1/validate", get(datadog::valid)),
        (Write, "/datadog/api/v1/check_run", post(datadog::accepted)),
        (Write, "/datadog/api/v1/metadata", post(datadog::nothing)),
        (Write, "/datadog/intake", post(datadog::nothing)),
        (Write, "/datadog/intake/", post(datadog::nothing)),
        (
            Write,
            "/datadog/api/beta/sketches",
            post(datadog::distributions),
        ),
        (
            Write,
            "/datadog/api/v1/distribution_points",
            post(datadog::distributions),
        ),
    ]
}

/// InfluxDB's version 1. Statements of `/query` that change something ask for more than their route.
fn influx_1() -> Vec<Row> {
    use Access::{Public, Read, Write};
    vec![
        (Public, "/ping", get(ping::ping)),
        (Public, "/health", get(ping::health)),
        (Write, "/write", post(influx_write::version_1)),
        (Read, "/query", get_or_post(influxql::query)),
    ]
}

/// InfluxDB's version 2.
fn influx_2() -> Vec<Row> {
    vec![(
        Access::Write,
        "/api/v2/write",
        post(influx_write::version_2),
    )]
}

/// Every route.
fn table() -> Vec<Route> {
    let mut table = Vec::new();
    let mut add = |protocol, prefix: &str, rows: Vec<Row>| {
        table.extend(rows.into_iter().map(|(access, path, methods)| Route {
            access,
            protocol,
            path: format!("{prefix}{path}"),
            methods,
        }));
    };
    add(Protocol::Prometheus, "", reading());
    add(Protocol::Prometheus, PREFIX, reading());
    add(Protocol::Prometheus, "", at_root());
    add(Protocol::Datadog, "", datadog());
    add(Protocol::Influx1, "", influx_1());
    add(Protocol::Influx2, "", influx_2());
    table
}

/// The path of every route; names in braces stand for what varies.
#[must_use]
pub fn paths() -> Vec<String> {
    table().into_iter().map(|route| route.path).collect()
}

/// The whole HTTP surface.
pub fn app(state: AppState) -> Router {
    let guarded = |access, protocol, methods: MethodRouter<AppState>| {
        let asked = Asked {
            state: state.clone(),
            access,
            protocol,
        };
        methods.layer(from_fn_with_state(asked, auth::authorize))
    };
    let mut router = Router::new();
    let mut influx = Router::new();
    for route in table() {
        // Also a wrong method is told only to who may know the route.
        let methods = route.methods.fallback(http::method_not_allowed);
        let methods = guarded(route.access, route.protocol, methods);
        let of_protocol = match route.protocol {
            Protocol::Influx1 | Protocol::Influx2 => &mut influx,
            Protocol::Prometheus | Protocol::Datadog => &mut router,
        };
        *of_protocol = std::mem::take(of_protocol).route(&route.path, methods);
    }
    // What is not here looks like what needs credentials to who has none.
    let none = guarded(Access::Read, Protocol::Prometheus, any(http::not_found));
    let router = router
        .merge(influx.layer(from_fn(influx::with_version)))
        .fallback_service(none.with_state(state.clone()))
        .layer(from_fn_with_state(state.clone(), http::hold_answer))
        .layer(http::compression())
        .layer(from_fn_with_state(state.clone(), http::cors))
        .layer(from_fn_with_state(state.clone(), http::limit_head))
        .layer(from_fn_with_state(state.clone(), telemetry::observe))
        .with_state(state.clone());
    // Layers of a router come after the route is found, these before.
    Router::new()
        .fallback_service(router)
        .layer(from_fn(http::normalise))
        .layer(from_fn_with_state(state, http::secure))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Method, Request, StatusCode};
    use clap::Parser;
    use tower::ServiceExt;
    use tsdb_core::{Db, Options};

    use super::*;
    use crate::Config;

    /// A server with one token of each scope, each the scope's name twice.
    fn server() -> Router {
        let dir = tempfile::tempdir().unwrap();
        let mut text = "bearer_tokens:\n".to_owned();
        for scope in ["read", "write", "admin"] {
            let file = dir.path().join(scope);
            std::fs::write(&file, format!("{scope}-{scope}")).unwrap();
            text += &format!("  - token_file: {scope}\n    scopes: [{scope}]\n");
        }
        let file = dir.path().join("web.yml");
        std::fs::write(&file, text).unwrap();
        let flag = format!("--web.config.file={}", file.display());
        let config = Config::try_parse_from(["tsdb-server", &flag]).unwrap();
        let state = AppState::with_store(config, Db::in_memory(Options::new()).unwrap());
        state.reload().unwrap();
        app(state)
    }

    async fn status(app: &Router, method: &Method, path: &str, token: Option<&str>) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().status()
    }

    /// What stands for a parameter in a path.
    fn concrete(path: &str) -> String {
        path.replace("{name}", "job").replace("{id}", "1")
    }

    const METHODS: [Method; 6] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
    ];

    #[tokio::test]
    async fn without_credentials_only_public_routes_answer() {
        let app = server();
        for route in table() {
            let path = concrete(&route.path);
            let refusal = match route.protocol {
                Protocol::Datadog => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            };
            for method in METHODS {
                for token in [None, Some("wrong-token"), Some("")] {
                    let status = status(&app, &method, &path, token).await;
                    let is_public = route.access == Access::Public;
                    assert_eq!(status == refusal, !is_public, "{method} {path} {token:?}");
                }
            }
        }
        for path in ["/nosuch", "/api/v1/nosuch", "/api/v1/query/"] {
            let status = status(&app, &Method::GET, path, None).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }

    #[tokio::test]
    async fn each_scope_opens_its_routes_alone() {
        let app = server();
        for route in table() {
            let needed = match route.access {
                Access::Public => continue,
                Access::Read => "read",
                Access::Write => "write",
                Access::Admin | Access::Lifecycle => "admin",
            };
            let path = concrete(&route.path);
            for scope in ["read", "write", "admin"] {
                let token = format!("{scope}-{scope}");
                // A method that no route has tells whether the guard let it pass.
                let status = status(&app, &Method::PATCH, &path, Some(&token)).await;
                let expected = match scope == needed {
                    true => StatusCode::METHOD_NOT_ALLOWED,
                    false => StatusCode::FORBIDDEN,
                };
                assert_eq!(status, expected, "{path} {scope}");
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_changed_by_get() {
        let app = server();
        for route in table() {
            // Whether a key is valid changes nothing; what statements may do is checked statement by statement.
            let is_exception = route.path == "/datadog/api/v1/validate";
            let token = match route.access {
                Access::Write => "write-write",
                Access::Admin | Access::Lifecycle => "admin-admin",
                Access::Public | Access::Read => continue,
            };
            for method in [Method::GET, Method::HEAD] {
                let status = status(&app, &method, &concrete(&route.path), Some(token)).await;
                let is_refused = status == StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(is_refused, !is_exception, "{method} {}", route.path);
            }
        }
    }

    #[tokio::test]
    async fn no_spelling_of_a_path_goes_round_its_class() {
        let app = server();
        for path in [
            "/api/v1/query",
            "/api/v1/write",
            "/api/v1/admin/tsdb/flush",
            "/-/quit",
        ] {
            let segments: Vec<&str> = path.split('/').skip(1).collect();
            for spelling in [
                format!("/{path}"),
                format!("/.{path}"),
                format!("/-/healthy/../..{path}"),
                format!("/-/healthy%2f..%2f..{path}"),
                format!("/-/ready/%2e%2e/%2E%2e{path}"),
                format!("/{}", segments.join("//")),
                format!("/{}", segments.join("%2f")),
                format!("/{}", segments.join("/./")),
                format!("{path};x"),
                format!("/-/healthy;{path}"),
                format!("{path}/"),
                format!("{path}%20"),
                path.to_uppercase(),
            ] {
                for method in [Method::GET, Method::POST] {
                    let status = status(&app, &method, &spelling, None).await;
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {spelling}");
                }
            }
        }
    }
}
