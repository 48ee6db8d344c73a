//! Points into the store.

use std::collections::HashMap;

use tsdb_core::{Commit, ConflictPolicy, Labels, METRIC_NAME, WriteBatch};

use crate::catalog::{Change, Database, Field, State};
use crate::error::{Error, Result};
use crate::handle::Influx;
use crate::line::Point;
use crate::mapping::{self, DATABASE, FIELD, POLICY};
use crate::store;
use crate::value::FieldType;

/// The name that no tag and no field can have.
const TIME: &str = "time";

/// Where points go.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The database.
    pub database: &'a str,
    /// The retention policy; the default one when it is absent.
    pub policy: Option<&'a str>,
}

/// Points that were not written: how many, and why the first was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In InfluxDB's words.
    pub reason: String,
    /// Number of points.
    pub dropped: usize,
}

/// The times and the rest of a write that its points share.
#[derive(Debug)]
struct Plan {
    /// The value of the policy's label.
    policy: String,
    /// Points before this time are beyond the retention policy, in nanoseconds.
    oldest_ns: Option<i64>,
    /// For each point the fields to write, with what the catalogue says of them; `None` for a point that is refused.
    points: Vec<Option<Vec<Field>>>,
    refusal: Option<Refusal>,
    /// Two points of the request give a new field two types: as in InfluxDB, nothing is written then.
    contradicts_itself: bool,
}

impl Plan {
    fn refuse(&mut self, reason: impl FnOnce() -> String) {
        let refusal = self.refusal.get_or_insert_with(|| Refusal {
            reason: reason(),
            dropped: 0,
        });
        refusal.dropped += 1;
        self.points.push(None);
    }
}

impl Influx {
    /// Writes points; those without a time get `now_ns`. What a point says of a field at a time replaces what was there.
    /// The points that cannot be written are left out, and told.
    ///
    /// # Errors
    /// [`Error::DatabaseNotFound`], [`Error::PolicyNotFound`]; [`Error::Store`] when the store does not take the write.
    /// Nothing is written then.
    pub fn write(
        &self,
        target: Target<'_>,
        points: &[Point<'_>],
        now_ns: i64,
    ) -> Result<(Option<Commit>, Option<Refusal>)> {
        let _names = self.names.read();
        let plan = self.plan(target, points, now_ns)?;
        if plan.contradicts_itself {
            return Err(Error::query("field type conflict"));
        }
        let mut batch = WriteBatch::with_policy(ConflictPolicy::Replace);
        let mut refusal = plan.refusal;
        let mut beyond = 0;
        for (point, fields) in points.iter().zip(&plan.points) {
            let Some(fields) = fields else { continue };
            let t_ns = point.t_ns.unwrap_or(now_ns);
            if plan.oldest_ns.is_some_and(|oldest| t_ns < oldest) {
                beyond += 1;
                continue;
            }
            if let Err(reason) = add(
                &mut batch,
                target.database,
                &plan.policy,
                point,
                fields,
                t_ns,
            ) {
                let refusal = refusal.get_or_insert(Refusal { reason, dropped: 0 });
                refusal.dropped += 1;
            }
        }
        if beyond > 0 && refusal.is_none() {
            refusal = Some(Refusal {
                reason: "points beyond retention policy".to_owned(),
                dropped: beyond,
            });
        }
        if batch.is_empty() {
            return Ok((None, refusal));
        }
        Ok((Some(self.db.submit(&batch)?), refusal))
    }

    /// Looks up the fields of the points, adding to the catalogue those that are new.
    fn plan(&self, target: Target<'_>, points: &[Point<'_>], now_ns: i64) -> Result<Plan> {
        let (known, new) = plan(&self.catalog.read(), target, points, now_ns)?;
        if new.is_empty() {
            return Ok(known);
        }
        // Someone else may have added some of them in the meantime: planned again, with nobody else changing anything.
        self.catalog.change(|state| {
            let (plan, new) = plan(state, target, points, now_ns)?;
            Ok((new, plan))
        })
    }
}

/// What is to be written of the points, and the changes of the catalogue that have to come before.
fn plan(
    state: &State,
    target: Target<'_>,
    points: &[Point<'_>],
    now_ns: i64,
) -> Result<(Plan, Vec<Change>)> {
    let database = state.database(target.database);
    let database = database.ok_or_else(|| Error::DatabaseNotFound(target.database.to_owned()))?;
    let name = target.policy.unwrap_or(&database.default_policy);
    let policy = database.policy(name);
    let policy = policy.ok_or_else(|| Error::PolicyNotFound(name.to_owned()))?;
    let mut plan = Plan {
        policy: mapping::label_of_policy(&policy.name).to_owned(),
        oldest_ns: policy.oldest_ns(now_ns),
        points: Vec::with_capacity(points.len()),
        refusal: None,
        contradicts_itself: false,
    };
    let mut new = NewFields {
        database,
        added: HashMap::new(),
        metrics: HashMap::new(),
        contradiction: false,
        changes: Vec::new(),
    };
    for point in points {
        match new.fields_of(point) {
            Ok(fields) => plan.points.push(Some(fields)),
            Err(_) if new.contradiction => {
                plan.contradicts_itself = true;
                break;
            }
            Err(reason) => plan.refuse(|| reason),
        }
    }
    Ok((plan, new.changes))
}

/// The fields of a database with those that the present request adds.
#[derive(Debug)]
struct NewFields<'a> {
    database: &'a Database,
    added: HashMap<(String, String), Field>,
    /// Metric names of fields that are added, each with the first measurement that brought it and whether another one did.
    metrics: HashMap<String, (String, bool)>,
    /// Whether the last point gave another type to a field that was added.
    contradiction: bool,
    changes: Vec<Change>,
}

impl NewFields<'_> {
    /// What the catalogue says, or will say, of the fields of a point.
    ///
    /// # Errors
    /// Why the point cannot be written, in InfluxDB's words.
    fn fields_of(&mut self, point: &Point<'_>) -> std::result::Result<Vec<Field>, String> {
        let measurement = &*point.measurement;
        if point.tags.iter().any(|(key, _)| key == TIME) {
            return Err(format!(
                "invalid tag key: input tag \"{TIME}\" on measurement \"{measurement}\" is invalid"
            ));
        }
        if point.fields.iter().all(|(key, _)| key == TIME) {
            return Err(format!(
                "invalid field name: input field \"{TIME}\" on measurement \"{measurement}\" is invalid"
            ));
        }
        let mut fields = Vec::with_capacity(point.fields.len());
        for (name, value) in &point.fields {
            let field = self.field(measurement, name, value.field_type());
            if field.field_type != value.field_type() && name != TIME {
                self.contradiction = self.database.field(measurement, name).is_none();
                return Err(format!(
                    "field type conflict: input field \"{name}\" on measurement \"{measurement}\" is type {}, already exists as type {}",
                    value.field_type(),
                    field.field_type
                ));
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn field(&mut self, measurement: &str, name: &str, field_type: FieldType) -> Field {
        if let Some(field) = self.database.field(measurement, name) {
            return field;
        }
        let key = (measurement.to_owned(), name.to_owned());
        if let Some(field) = self.added.get(&key) {
            return *field;
        }
        let field = Field {
            field_type,
            labelled: self.is_ambiguous(measurement, name),
        };
        if name != TIME {
            self.changes.push(Change::AddField {
                database: self.database.name.clone(),
                measurement: key.0.clone(),
                field: key.1.clone(),
                kind: field,
            });
            let metric = mapping::metric_name(measurement, name).to_string();
            let (first, several) = self
                .metrics
                .entry(metric)
                .or_insert_with(|| (measurement.to_owned(), false));
            *several |= first != measurement;
            self.added.insert(key, field);
        }
        field
    }

    fn is_ambiguous(&self, measurement: &str, name: &str) -> bool {
        let metric: &str = &mapping::metric_name(measurement, name);
        let added = self.metrics.get(metric);
        self.database.is_ambiguous(measurement, name)
            || added.is_some_and(|(first, several)| *several || first != measurement)
    }
}

/// Adds the fields of a point to the batch, all or none.
///
/// # Errors
/// Why the store cannot hold the series.
fn add(
    batch: &mut WriteBatch,
    database: &str,
    policy: &str,
    point: &Point<'_>,
    fields: &[Field],
    t_ns: i64,
) -> std::result::Result<(), String> {
    let mut all = Vec::with_capacity(fields.len());
    for ((name, value), field) in point.fields.iter().zip(fields) {
        if name == TIME {
            continue;
        }
        let metric = mapping::metric_name(&point.measurement, name);
        let label = if field.labelled { name } else { "" };
        let own = [
            (METRIC_NAME, &*metric),
            (DATABASE, database),
            (POLICY, policy),
            (FIELD, label),
        ];
        let own = own.into_iter().map(|(label, value)| (label.into(), value));
        let tags = point.tags.iter();
        let tags = tags.map(|(key, value)| (mapping::label_of_tag(key), &**value));
        let labels = Labels::from_pairs(own.chain(tags)).map_err(|e| e.to_string())?;
        all.push((labels, value));
    }
    for (labels, value) in all {
        let series = batch.series_labels(&labels).map_err(|e| e.to_string())?;
        store::push(series, t_ns, value);
    }
    Ok(())
}
