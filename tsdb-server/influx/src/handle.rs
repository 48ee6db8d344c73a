//! The public handle.

use std::path::Path;

use tsdb_core::Db;

use crate::catalog::{Catalog, Change, Policy};
use crate::error::Result;
use crate::exec::{self, Outcome, Session};
use crate::influxql::Statement;
use crate::mapping::UNNAMED_POLICY;

/// InfluxDB's data in a store: the catalogue of databases beside it. Share it by reference; all methods take `&self`.
#[derive(Debug)]
pub struct Influx {
    pub(crate) db: Db,
    pub(crate) catalog: Catalog,
}

impl Influx {
    /// The InfluxDB data of a store whose directory is `dir`; `None` for a store in memory.
    ///
    /// # Errors
    /// [`Error::Catalog`](crate::Error::Catalog) when the catalogue cannot be read or written.
    pub fn open(db: Db, dir: Option<&Path>) -> Result<Self> {
        let catalog = Catalog::open(dir)?;
        Ok(Self { db, catalog })
    }

    /// Executes a statement.
    ///
    /// # Errors
    /// What is wrong with it, in InfluxDB's words where it has some.
    pub fn execute(&self, statement: &Statement, session: &Session) -> Result<Outcome> {
        exec::execute(self, statement, session)
    }

    /// Makes the database if it is not there, as `CREATE DATABASE` does.
    ///
    /// # Errors
    /// [`Error::Catalog`](crate::Error::Catalog) when the catalogue cannot be written.
    pub fn ensure_database(&self, name: &str) -> Result<()> {
        self.catalog.change(|state| {
            let mut changes = Vec::new();
            if state.database(name).is_none() {
                changes.push(Change::CreateDatabase(name.to_owned()));
                changes.push(Change::PutPolicy {
                    database: name.to_owned(),
                    policy: Policy::forever(UNNAMED_POLICY),
                });
                changes.push(Change::DefaultPolicy {
                    database: name.to_owned(),
                    policy: UNNAMED_POLICY.to_owned(),
                });
            }
            Ok((changes, ()))
        })
    }
}
