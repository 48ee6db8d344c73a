//! `/write` and `/api/v2/write`: line protocol in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tsdb_core::Commit;
use tsdb_influx::line::{Dialect, Point, lines};
use tsdb_influx::{Influx, Precision, Refusal, Target};

use super::error::InfluxError;
use crate::api::params::Params;
use crate::config::RequestLimits;
use crate::encoding::Encoding;
use crate::error::ApiError;
use crate::ingest::{after_wait, apply, body, durable, too_many};
use crate::state::AppState;

/// Bad lines that an answer names; the others are only counted.
const MAX_SHOWN_FAULTS: usize = 100;

/// Bytes of a bad line that an answer shows.
const MAX_SHOWN_BYTES: usize = 1024;

/// Where a request writes.
#[derive(Debug)]
struct Destination {
    database: String,
    policy: Option<String>,
    dialect: Dialect,
}

/// `POST /write?db=&rp=&precision=`
pub(crate) async fn version_1(State(state): State<AppState>, request: Request) -> Response {
    let params = Params::of_url(request.uri());
    let Some(database) = params.get("db") else {
        return InfluxError::bad_request("database is required").into_response();
    };
    let destination = Destination {
        database: database.to_owned(),
        policy: params.get("rp").map(str::to_owned),
        dialect: precision(&params).into(),
    };
    match write(&state, destination, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(e) => e.into_response(),
    }
}

/// `POST /api/v2/write?bucket=&org=&precision=`; a bucket is a database, or `database/policy`.
pub(crate) async fn version_2(State(state): State<AppState>, request: Request) -> Response {
    let params = Params::of_url(request.uri());
    let Some(bucket) = params.get("bucket") else {
        return InfluxError::bad_request("bucket is required").into_version_2();
    };
    let (database, policy) = match bucket.split_once('/') {
        Some((database, policy)) => (database, Some(policy)),
        None => (bucket, None),
    };
    let destination = Destination {
        database: database.to_owned(),
        policy: policy
            .filter(|policy| !policy.is_empty())
            .map(str::to_owned),
        dialect: Dialect {
            precision: precision(&params),
            unsigned: true,
        },
    };
    match write(&state, destination, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(e) => e.into_version_2(),
    }
}

fn precision(params: &Params) -> Precision {
    Precision::from_name(params.get("precision").unwrap_or(""))
}

async fn write(
    state: &AppState,
    destination: Destination,
    request: Request,
) -> Result<(), InfluxError> {
    let influx = state.influx()?;
    let (parts, body) = request.into_parts();
    let encoding = Encoding::of(&parts.headers)?;
    let collected = body::collect_write(state, &parts.headers, body).await?;
    let shared = Arc::clone(&state.shared);
    let creates = state.shared.config.influx_create_databases;
    let applied = state.shared.writes.run(move || {
        let limit = shared.config.max_decoded_bytes;
        let budget = &shared.budget;
        body::decompressed(encoding, &collected.bytes, limit, budget, |bytes| {
            let _memory = budget
                .reserve(memory_of_points(bytes))
                .map_err(ApiError::from)?;
            apply(
                &influx,
                &destination,
                bytes,
                shared.request_limits(),
                creates,
            )
        })
    });
    let (commit, refusal) = after_wait(applied.await).await??;
    if let Some(commit) = commit {
        let report = durable(commit).await?;
        if let (None, Some(first)) = (&refusal, report.rejected.first().first()) {
            let dropped: u64 = report.rejected.counts().map(|(_, n)| n).sum();
            let message = format!("partial write: {} dropped={dropped}", first.reason);
            return Err(match apply::for_now(&report.rejected) {
                Some(wait_s) => InfluxError::try_again(message, wait_s),
                None => InfluxError::bad_request(message),
            });
        }
    }
    match refusal {
        None => Ok(()),
        Some(message) => Err(InfluxError::bad_request(message)),
    }
}

/// The write under way, if there is one, and what is answered about the rest.
type Applied = (Option<Commit>, Option<String>);

/// What the points of a body take at most, in bytes: each with what the catalogue says of its fields, and each field with its
/// series in the batch.
fn memory_of_points(body: &[u8]) -> u64 {
    let (lines, pairs) = body.iter().fold((1, 0), |(lines, pairs), byte| {
        (
            lines + u64::from(*byte == b'\n'),
            pairs + u64::from(*byte == b'='),
        )
    });
    lines * 150 + pairs * 200
}

/// Parses and writes lines.
fn apply(
    influx: &Influx,
    destination: &Destination,
    bytes: &[u8],
    limits: RequestLimits,
    creates: bool,
) -> Result<Applied, InfluxError> {
    let (points, faults) = parse(bytes, destination.dialect, limits)?;
    if points.is_empty() {
        return match faults {
            Some(faults) => Err(InfluxError::bad_request(faults.text)),
            None => Ok((None, None)),
        };
    }
    if creates {
        influx.ensure(&destination.database, None)?;
    }
    let target = Target {
        database: &destination.database,
        policy: destination.policy.as_deref(),
    };
    let (commit, refusal) = influx.write(target, &points, now_ns(destination.dialect.precision))?;
    let answer = match (refusal, faults) {
        (Some(Refusal { reason, dropped }), _) => {
            Some(format!("partial write: {reason} dropped={dropped}"))
        }
        (None, Some(faults)) => Some(format!("partial write: {} dropped=0", faults.text)),
        (None, None) => None,
    };
    Ok((commit, answer))
}

/// Lines of a body that are no points.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Their number.
    pub(super) lines: usize,
    /// What is wrong with them, one line for each.
    pub(super) text: String,
}

/// The points of a body, and what is wrong with the lines that are none.
///
/// # Errors
/// 413 when there are more fields than series may be in a request, or more bytes of labels: each field is a series with the
/// tags of its point.
pub(super) fn parse(
    bytes: &[u8],
    dialect: Dialect,
    limits: RequestLimits,
) -> Result<(Vec<Point<'_>>, Option<Faults>), InfluxError> {
    let mut points: Vec<Point<'_>> = Vec::new();
    let (mut fields, mut label_bytes) = (0, 0);
    let mut faults: Vec<String> = Vec::new();
    let mut more = 0_usize;
    for line in lines(bytes) {
        match Point::parse(line, dialect) {
            Ok(point) => {
                fields += point.fields.len();
                if fields > limits.series {
                    return Err(too_many("series", limits.series).into());
                }
                label_bytes += label_bytes_of(&point);
                if label_bytes > limits.label_bytes {
                    return Err(too_many("label_bytes", limits.label_bytes).into());
                }
                points.push(point);
            }
            Err(_) if faults.len() == MAX_SHOWN_FAULTS => more += 1,
            Err(e) => {
                let line = String::from_utf8_lossy(line.get(..MAX_SHOWN_BYTES).unwrap_or(line));
                faults.push(format!("unable to parse '{line}': {e}"));
            }
        }
    }
    if faults.is_empty() {
        return Ok((points, None));
    }
    let lines = faults.len() + more;
    if more > 0 {
        faults.push(format!("and {more} more lines"));
    }
    let text = faults.join("\n");
    Ok((points, Some(Faults { lines, text })))
}

/// Bytes of the labels of the series of a point, about.
fn label_bytes_of(point: &Point<'_>) -> usize {
    let tags = point
        .tags
        .iter()
        .map(|(key, value)| key.len() + value.len());
    let names = point.fields.iter().map(|(name, _)| name.len());
    let shared = point.measurement.len() + tags.sum::<usize>();
    names.sum::<usize>() + point.fields.len() * shared
}

/// The present in nanoseconds, cut down to the precision.
pub(super) fn now_ns(precision: Precision) -> i64 {
    let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    now - now.rem_euclid(precision.nanoseconds())
}
