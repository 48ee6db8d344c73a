//! What statements ask of who sends them.

use axum::http::StatusCode;
use tsdb_influx::influxql::Statement;

use super::error::InfluxError;
use crate::auth::{Scope, Scopes};

/// Refuses the statements that the scopes do not allow, and by GET those that take something away: a link must not. What
/// only adds may come by GET, since clients of InfluxDB 1.x make their database so.
pub(super) fn check(
    statements: &[Statement],
    scopes: Scopes,
    is_get: bool,
) -> Result<(), InfluxError> {
    for statement in statements {
        let scope = needed(statement);
        if !scopes.has(scope) {
            let reason = "error authorizing query: the credentials have not the scope that a statement needs";
            return Err(InfluxError::new(StatusCode::FORBIDDEN, reason));
        }
        if is_get && scope == Scope::Admin {
            let reason = "a statement changes what is there, please use a POST request instead";
            return Err(InfluxError::new(StatusCode::METHOD_NOT_ALLOWED, reason));
        }
    }
    Ok(())
}

fn needed(statement: &Statement) -> Scope {
    match statement {
        Statement::Select(_) | Statement::Explain | Statement::Show(_) => Scope::Read,
        Statement::CreateDatabase { .. } | Statement::CreatePolicy(_) => Scope::Write,
        _ => Scope::Admin,
    }
}
