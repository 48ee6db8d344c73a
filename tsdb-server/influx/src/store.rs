//! Reading the fields of a measurement out of the store.

use std::collections::{BTreeSet, HashMap};

use tsdb_core::model::{MatchOp, Matcher};
use tsdb_core::{
    Db, METRIC_NAME, Series, SeriesBuilder, TimeRange, TimeUnit, Value as StoredValue,
};

use crate::catalog::Field;
use crate::error::{Error, Result};
use crate::line::FieldValue;
use crate::mapping::{self, DATABASE, FIELD, POLICY};
use crate::value::Value;

/// Tags of a series, sorted by key.
pub(crate) type Tags = Vec<(String, String)>;

/// The series of a measurement with the same tags, one for each field that was asked for.
#[derive(Debug)]
pub(crate) struct TaggedSeries {
    pub(crate) tags: Tags,
    /// In the order in which the fields were asked for; `None` where the field has no points with these tags.
    pub(crate) fields: Vec<Option<Series>>,
}

/// The matchers of one field of a measurement. Without a policy, of all policies.
pub(crate) fn matchers(
    database: &str,
    policy: Option<&str>,
    measurement: &str,
    (name, field): (&str, Field),
) -> Result<Vec<Matcher>> {
    let label = if field.labelled { name } else { "" };
    let metric = mapping::metric_name(measurement, name);
    let mut pairs = vec![
        (METRIC_NAME, metric.as_str()),
        (DATABASE, database),
        (FIELD, label),
    ];
    if let Some(policy) = policy {
        pairs.push((POLICY, mapping::label_of_policy(policy)));
    }
    let matchers = pairs.into_iter().map(|(label, value)| {
        Matcher::new(MatchOp::Equal, label, value).map_err(|e| Error::query(e.to_string()))
    });
    matchers.collect()
}

/// The series of these fields that the matchers of each select, joined by their tags and sorted by them. All are read at
/// one moment.
pub(crate) fn select(
    db: &Db,
    fields: &[Vec<Matcher>],
    range_ns: (i64, i64),
) -> Result<Vec<TaggedSeries>> {
    let selectors: Vec<&[Matcher]> = fields.iter().map(Vec::as_slice).collect();
    let snapshot = db.snapshot(&selectors)?;
    let mut places: HashMap<Tags, usize> = HashMap::new();
    let mut found: Vec<TaggedSeries> = Vec::new();
    for (at, matchers) in fields.iter().enumerate() {
        for series in snapshot.select(matchers, milliseconds(range_ns))? {
            let tags = tags_of(&series);
            let place = *places.entry(tags.clone()).or_insert_with(|| {
                found.push(TaggedSeries {
                    tags,
                    fields: fields.iter().map(|_| None).collect(),
                });
                found.len() - 1
            });
            if let Some(slot) = found.get_mut(place).and_then(|f| f.fields.get_mut(at)) {
                *slot = Some(series);
            }
        }
    }
    found.sort_by(|a, b| a.tags.cmp(&b.tags));
    Ok(found)
}

/// Matchers for each field of each series whose tags are asked for: of exactly these tags and no others.
pub(crate) fn exactly(found: &[TaggedSeries], asked: impl Fn(&Tags) -> bool) -> Vec<Vec<Matcher>> {
    let series = || found.iter().flat_map(|found| found.fields.iter().flatten());
    let names = series().flat_map(|series| series.labels().iter().map(|(name, _)| name));
    // Another field with the same metric name differs by this label alone.
    let names: BTreeSet<&str> = names.chain([FIELD]).collect();
    let asked = found.iter().filter(|found| asked(&found.tags));
    let asked = asked.flat_map(|found| found.fields.iter().flatten());
    let matchers = asked.map(|series| {
        // A label that it does not have is asked to be absent: another series with the same measurement may have it.
        let value = |name| series.labels().get(name).unwrap_or("");
        let matchers = names.iter().map(|name| Matcher::equal(name, value(name)));
        matchers.collect()
    });
    matchers.collect()
}

/// Deletes the points in a range of nanoseconds, both ends included, of what the matchers select.
pub(crate) fn delete(db: &Db, selectors: &[&[Matcher]], (start, end): (i64, i64)) -> Result<()> {
    if start > end || selectors.is_empty() {
        return Ok(());
    }
    Ok(db.delete_nanoseconds(selectors, start..=end)?)
}

/// The milliseconds that a range of nanoseconds touches.
fn milliseconds((start, end): (i64, i64)) -> TimeRange {
    TimeRange::new(start.div_euclid(1_000_000), end.div_euclid(1_000_000))
}

fn tags_of(series: &Series) -> Tags {
    let labels = series.labels().iter();
    let mut tags: Tags = labels
        .filter_map(|(label, value)| {
            Some((mapping::tag_of_label(label)?.to_owned(), value.to_owned()))
        })
        .collect();
    // The prefix of a reserved key changes its place.
    tags.sort();
    tags
}

/// The points of a series in a range of nanoseconds, both ends included, by time.
pub(crate) fn read(series: &Series, (start, end): (i64, i64)) -> Result<Vec<(i64, Value)>> {
    let unit = series.unit();
    let samples = series.samples()?;
    let points = samples.iter().filter_map(|sample| {
        // Milliseconds that nanoseconds cannot count lie outside of any range.
        let t_ns = unit.convert(sample.tick, TimeUnit::Nanoseconds)?;
        (start..=end).contains(&t_ns).then_some(())?;
        Some((t_ns, value_of(sample.value)?))
    });
    Ok(points.collect())
}

/// Adds a value at a time in nanoseconds.
pub(crate) fn push(mut series: SeriesBuilder<'_>, t_ns: i64, value: &FieldValue<'_>) {
    series.unit(TimeUnit::Nanoseconds).value(
        t_ns,
        match value {
            FieldValue::Float(value) => StoredValue::Float(*value),
            FieldValue::Integer(value) => StoredValue::Integer(*value),
            FieldValue::Boolean(value) => StoredValue::Boolean(*value),
            FieldValue::String(text) => StoredValue::String(text),
        },
    );
}

/// `None` for a kind that InfluxDB does not have.
fn value_of(value: StoredValue<'_>) -> Option<Value> {
    match value {
        StoredValue::Float(value) => Some(Value::Float(value)),
        StoredValue::Integer(value) => Some(Value::Integer(value)),
        StoredValue::Boolean(value) => Some(Value::Boolean(value)),
        StoredValue::String(text) => Some(Value::text(text)),
        _ => None,
    }
}
