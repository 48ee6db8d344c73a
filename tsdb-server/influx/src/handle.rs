//! The public handle.

use std::path::Path;

use parking_lot::{Mutex, RwLock};
use tsdb_core::Db;

use crate::catalog::{Catalog, Change, Policy};
use crate::error::Result;
use crate::exec::{self, Outcome, Session};
use crate::expire::Expired;
use crate::influxql::Statement;
use crate::mapping::UNNAMED_POLICY;

/// InfluxDB's data in a store: the catalogue of databases beside it. Share it by reference; all methods take `&self`.
#[derive(Debug)]
pub struct Influx {
    pub(crate) db: Db,
    pub(crate) catalog: Catalog,
    /// Held by a write from looking its names up until its points are in the store, and alone by who forgets names: no point
    /// comes under a name that is being forgotten.
    pub(crate) names: RwLock<()>,
    /// What [`expire`](Self::expire) has done; held while it works.
    pub(crate) expired: Mutex<Expired>,
}

impl Influx {
    /// The InfluxDB data of a store whose directory is `dir`; `None` for a store in memory.
    ///
    /// # Errors
    /// [`Error::Catalog`](crate::Error::Catalog) when the catalogue cannot be read or written.
    pub fn open(db: Db, dir: Option<&Path>) -> Result<Self> {
        let catalog = Catalog::open(dir)?;
        Ok(Self {
            db,
            catalog,
            names: RwLock::default(),
            expired: Mutex::default(),
        })
    }

    /// Executes a statement.
    ///
    /// # Errors
    /// What is wrong with it, in InfluxDB's words where it has some.
    pub fn execute(&self, statement: &Statement, session: &Session) -> Result<Outcome> {
        exec::execute(self, statement, session)
    }

    /// Makes the database and the retention policy if they are not there. A policy that is made keeps its points for ever;
    /// without one a new database has `autogen`. The policy that a database is made with is its default.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) when `CREATE DATABASE` would refuse the name,
    /// [`Error::Catalog`](crate::Error::Catalog) when the catalogue cannot be written.
    pub fn ensure(&self, database: &str, policy: Option<&str>) -> Result<()> {
        let wanted = policy.unwrap_or(UNNAMED_POLICY);
        self.catalog.change(|state| {
            let known = state.database(database);
            let mut changes = Vec::new();
            if known.is_none() {
                exec::check_database_name(database)?;
                changes.push(Change::CreateDatabase(database.to_owned()));
                changes.push(Change::DefaultPolicy {
                    database: database.to_owned(),
                    policy: wanted.to_owned(),
                });
            }
            // A database whose policies were all dropped is as it was meant to be.
            let is_asked = known.is_none() || policy.is_some();
            if is_asked && known.is_none_or(|known| known.policy(wanted).is_none()) {
                changes.push(Change::PutPolicy {
                    database: database.to_owned(),
                    policy: Policy::forever(wanted),
                });
            }
            Ok((changes, ()))
        })
    }
}
