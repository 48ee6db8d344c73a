//! Statements that delete points. The points go by deletes of the store, which are durable; a name goes from the catalogue
//! after the last of its points, so that a crash in between leaves a name without points and never the reverse.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use tsdb_core::model::Matcher;

use super::condition::{self, TimeBounds};
use super::eval::{self, Patterns};
use super::outcome::Outcome;
use super::session::Session;
use super::show::{self, OfTags};
use crate::catalog::Change;
use crate::error::{Error, Result};
use crate::handle::Influx;
use crate::influxql::ast::{Expr, Measurement, MeasurementName};
use crate::mapping::{self, DATABASE, POLICY};
use crate::store;

/// Series that one delete of the store names at most.
const SERIES_AT_ONCE: usize = 1_000;

/// `DROP DATABASE`; one that is not there is no error.
pub(super) fn drop_database(influx: &Influx, name: &str) -> Result<Outcome> {
    let _alone = influx.names.write();
    let matchers = [Matcher::equal(DATABASE, name)];
    store::delete(&influx.db, &[&matchers], TimeBounds::default().range())?;
    change(influx, Change::DropDatabase(name.to_owned()))
}

/// `DROP RETENTION POLICY`; one that is not there is no error.
pub(super) fn drop_policy(influx: &Influx, database: &str, name: &str) -> Result<Outcome> {
    {
        let _alone = influx.names.write();
        let matchers = policy_matchers(database, name);
        store::delete(&influx.db, &[&matchers], TimeBounds::default().range())?;
        let forget = Change::DropPolicy {
            database: database.to_owned(),
            policy: name.to_owned(),
        };
        change(influx, forget)?;
    }
    forget_empty(influx, database)?;
    Ok(Outcome::default())
}

/// Every series of a policy.
pub(crate) fn policy_matchers(database: &str, policy: &str) -> [Matcher; 2] {
    [
        Matcher::equal(DATABASE, database),
        Matcher::equal(POLICY, mapping::label_of_policy(policy)),
    ]
}

fn change(influx: &Influx, change: Change) -> Result<Outcome> {
    let changed = influx.catalog.change(|_| Ok((vec![change], ())));
    changed.map(|()| Outcome::default())
}

/// `DROP MEASUREMENT`; one that is not there is no error.
pub(super) fn drop_measurement(influx: &Influx, name: &str, session: &Session) -> Result<Outcome> {
    let source = Measurement {
        database: None,
        policy: None,
        name: MeasurementName::Exact(name.to_owned()),
    };
    delete(influx, &[source], None, session)
}

/// `DROP SERIES`
pub(super) fn drop_series(
    influx: &Influx,
    sources: &[Measurement],
    condition: Option<&Expr>,
    session: &Session,
) -> Result<Outcome> {
    let mut asks_time = false;
    if let Some(condition) = condition {
        condition.walk(&mut |expr| asks_time |= expr.is_time());
    }
    if asks_time {
        let message = "DROP SERIES doesn't support time in WHERE clause";
        return Err(Error::query(message));
    }
    delete(influx, sources, condition, session)
}

/// `DELETE`: what the condition says of tags and time, of these measurements, of all without one.
pub(super) fn delete(
    influx: &Influx,
    sources: &[Measurement],
    condition: Option<&Expr>,
    session: &Session,
) -> Result<Outcome> {
    let name = session.database.as_deref().unwrap_or("");
    let (bounds, condition) = condition::split(condition, session.now_ns, &TimeZone::UTC)?;
    let patterns = Patterns::of(condition.as_ref())?;
    let sources = show::Named::all(sources)?;
    let found = {
        let state = influx.catalog.read();
        let database = state.database(name);
        let database = database.ok_or_else(|| Error::DatabaseNotFound(name.to_owned()))?;
        show::measurements(database, &sources, session)?
    };
    let mut names = BTreeSet::new();
    if let Some(condition) = &condition {
        condition.walk(&mut |expr| {
            if let Expr::Var { name, .. } = expr {
                names.insert(name.as_str());
            }
        });
    }
    let is_field = |fields: &[show::FoundField]| {
        let mut fields = fields.iter();
        fields.any(|(field, ..)| names.contains(field.as_str()))
    };
    if found.iter().any(|(_, fields)| is_field(fields)) {
        let message = "fields not supported in WHERE clause during deletion";
        return Err(Error::query(message));
    }
    for (measurement, fields) in found {
        session.check()?;
        let fields: Vec<_> = fields.into_iter().map(|(.., matchers)| matchers).collect();
        let selectors = match &condition {
            None => fields,
            Some(condition) => {
                let selected = store::select(&influx.db, &fields, bounds.range())?;
                session.use_values(selected.len())?;
                store::exactly(&selected, |tags| {
                    eval::holds(condition, &OfTags(tags), &patterns)
                })
            }
        };
        for some in selectors.chunks(SERIES_AT_ONCE) {
            let some: Vec<&[Matcher]> = some.iter().map(Vec::as_slice).collect();
            store::delete(&influx.db, &some, bounds.range())?;
        }
        forget_if_empty(influx, name, &measurement)?;
    }
    Ok(Outcome::default())
}

/// Forgets the measurements of a database that have no series left.
pub(crate) fn forget_empty(influx: &Influx, database: &str) -> Result<()> {
    let measurements: Vec<String> = match influx.catalog.read().database(database) {
        Some(database) => database.measurements.keys().cloned().collect(),
        None => Vec::new(),
    };
    let mut measurements = measurements.iter();
    measurements.try_for_each(|measurement| forget_if_empty(influx, database, measurement))
}

fn forget_if_empty(influx: &Influx, database: &str, measurement: &str) -> Result<()> {
    if !is_empty(influx, database, measurement)? {
        return Ok(());
    }
    // Looked at once more while nothing is written: a point may have come meanwhile.
    let _alone = influx.names.write();
    if is_empty(influx, database, measurement)? {
        let forget = Change::DropMeasurement {
            database: database.to_owned(),
            measurement: measurement.to_owned(),
        };
        change(influx, forget)?;
    }
    Ok(())
}

/// Whether a measurement of the catalogue has no series.
fn is_empty(influx: &Influx, database: &str, measurement: &str) -> Result<bool> {
    let fields = {
        let state = influx.catalog.read();
        let database = state.database(database);
        let Some(fields) = database.and_then(|d| d.measurements.get(measurement)) else {
            return Ok(false);
        };
        fields.clone()
    };
    for (field, kind) in &fields {
        let matchers = store::matchers(database, None, measurement, (field, *kind))?;
        let all = TimeBounds::default().range();
        if !store::select(&influx.db, &[matchers], all)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
