//! Every route, with what it asks of its callers. The router is made of this table and of nothing else, so that no route
//! lacks a class.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use crate::api::{admin, exemplars, labels, metadata, page, query, running, series, status};
use crate::auth::Access;
use crate::export::{csv, federate, json_lines, remote_read};
use crate::import::routes as import;
use crate::influx::{self, ping, query as influxql, write as influx_write};
use crate::ingest::{datadog, otlp, remote_write};
use crate::state::AppState;
use crate::{http, telemetry};

/// Before the paths of the reading side it changes nothing: some clients are told of a Prometheus behind such a path.
pub(crate) const PREFIX: &str = "/prometheus";

type Row = (Access, &'static str, MethodRouter<AppState>);

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
        (Write, "/datadog/api/beta/sketches", post(datadog::sketches)),
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

/// The whole HTTP surface.
pub fn app(state: AppState) -> Router {
    let mut router = Router::new();
    for (_, path, methods) in reading() {
        router = router
            .route(&format!("{PREFIX}{path}"), methods.clone())
            .route(path, methods);
    }
    for (_, path, methods) in at_root().into_iter().chain(datadog()) {
        router = router.route(path, methods);
    }
    let mut influx = Router::new();
    for (_, path, methods) in influx_1().into_iter().chain(influx_2()) {
        influx = influx.route(path, methods);
    }
    router
        .merge(influx.layer(from_fn(influx::with_version)))
        .fallback(http::not_found)
        .method_not_allowed_fallback(http::method_not_allowed)
        .layer(http::compression())
        .layer(from_fn_with_state(state.clone(), http::cors))
        .layer(from_fn_with_state(state.clone(), telemetry::observe))
        .with_state(state)
}
