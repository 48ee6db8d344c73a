//! Statements into answers.
//!
//! * [`show`] lists what there is, [`change`] changes it, [`delete`] takes points away, [`select`] computes.
//! * [`condition`] reads `WHERE`: the range of time apart from the rest.
//! * Every loop over points asks the [`Session`] whether it may go on.

mod change;
mod condition;
mod delete;
mod eval;
mod math;
mod outcome;
mod select;
mod session;
mod show;
mod time;

pub(crate) use change::check_database_name;
pub(crate) use delete::{forget_empty, policy_matchers};
pub use outcome::{Message, Outcome, Row};
pub use session::{Limits, Session};

use crate::error::{Error, Result};
use crate::handle::Influx;
use crate::influxql::Statement;

/// Executes a statement.
pub(crate) fn execute(
    influx: &Influx,
    statement: &Statement,
    session: &Session,
) -> Result<Outcome> {
    match statement {
        Statement::Select(statement) => select::execute(influx, statement, session),
        Statement::Show(statement) => show::execute(influx, statement, session),
        Statement::Explain => Err(Error::query("EXPLAIN is not supported")),
        Statement::Unsupported(name) => Err(Error::query(format!("{name} is not supported"))),
        change => change::execute(influx, change, session),
    }
}

#[cfg(test)]
mod tests;
