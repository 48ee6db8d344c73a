//! Statements that change something.

use super::delete;
use super::outcome::Outcome;
use super::session::Session;
use crate::catalog::{Change, Policy, State};
use crate::error::{Error, Result};
use crate::handle::Influx;
use crate::influxql::Statement;
use crate::influxql::ast::{PolicyOptions, PolicyStatement};
use crate::mapping::UNNAMED_POLICY;

pub(super) fn execute(
    influx: &Influx,
    statement: &Statement,
    session: &Session,
) -> Result<Outcome> {
    match statement {
        Statement::CreateDatabase { name, policy } => change(influx, |state| {
            create_database(state, name, policy.as_ref())
        }),
        Statement::CreatePolicy(statement) => {
            change(influx, |state| create_policy(state, statement))
        }
        Statement::AlterPolicy(statement) => {
            let outcome = change(influx, |state| alter_policy(state, statement))?;
            influx.expire(session.now_ns)?;
            Ok(outcome)
        }
        Statement::CreateUser { name, admin } => change(influx, |state| {
            match state.users().iter().find(|(user, _)| user == name) {
                Some((_, present)) if present != admin => Err(Error::query("user already exists")),
                Some(_) => Ok(Vec::new()),
                None => Ok(vec![put_user(name, *admin)]),
            }
        }),
        Statement::SetAdmin { name, admin } => change(influx, |state| {
            known_user(state, name)?;
            Ok(vec![put_user(name, *admin)])
        }),
        // Nothing checks passwords, so that none is kept.
        Statement::SetPassword(name) => change(influx, |state| {
            known_user(state, name)?;
            Ok(Vec::new())
        }),
        Statement::DropUser(name) => change(influx, |state| {
            known_user(state, name)?;
            Ok(vec![Change::DropUser(name.clone())])
        }),
        Statement::DropDatabase(name) => delete::drop_database(influx, name),
        Statement::DropPolicy { name, database } => delete::drop_policy(influx, database, name),
        Statement::DropMeasurement(name) => delete::drop_measurement(influx, name, session),
        Statement::DropSeries { sources, condition } => {
            delete::drop_series(influx, sources, condition.as_ref(), session)
        }
        Statement::Delete { sources, condition } => {
            delete::delete(influx, sources, condition.as_ref(), session)
        }
        other => Err(Error::query(format!("{other} is not supported"))),
    }
}

fn change(influx: &Influx, plan: impl FnOnce(&State) -> Result<Vec<Change>>) -> Result<Outcome> {
    influx
        .catalog
        .change(|state| Ok((plan(state)?, Outcome::default())))
}

fn put_user(name: &str, admin: bool) -> Change {
    Change::PutUser {
        name: name.to_owned(),
        admin,
    }
}

fn known_user(state: &State, name: &str) -> Result<()> {
    if state.users().iter().any(|(user, _)| user == name) {
        return Ok(());
    }
    Err(Error::query("user not found"))
}

/// The shortest retention, an hour.
const MIN_RETENTION_NS: i64 = 3_600_000_000_000;

/// Whether a new database may have this name: InfluxDB makes a directory of it.
pub(crate) fn check_database_name(name: &str) -> Result<()> {
    if name.is_empty() || name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err(Error::query("invalid name"));
    }
    Ok(())
}

fn create_database(
    state: &State,
    name: &str,
    options: Option<&PolicyOptions>,
) -> Result<Vec<Change>> {
    check_database_name(name)?;
    let policy = match options {
        Some(options) => {
            let name = options.name.as_deref().unwrap_or(UNNAMED_POLICY);
            let policy = new_policy(name, options);
            check_policy(&policy)?;
            policy
        }
        None => Policy::forever(UNNAMED_POLICY),
    };
    if let Some(database) = state.database(name) {
        // Made again with the same policy is made once; without one, whatever there is stays.
        let Some(_) = options else {
            return Ok(Vec::new());
        };
        return match database.policy(&policy.name) {
            Some(present) if *present == policy => Ok(Vec::new()),
            _ => Err(Error::query(
                "retention policy conflicts with an existing policy",
            )),
        };
    }
    Ok(vec![
        Change::CreateDatabase(name.to_owned()),
        Change::PutPolicy {
            database: name.to_owned(),
            policy: policy.clone(),
        },
        Change::DefaultPolicy {
            database: name.to_owned(),
            policy: policy.name,
        },
    ])
}

fn new_policy(name: &str, options: &PolicyOptions) -> Policy {
    let duration_ns = options.duration_ns.unwrap_or(0);
    let replication = options.replication.unwrap_or(1);
    Policy::new(name, duration_ns, options.shard_ns, replication)
}

fn check_policy(policy: &Policy) -> Result<()> {
    if policy.duration_ns != 0 && policy.duration_ns < MIN_RETENTION_NS {
        return Err(Error::query(
            "retention policy duration must be at least 1h0m0s",
        ));
    }
    if policy.duration_ns != 0 && policy.duration_ns < policy.shard_ns {
        return Err(Error::query(
            "retention policy duration must be greater than the shard duration",
        ));
    }
    Ok(())
}

fn create_policy(state: &State, statement: &PolicyStatement) -> Result<Vec<Change>> {
    let database = database(state, &statement.database)?;
    let policy = new_policy(&statement.name, &statement.options);
    check_policy(&policy)?;
    if let Some(present) = database.policy(&policy.name) {
        if *present != policy {
            return Err(Error::query("retention policy already exists"));
        }
        if statement.options.default && database.default_policy != policy.name {
            return Err(Error::query(
                "retention policy conflicts with an existing policy",
            ));
        }
        return Ok(Vec::new());
    }
    Ok(put_policy(statement, policy))
}

fn alter_policy(state: &State, statement: &PolicyStatement) -> Result<Vec<Change>> {
    let database = database(state, &statement.database)?;
    let present = database.policy(&statement.name);
    let present = present.ok_or_else(|| Error::PolicyNotFound(statement.name.clone()))?;
    let options = &statement.options;
    let duration_ns = options.duration_ns.unwrap_or(present.duration_ns);
    let shard_ns = options.shard_ns.unwrap_or(present.shard_ns);
    let replication = options.replication.unwrap_or(present.replication);
    let policy = Policy::new(&statement.name, duration_ns, Some(shard_ns), replication);
    check_policy(&policy)?;
    Ok(put_policy(statement, policy))
}

fn put_policy(statement: &PolicyStatement, policy: Policy) -> Vec<Change> {
    let database = || statement.database.clone();
    let mut changes = vec![Change::PutPolicy {
        database: database(),
        policy,
    }];
    if statement.options.default {
        changes.push(Change::DefaultPolicy {
            database: database(),
            policy: statement.name.clone(),
        });
    }
    changes
}

fn database<'a>(state: &'a State, name: &str) -> Result<&'a crate::catalog::Database> {
    let database = state.database(name);
    database.ok_or_else(|| Error::DatabaseNotFound(name.to_owned()))
}
