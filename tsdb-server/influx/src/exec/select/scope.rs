//! The sources of a statement: what fields and tags they have.

use std::collections::{BTreeMap, BTreeSet};

use super::super::show::Named;
use super::plan::Plan;
use super::{Answer, Context, Outer};
use crate::catalog::Field;
use crate::error::{Error, Result};
use crate::influxql::ast::{Measurement, Select, Source};
use crate::store;
use crate::value::FieldType;

/// The sources of a statement.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) sources: Vec<ScopeSource>,
}

/// A source.
#[derive(Debug)]
pub(super) enum ScopeSource {
    Measurement(StoredMeasurement),
    /// The plan and the answer of a subquery.
    Subquery(Box<Plan>, Vec<Answer>),
}

/// A measurement as the catalogue knows it.
#[derive(Debug)]
pub(super) struct StoredMeasurement {
    pub(super) database: String,
    pub(super) policy: String,
    pub(super) name: String,
    pub(super) fields: BTreeMap<String, Field>,
}

impl Scope {
    /// Looks the measurements up and runs the subqueries.
    pub(super) fn new(context: Context<'_>, select: &Select, outer: &Outer) -> Result<Self> {
        let mut sources = Vec::new();
        let inherited = Plan::for_subqueries(context, select, outer)?;
        for source in &select.sources {
            match source {
                Source::Measurement(measurement) => {
                    let found = stored(context, measurement)?;
                    sources.extend(found.into_iter().map(ScopeSource::Measurement));
                }
                Source::Select(subquery) => {
                    if subquery.descending != select.descending && subquery.descending {
                        return Err(Error::query(
                            "subqueries must be ordered in the same direction as the query itself",
                        ));
                    }
                    let (plan, answers) = super::run(context, subquery, &inherited)?;
                    sources.push(ScopeSource::Subquery(Box::new(plan), answers));
                }
            }
        }
        Ok(Self { sources })
    }

    /// The fields of all sources; where their types differ, the first of float, integer, boolean and string.
    pub(super) fn fields(&self) -> BTreeMap<String, FieldType> {
        let mut fields = BTreeMap::new();
        let mut add = |name: &str, field_type: FieldType| {
            let known = fields.entry(name.to_owned()).or_insert(field_type);
            *known = (*known).min(field_type);
        };
        for source in &self.sources {
            match source {
                ScopeSource::Measurement(measurement) => {
                    for (name, field) in &measurement.fields {
                        add(name, field.field_type);
                    }
                }
                ScopeSource::Subquery(plan, answers) => {
                    for (place, field) in plan.fields.iter().enumerate() {
                        // A tag that the subquery selects has text.
                        let is_tag = || answers.iter().any(|answer| answer.has_text(place));
                        let of_tag = || is_tag().then_some(FieldType::String);
                        if let Some(field_type) = field.field_type.or_else(of_tag) {
                            add(&field.name, field_type);
                        }
                    }
                }
            }
        }
        fields
    }

    /// The tag keys of all sources.
    pub(super) fn tags(&self, context: Context<'_>, range: (i64, i64)) -> Result<BTreeSet<String>> {
        let mut tags = BTreeSet::new();
        for source in &self.sources {
            match source {
                ScopeSource::Measurement(measurement) => {
                    // Of all times, as in InfluxDB: which columns there are does not depend on the range.
                    let _ = range;
                    for matchers in measurement.matchers()? {
                        let all = (crate::MIN_TIME_NS, crate::MAX_TIME_NS);
                        for series in store::select(&context.influx.db, &[matchers], all)? {
                            tags.extend(series.tags.into_iter().map(|(key, _)| key));
                        }
                    }
                }
                ScopeSource::Subquery(plan, _) => tags.extend(plan.dimensions.iter().cloned()),
            }
        }
        Ok(tags)
    }
}

impl StoredMeasurement {
    /// The matchers of each field.
    fn matchers(&self) -> Result<Vec<Vec<tsdb_core::model::Matcher>>> {
        let fields = self.fields.iter();
        let matchers = fields.map(|(name, field)| self.matchers_of(name, *field));
        matchers.collect()
    }

    pub(super) fn matchers_of(
        &self,
        name: &str,
        field: Field,
    ) -> Result<Vec<tsdb_core::model::Matcher>> {
        store::matchers(
            &self.database,
            Some(&self.policy),
            &self.name,
            (name, field),
        )
    }
}

/// The measurements that a source names.
fn stored(context: Context<'_>, source: &Measurement) -> Result<Vec<StoredMeasurement>> {
    let session = context.session;
    let name = session.database(source.database.as_deref())?;
    let named = Named::new(source)?;
    let state = context.influx.catalog.read();
    let database = state.database(name);
    let database = database.ok_or_else(|| Error::DatabaseNotFound(name.to_owned()))?;
    let policy = match source.policy.as_deref() {
        Some(policy) => Some(policy),
        None if source.database.is_none() => session.policy.as_deref(),
        None => None,
    };
    let policy = policy.unwrap_or(&database.default_policy);
    if database.policy(policy).is_none() {
        return Err(Error::PolicyNotFound(policy.to_owned()));
    }
    let mut found = Vec::new();
    for (measurement, fields) in &database.measurements {
        session.check()?;
        if named.names(measurement) {
            found.push(StoredMeasurement {
                database: name.to_owned(),
                policy: policy.to_owned(),
                name: measurement.clone(),
                fields: fields.clone(),
            });
        }
    }
    Ok(found)
}
