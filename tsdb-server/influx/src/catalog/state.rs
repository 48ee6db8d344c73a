//! What the catalogue holds.

use std::collections::BTreeMap;

use super::change::Change;
use crate::value::FieldType;

/// Databases and users, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    databases: Vec<Database>,
    users: Vec<(String, bool)>,
    fields: usize,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) name: String,
    /// In the order in which they were made.
    pub(crate) policies: Vec<Policy>,
    /// The policy of writes that name none; empty when it was dropped.
    pub(crate) default_policy: String,
    /// Fields by their measurement and their name.
    pub(crate) measurements: BTreeMap<String, BTreeMap<String, Field>>,
}

/// A retention policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) name: String,
    /// How long its points are kept, in nanoseconds; 0 is for ever.
    pub(crate) duration_ns: i64,
    /// The time that InfluxDB puts into one shard, in nanoseconds. Kept to be shown.
    pub(crate) shard_ns: i64,
    /// Copies that a cluster would keep. Kept to be shown.
    pub(crate) replication: u32,
}

/// A field of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) field_type: FieldType,
    /// Whether its series carry the name of the field as a label, because the metric name alone is another field's too.
    pub(crate) labelled: bool,
}

impl State {
    pub(crate) fn databases(&self) -> &[Database] {
        &self.databases
    }

    pub(crate) fn database(&self, name: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.name == name)
    }

    /// Users, and whether they have all privileges.
    pub(crate) fn users(&self) -> &[(String, bool)] {
        &self.users
    }

    /// Number of fields of all databases.
    pub(crate) fn fields(&self) -> usize {
        self.fields
    }

    fn database_mut(&mut self, name: &str) -> Option<&mut Database> {
        self.databases
            .iter_mut()
            .find(|database| database.name == name)
    }

    /// Applies a change; one that names what is not there changes nothing.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::CreateDatabase(name) => {
                if self.database(name).is_none() {
                    self.databases.push(Database {
                        name: name.clone(),
                        policies: Vec::new(),
                        default_policy: String::new(),
                        measurements: BTreeMap::new(),
                    });
                }
            }
            Change::DropDatabase(name) => self.databases.retain(|database| database.name != *name),
            Change::PutPolicy { database, policy } => {
                if let Some(database) = self.database_mut(database) {
                    match database.policies.iter_mut().find(|p| p.name == policy.name) {
                        Some(present) => *present = policy.clone(),
                        None => database.policies.push(policy.clone()),
                    }
                }
            }
            Change::DropPolicy { database, policy } => {
                if let Some(database) = self.database_mut(database) {
                    database.policies.retain(|p| p.name != *policy);
                    if database.default_policy == *policy {
                        database.default_policy.clear();
                    }
                }
            }
            Change::DefaultPolicy { database, policy } => {
                if let Some(database) = self.database_mut(database) {
                    database.default_policy.clone_from(policy);
                }
            }
            Change::AddField {
                database,
                measurement,
                field,
                kind,
            } => {
                if let Some(database) = self.database_mut(database) {
                    let fields = database
                        .measurements
                        .entry(measurement.clone())
                        .or_default();
                    let is_new = fields.insert(field.clone(), *kind).is_none();
                    self.fields += usize::from(is_new);
                }
            }
            Change::DropMeasurement {
                database,
                measurement,
            } => {
                if let Some(database) = self.database_mut(database) {
                    database.measurements.remove(measurement);
                }
            }
            Change::PutUser { name, admin } => {
                match self.users.iter_mut().find(|(user, _)| user == name) {
                    Some((_, present)) => *present = *admin,
                    None => self.users.push((name.clone(), *admin)),
                }
            }
            Change::DropUser(name) => self.users.retain(|(user, _)| user != name),
        }
        if matches!(
            change,
            Change::DropDatabase(_) | Change::DropMeasurement { .. }
        ) {
            let measurements = self.databases.iter().flat_map(|d| d.measurements.values());
            self.fields = measurements.map(BTreeMap::len).sum();
        }
    }

    /// The changes that lead from nothing to this state.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for database in &self.databases {
            let name = || database.name.clone();
            changes.push(Change::CreateDatabase(name()));
            for policy in &database.policies {
                changes.push(Change::PutPolicy {
                    database: name(),
                    policy: policy.clone(),
                });
            }
            changes.push(Change::DefaultPolicy {
                database: name(),
                policy: database.default_policy.clone(),
            });
            for (measurement, fields) in &database.measurements {
                for (field, kind) in fields {
                    changes.push(Change::AddField {
                        database: name(),
                        measurement: measurement.clone(),
                        field: field.clone(),
                        kind: *kind,
                    });
                }
            }
        }
        for (name, admin) in &self.users {
            changes.push(Change::PutUser {
                name: name.clone(),
                admin: *admin,
            });
        }
        changes
    }
}

impl Policy {
    /// A policy that keeps its points for ever.
    pub(crate) fn forever(name: &str) -> Self {
        Self::new(name, 0, None, 1)
    }

    /// A policy; without a `shard_ns` it has InfluxDB's.
    pub(crate) fn new(
        name: &str,
        duration_ns: i64,
        shard_ns: Option<i64>,
        replication: u32,
    ) -> Self {
        Self {
            name: name.to_owned(),
            duration_ns,
            shard_ns: shard_duration(duration_ns, shard_ns),
            replication,
        }
    }

    /// The start of the shard in which the earliest time lies that a point may have, in nanoseconds.
    pub(crate) fn first_shard_ns(&self, now_ns: i64) -> Option<i64> {
        let oldest_ns = self.oldest_ns(now_ns)?;
        Some(oldest_ns.saturating_sub(oldest_ns.rem_euclid(self.shard_ns.max(1))))
    }

    /// The earliest time that a point may have, in nanoseconds.
    pub(crate) fn oldest_ns(&self, now_ns: i64) -> Option<i64> {
        (self.duration_ns > 0).then(|| now_ns.saturating_sub(self.duration_ns))
    }
}

const HOUR_NS: i64 = 3_600_000_000_000;

/// InfluxDB's shard duration for a retention: an hour below two days, a day up to 180 days, a week above; at least an hour.
fn shard_duration(duration_ns: i64, asked_ns: Option<i64>) -> i64 {
    match asked_ns {
        Some(asked_ns) if asked_ns > 0 => asked_ns.max(HOUR_NS),
        _ if duration_ns == 0 || duration_ns > 180 * 24 * HOUR_NS => 7 * 24 * HOUR_NS,
        _ if duration_ns >= 2 * 24 * HOUR_NS => 24 * HOUR_NS,
        _ => HOUR_NS,
    }
}

impl Database {
    pub(crate) fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    pub(crate) fn field(&self, measurement: &str, field: &str) -> Option<Field> {
        self.measurements.get(measurement)?.get(field).copied()
    }

    /// Whether a field that is new gets a label of its own: another field's measurement and name give the same metric
    /// name, as `a_b` and `c` do with `a` and `b_c`.
    pub(crate) fn is_ambiguous(&self, measurement: &str, field: &str) -> bool {
        let metric = crate::mapping::metric_name(measurement, field);
        metric.match_indices('_').any(|(at, _)| {
            at != measurement.len()
                && metric
                    .get(..at)
                    .zip(metric.get(at + 1..))
                    .is_some_and(|(measurement, field)| self.field(measurement, field).is_some())
        })
    }
}
