//! `SHOW`: lists of what there is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::condition;
use super::eval::{self, Patterns, Variables};
use super::outcome::{Outcome, Row};
use super::session::Session;
use crate::catalog::{Database, State};
use crate::error::{Error, Result};
use crate::handle::Influx;
use crate::influxql::ast::{Cast, KeyPattern, Measurement, MeasurementName, Show, ShowWhat};
use crate::pattern::Pattern;
use crate::store::{self, Tags};
use crate::value::Value;

pub(super) fn execute(influx: &Influx, show: &Show, session: &Session) -> Result<Outcome> {
    let rows = match show.what {
        ShowWhat::Databases => {
            let state = influx.catalog.read();
            let names = state
                .databases()
                .iter()
                .map(|database| database.name.clone());
            vec![Row::list("databases", "name", names)]
        }
        ShowWhat::Users => vec![users(&influx.catalog.read())],
        ShowWhat::Policies => policies(&influx.catalog.read(), show, session)?,
        ShowWhat::Grants => {
            let state = influx.catalog.read();
            let user = show.on.as_deref().unwrap_or("");
            if !state.users().iter().any(|(name, _)| name == user) {
                return Err(Error::query("user not found"));
            }
            vec![Row::table(&["database", "privilege"], Vec::new())]
        }
        ShowWhat::Diagnostics => diagnostics(),
        ShowWhat::Stats => stats(influx),
        ShowWhat::Queries => {
            vec![Row::table(
                &["qid", "query", "database", "duration", "status"],
                Vec::new(),
            )]
        }
        // There are no such things here.
        ShowWhat::ContinuousQueries
        | ShowWhat::Subscriptions
        | ShowWhat::Shards
        | ShowWhat::ShardGroups => Vec::new(),
        ShowWhat::Measurements
        | ShowWhat::TagKeys
        | ShowWhat::TagValues
        | ShowWhat::FieldKeys
        | ShowWhat::Series => data(influx, show, session)?,
    };
    Ok(Outcome {
        rows,
        messages: Vec::new(),
    })
}

fn users(state: &State) -> Row {
    let users = state.users().iter();
    let values = users.map(|(name, admin)| vec![Value::text(name), Value::Boolean(*admin)]);
    Row::table(&["user", "admin"], values.collect())
}

fn policies(state: &State, show: &Show, session: &Session) -> Result<Vec<Row>> {
    let name = session.database(show.on.as_deref())?;
    let database = state.database(name);
    let database = database.ok_or_else(|| Error::DatabaseNotFound(name.to_owned()))?;
    let values = database.policies.iter().map(|policy| {
        vec![
            Value::text(&policy.name),
            Value::String(go_duration(policy.duration_ns).into()),
            Value::String(go_duration(policy.shard_ns).into()),
            Value::Integer(policy.replication.into()),
            Value::Boolean(policy.name == database.default_policy),
        ]
    });
    let columns = [
        "name",
        "duration",
        "shardGroupDuration",
        "replicaN",
        "default",
    ];
    Ok(vec![Row::table(&columns, values.collect())])
}

/// Whole seconds as Go prints a duration: `168h0m0s`, `0s`.
fn go_duration(nanoseconds: i64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}h{minutes}m{seconds}s")
    } else if minutes > 0 {
        format!("{minutes}m{seconds}s")
    } else {
        format!("{seconds}s")
    }
}

/// What clients look for in the diagnostics of InfluxDB: its version.
fn diagnostics() -> Vec<Row> {
    let build = Row {
        name: Some("build".to_owned()),
        columns: ["Branch", "Build Time", "Commit", "Version"]
            .map(str::to_owned)
            .to_vec(),
        values: vec![
            ["", "", "", env!("CARGO_PKG_VERSION")]
                .map(Value::text)
                .to_vec(),
        ],
        ..Row::default()
    };
    vec![build]
}

fn stats(influx: &Influx) -> Vec<Row> {
    let state = influx.catalog.read();
    let rows = state.databases().iter().map(|database| Row {
        name: Some("database".to_owned()),
        tags: vec![("database".to_owned(), database.name.clone())],
        columns: vec!["numMeasurements".to_owned()],
        values: vec![vec![Value::Integer(database.measurements.len() as i64)]],
        time: None,
    });
    rows.collect()
}

/// The tags of a series, to evaluate a condition on.
pub(super) struct OfTags<'a>(pub(super) &'a Tags);

impl Variables for OfTags<'_> {
    /// A tag that is absent is empty.
    fn get(&self, name: &str, _cast: Option<Cast>) -> Value {
        let tag = self.0.iter().find(|(key, _)| key == name);
        Value::text(tag.map_or("", |(_, value)| value))
    }
}

/// The lists that are made of measurements and their series.
fn data(influx: &Influx, show: &Show, session: &Session) -> Result<Vec<Row>> {
    // Without a database InfluxDB finds no measurements, while the other lists are errors.
    let is_measurements = show.what == ShowWhat::Measurements;
    let name = session.database(show.on.as_deref())?;
    let (bounds, condition) =
        condition::split(show.condition.as_ref(), session.now_ns, &TimeZone::UTC)?;
    let patterns = Patterns::of(condition.as_ref())?;
    let sources = Named::all(&show.sources)?;
    let found = {
        let state = influx.catalog.read();
        let Some(database) = state.database(name) else {
            if is_measurements {
                return Ok(Vec::new());
            }
            return Err(Error::DatabaseNotFound(name.to_owned()));
        };
        measurements(database, &sources, session)?
    };
    if show.what == ShowWhat::FieldKeys {
        return Ok(field_keys(show, found));
    }
    if is_measurements && condition.is_none() {
        return Ok(measurement_names(
            show,
            found.into_iter().map(|(name, _)| name).collect(),
        ));
    }
    let mut series = BTreeMap::new();
    for (measurement, fields) in found {
        session.check()?;
        let matchers: Vec<_> = fields
            .into_iter()
            .map(|(_, _, matchers)| matchers)
            .collect();
        let selected = store::select(&influx.db, &matchers, bounds.range())?;
        session.use_values(selected.len())?;
        let tags: Vec<Tags> = selected
            .into_iter()
            .map(|series| series.tags)
            .filter(|tags| {
                let holds = |condition| eval::holds(condition, &OfTags(tags), &patterns);
                condition.as_ref().is_none_or(holds)
            })
            .collect();
        if !tags.is_empty() {
            series.insert(measurement, tags);
        }
    }
    match show.what {
        ShowWhat::Measurements => Ok(measurement_names(show, series.into_keys().collect())),
        ShowWhat::TagKeys => Ok(tag_keys(show, series)),
        ShowWhat::TagValues => tag_values(show, series),
        _ => Ok(series_keys(show, series)),
    }
}

/// A field with its type and the matchers of its series.
pub(super) type FoundField = (String, &'static str, Vec<tsdb_core::model::Matcher>);

/// The measurements that the sources name, all without sources, with their fields.
pub(super) fn measurements(
    database: &Database,
    sources: &[Named<'_>],
    session: &Session,
) -> Result<Vec<(String, Vec<FoundField>)>> {
    let mut found = Vec::new();
    for (measurement, fields) in &database.measurements {
        session.check()?;
        let mut named = sources.iter().filter(|source| source.names(measurement));
        let policy = match named.next() {
            Some(source) => source.source.policy.as_deref(),
            None if sources.is_empty() => None,
            None => continue,
        };
        let fields = fields.iter().map(|(field, kind)| {
            let matchers = store::matchers(&database.name, policy, measurement, (field, *kind))?;
            Ok((field.clone(), kind.field_type.name(), matchers))
        });
        found.push((measurement.clone(), fields.collect::<Result<_>>()?));
    }
    Ok(found)
}

/// A source with its pattern compiled.
pub(super) struct Named<'a> {
    source: &'a Measurement,
    pattern: Option<Pattern>,
}

impl<'a> Named<'a> {
    pub(super) fn new(source: &'a Measurement) -> Result<Self> {
        let pattern = match &source.name {
            MeasurementName::Exact(_) | MeasurementName::NotExact(_) => None,
            MeasurementName::Regex(text) | MeasurementName::NotRegex(text) => {
                Some(Pattern::new(text).map_err(|e| Error::query(e.to_string()))?)
            }
        };
        Ok(Self { source, pattern })
    }

    pub(super) fn all(sources: &'a [Measurement]) -> Result<Vec<Self>> {
        sources.iter().map(Self::new).collect()
    }

    /// Whether a measurement is meant.
    pub(super) fn names(&self, measurement: &str) -> bool {
        let matches = || {
            let pattern = self.pattern.as_ref();
            pattern.is_some_and(|pattern| pattern.is_match(measurement))
        };
        match &self.source.name {
            MeasurementName::Exact(name) => name == measurement,
            MeasurementName::NotExact(name) => name != measurement,
            MeasurementName::Regex(_) => matches(),
            MeasurementName::NotRegex(_) => !matches(),
        }
    }
}

/// The rows of one list for each measurement, after the limits; or their number.
fn by_measurement(
    show: &Show,
    columns: &[&str],
    lists: impl IntoIterator<Item = (String, Vec<Vec<Value>>)>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, mut values) in lists {
        let mut columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
        if show.cardinality {
            columns = vec!["count".to_owned()];
            let n = values.len();
            values = Vec::new();
            if n > 0 {
                values.push(vec![Value::Integer(n as i64)]);
            }
        } else {
            show.limit.apply(&mut values);
        }
        if !values.is_empty() {
            rows.push(Row {
                name: Some(name),
                columns,
                values,
                ..Row::default()
            });
        }
    }
    rows
}

/// The number of something over all measurements.
fn count(show: &Show, n: usize) -> Vec<Row> {
    let column = if show.exact {
        "count"
    } else {
        "cardinality estimation"
    };
    vec![Row::table(&[column], vec![vec![Value::Integer(n as i64)]])]
}

fn measurement_names(show: &Show, mut names: Vec<String>) -> Vec<Row> {
    if show.cardinality {
        return count(show, names.len());
    }
    show.limit.apply(&mut names);
    if names.is_empty() {
        return Vec::new();
    }
    vec![Row::list("measurements", "name", names)]
}

fn field_keys(show: &Show, found: Vec<(String, Vec<FoundField>)>) -> Vec<Row> {
    let lists = found.into_iter().map(|(measurement, fields)| {
        let values = fields.into_iter();
        let values = values.map(|(field, kind, _)| vec![Value::text(&field), Value::text(kind)]);
        (measurement, values.collect())
    });
    by_measurement(show, &["fieldKey", "fieldType"], lists)
}

fn tag_keys(show: &Show, series: BTreeMap<String, Vec<Tags>>) -> Vec<Row> {
    let lists = series.into_iter().map(|(measurement, series)| {
        let keys: BTreeSet<String> = series.into_iter().flatten().map(|(key, _)| key).collect();
        (
            measurement,
            keys.iter().map(|key| vec![Value::text(key)]).collect(),
        )
    });
    by_measurement(show, &["tagKey"], lists)
}

fn tag_values(show: &Show, series: BTreeMap<String, Vec<Tags>>) -> Result<Vec<Row>> {
    let keys = show.with_key.as_ref();
    let pattern = match keys {
        Some(KeyPattern::Regex(pattern) | KeyPattern::NotRegex(pattern)) => {
            Some(Pattern::new(pattern).map_err(|e| Error::query(e.to_string()))?)
        }
        _ => None,
    };
    let is_meant = |key: &str| match keys {
        None => true,
        Some(KeyPattern::Equal(wanted)) => key == wanted,
        Some(KeyPattern::NotEqual(unwanted)) => key != unwanted,
        Some(KeyPattern::In(wanted)) => wanted.iter().any(|wanted| wanted == key),
        Some(KeyPattern::Regex(_)) => pattern.as_ref().is_some_and(|p| p.is_match(key)),
        Some(KeyPattern::NotRegex(_)) => pattern.as_ref().is_some_and(|p| !p.is_match(key)),
    };
    let lists = series.into_iter().map(|(measurement, series)| {
        let tags = series
            .into_iter()
            .flatten()
            .filter(|(key, _)| is_meant(key));
        let tags: BTreeSet<(String, String)> = tags.collect();
        let values = tags
            .iter()
            .map(|(key, value)| vec![Value::text(key), Value::text(value)]);
        (measurement, values.collect())
    });
    let lists = lists.filter(|(_, values): &(_, Vec<_>)| !values.is_empty());
    Ok(by_measurement(show, &["key", "value"], lists))
}

fn series_keys(show: &Show, series: BTreeMap<String, Vec<Tags>>) -> Vec<Row> {
    if show.cardinality && show.sources.is_empty() && !show.exact {
        return count(show, series.values().map(Vec::len).sum());
    }
    if show.cardinality {
        let lists = series.into_iter();
        let lists = lists.map(|(name, series)| (name, series.iter().map(|_| Vec::new()).collect()));
        return by_measurement(show, &["count"], lists);
    }
    let mut keys: Vec<String> = Vec::new();
    for (measurement, series) in &series {
        keys.extend(series.iter().map(|tags| {
            let tags = tags
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()));
            crate::line::escape_key(measurement, tags)
        }));
    }
    keys.sort();
    show.limit.apply(&mut keys);
    if keys.is_empty() {
        return Vec::new();
    }
    vec![Row::list("", "key", keys)]
}
