//! Clauses that several statements have.

use super::super::ast::{Expr, Limit, Measurement, MeasurementName};
use super::Result;
use super::parser::Parser;

impl Parser<'_> {
    /// `WHERE …`, if it comes next.
    pub(super) fn condition(&mut self) -> Result<Option<Expr>> {
        if !self.take_keyword("WHERE") {
            return Ok(None);
        }
        self.expr().map(Some)
    }

    /// Measurements separated by commas.
    pub(super) fn measurements(&mut self) -> Result<Vec<Measurement>> {
        let mut sources = vec![self.measurement()?];
        while self.take_sign(",") {
            sources.push(self.measurement()?);
        }
        Ok(sources)
    }

    /// `measurement`, `policy.measurement`, `database.policy.measurement` or `database..measurement`; a pattern may
    /// stand for the measurement.
    pub(super) fn measurement(&mut self) -> Result<Measurement> {
        let mut parts: Vec<Option<String>> = Vec::new();
        let name = loop {
            if let Some(pattern) = self.take_regex()? {
                break MeasurementName::Regex(pattern);
            }
            let part = self.ident()?;
            if parts.len() == 2 || !self.take_sign(".") {
                break MeasurementName::Exact(part);
            }
            parts.push(Some(part));
            // The policy may be left out: `database..measurement`.
            if parts.len() == 1 && self.take_sign(".") {
                parts.push(None);
            }
        };
        let policy = parts.pop().flatten();
        let database = parts.pop().flatten();
        Ok(Measurement {
            database,
            policy,
            name,
        })
    }

    /// `LIMIT n OFFSET n`, or the same of series.
    pub(super) fn limit(&mut self, limit: &str, offset: &str) -> Result<Limit> {
        let mut parsed = Limit::default();
        if self.take_keyword(limit) {
            parsed.count = self.integer()?;
        }
        if self.take_keyword(offset) {
            parsed.offset = self.integer()?;
        }
        Ok(parsed)
    }
}
