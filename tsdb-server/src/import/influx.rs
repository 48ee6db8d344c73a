//! What `influx_inspect export` writes, and what `influx -import` reads: line protocol with the database and the retention
//! policy in comments, and statements that make them before it.
//!
//! ```text
//! # DDL
//! CREATE DATABASE telegraf WITH NAME autogen
//! # DML
//! # CONTEXT-DATABASE: telegraf
//! # CONTEXT-RETENTION-POLICY: autogen
//! cpu,host=a usage=1.5 1700000000000000000
//! ```

use std::io::Read;
use std::path::Path;

use tsdb_influx::influxql::ast::{PolicyOptions, PolicyStatement};
use tsdb_influx::influxql::{self, Statement};
use tsdb_influx::line::{LineEnd, Point};
use tsdb_influx::{Error, Influx, Limits, Precision, Refusal, Session, Target};

use super::file;
use super::lines::{Line, Lines};
use super::progress::Progress;
use super::routes::now_ms;
use super::sink::Summary;
use super::text_lines::MAX_LINE_BYTES;
use crate::ingest::WriteError;

/// A batch is written when it holds as much as one of these.
const BATCH_LINES: usize = 5_000;
const BATCH_BYTES: usize = 4 << 20;

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// When it cannot be read, or a batch not be written. Lines that are wrong are counted.
pub(super) fn import(
    path: &Path,
    influx: &Influx,
    summary: &mut Summary,
    progress: &mut Progress,
) -> Result<(), WriteError> {
    let source = file::open(path, progress)?;
    let read = source.count();
    let mut import = Import {
        influx,
        summary,
        in_statements: false,
        database: String::new(),
        policy: String::new(),
        batch: Batch::default(),
    };
    let mut lines = Lines::new(source, MAX_LINE_BYTES);
    import.lines(&mut lines, |summary| {
        progress.set_bytes(read.get());
        progress.show(summary);
    })
}

struct Import<'a> {
    influx: &'a Influx,
    summary: &'a mut Summary,
    /// Between `# DDL` and `# DML`.
    in_statements: bool,
    database: String,
    policy: String,
    batch: Batch,
}

/// Lines that wait to be written, one behind the other.
#[derive(Debug, Default)]
struct Batch {
    text: Vec<u8>,
    /// Where each begins in the text, and its number in the file.
    lines: Vec<(usize, u64)>,
}

impl Import<'_> {
    fn lines<R: Read>(
        &mut self,
        lines: &mut Lines<R>,
        mut after: impl FnMut(&Summary),
    ) -> Result<(), WriteError> {
        let limit = lines.limit();
        let mut number = 0;
        // A point may go on over the end of a line, inside of a quoted value.
        let mut open: Option<LineEnd> = None;
        while let Some(line) = lines.next()? {
            number += 1;
            let Line::Whole(line) = line else {
                open = None; // what was open is as long as it will be
                self.refuse("lines", number, || format!("longer than {limit} bytes"));
                continue;
            };
            if open.is_none() {
                let line = line.trim_ascii_start();
                if line.is_empty() {
                    continue;
                }
                if let Some(comment) = line.strip_prefix(b"#") {
                    self.comment(comment.trim_ascii())?;
                    continue;
                }
                if self.in_statements {
                    self.statement(line, number)?;
                    continue;
                }
                self.batch.lines.push((self.batch.text.len(), number));
            } else {
                self.batch.text.push(b'\n');
            }
            self.batch.text.extend_from_slice(line);
            let mut end = open.take().unwrap_or_default();
            // Quotes that are never closed must not take the rest of the file.
            if !end.is_after(line) && self.batch.last_len() <= limit {
                open = Some(end);
                continue;
            }
            if self.batch.lines.len() >= BATCH_LINES || self.batch.text.len() >= BATCH_BYTES {
                self.write()?;
            }
            after(self.summary);
        }
        self.write()
    }

    fn refuse(&mut self, what: &str, number: u64, reason: impl FnOnce() -> String) {
        let reason = || format!("line {number}: {}", reason());
        self.summary.refuse(what.to_owned(), 1, reason);
    }

    /// A comment, which may say where the lines after it belong.
    fn comment(&mut self, comment: &[u8]) -> Result<(), WriteError> {
        let comment = String::from_utf8_lossy(comment);
        let value = |key| {
            comment
                .strip_prefix(key)
                .map(|value: &str| value.trim().to_owned())
        };
        if let Some(database) = value("CONTEXT-DATABASE:") {
            self.write()?;
            self.database = database;
        } else if let Some(policy) = value("CONTEXT-RETENTION-POLICY:") {
            self.write()?;
            self.policy = policy;
        } else if comment == "DDL" {
            self.in_statements = true;
        } else if comment == "DML" {
            self.in_statements = false;
        }
        Ok(())
    }

    /// A statement that makes a database or a policy. One that is there already stays as it is.
    fn statement(&mut self, line: &[u8], number: u64) -> Result<(), WriteError> {
        let text = String::from_utf8_lossy(line);
        let parsed = influxql::parse(&text, &influxql::Params::default());
        let statements = match parsed {
            Ok(statements) => statements,
            Err(e) => {
                self.refuse("statements", number, || e.to_string());
                return Ok(());
            }
        };
        let limits = Limits {
            values: 0,
            buckets: 0,
        };
        let session = Session::new(None, now_ns(), limits);
        for statement in statements {
            let made = match &statement {
                Statement::CreateDatabase { name, policy } => {
                    let made = self.influx.execute(&statement, &session).map(drop);
                    made.or_else(|_| self.add_policy(name, policy.as_ref(), &session))
                }
                Statement::CreatePolicy(_) => self.influx.execute(&statement, &session).map(drop),
                other => Err(Error::Query(format!(
                    "{other} makes no database and no retention policy"
                ))),
            };
            match made {
                Err(Error::Query(reason)) => self.refuse("statements", number, || reason),
                made => made.map_err(|e| failed(&e))?,
            }
        }
        Ok(())
    }

    /// Adds a policy to a database that is there. An export makes a database once for each of its policies, in any order, and does
    /// not say which is the default: `autogen` is where it comes later, as in a database that InfluxDB makes.
    fn add_policy(
        &self,
        database: &str,
        options: Option<&PolicyOptions>,
        session: &Session,
    ) -> Result<(), Error> {
        let Some((options, name)) = options.and_then(|o| Some((o, o.name.as_deref()?))) else {
            return self.influx.ensure(database, None);
        };
        let added = Statement::CreatePolicy(PolicyStatement {
            name: name.to_owned(),
            database: database.to_owned(),
            options: PolicyOptions {
                default: name == "autogen",
                ..options.clone()
            },
        });
        let added = self.influx.execute(&added, session).map(drop);
        // One that is there with another duration stays as it is.
        added.or_else(|_| self.influx.ensure(database, Some(name)))
    }

    /// Writes the lines that wait, and returns once they are durable.
    fn write(&mut self) -> Result<(), WriteError> {
        let batch = std::mem::take(&mut self.batch);
        let Some((_, first)) = batch.lines.first() else {
            return Ok(());
        };
        if self.database.is_empty() {
            let lines = batch.lines.len() as u64;
            let reason = || format!("line {first}: no database: # CONTEXT-DATABASE is missing");
            self.summary.refuse("lines".to_owned(), lines, reason);
            return Ok(());
        }
        let mut points = Vec::with_capacity(batch.lines.len());
        for (line, number) in batch.iter() {
            match Point::parse(line, Precision::Nanoseconds) {
                Ok(point) => points.push(point),
                Err(e) => self.refuse("lines", number, || {
                    let shown = line.get(..200).unwrap_or(line);
                    format!("unable to parse '{}': {e}", String::from_utf8_lossy(shown))
                }),
            }
        }
        let policy = Some(self.policy.clone()).filter(|policy| !policy.is_empty());
        let policy = policy.as_deref();
        let made = self.influx.ensure(&self.database, policy);
        made.map_err(|e| failed(&e))?;
        self.points(policy, &points, *first)
    }

    /// Writes points of the lines from `first` on.
    fn points(
        &mut self,
        policy: Option<&str>,
        points: &[Point<'_>],
        first: u64,
    ) -> Result<(), WriteError> {
        let target = Target {
            database: &self.database,
            policy,
        };
        let mut refuse = |reason: &str, points: usize| {
            let reason = || format!("line {first} or one after it: {reason}");
            self.summary
                .refuse("points".to_owned(), points as u64, reason);
        };
        match self.influx.write(target, points, now_ns()) {
            Ok((commit, refusal)) => {
                if let Some(Refusal { reason, dropped }) = refusal {
                    refuse(&reason, dropped);
                }
                if let Some(commit) = commit {
                    self.summary.add(&commit.wait()?);
                }
                Ok(())
            }
            // Points of one write that contradict each other are refused together: apart, the first of them counts.
            Err(Error::Query(_)) if points.len() > 1 => {
                let (earlier, later) = points.split_at(points.len() / 2);
                self.points(policy, earlier, first)?;
                self.points(policy, later, first)
            }
            Err(Error::Query(reason)) => {
                refuse(&reason, 1);
                Ok(())
            }
            Err(e) => Err(failed(&e)),
        }
    }
}

fn now_ns() -> i64 {
    now_ms().saturating_mul(1_000_000)
}

fn failed(e: &Error) -> WriteError {
    WriteError::bad_request(e.to_string())
}

impl Batch {
    /// Length of the last line so far.
    fn last_len(&self) -> usize {
        let start = self.lines.last().map_or(0, |(start, _)| *start);
        self.text.len() - start
    }

    /// The lines and their numbers.
    fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let ends = self.lines.iter().skip(1).map(|(start, _)| *start);
        let ends = ends.chain([self.text.len()]);
        let lines = self.lines.iter().zip(ends);
        lines
            .map(|((start, number), end)| (self.text.get(*start..end).unwrap_or_default(), *number))
    }
}
