//! Statements as text.

use std::fmt::{self, Display, Write as _};

use super::ast::*;
use super::duration::format_duration;
use super::keyword::keyword;

/// A name, in quotes when it needs them.
fn ident(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && keyword(name).is_none();
    if plain {
        return name.to_owned();
    }
    format!("\"{}\"", escaped(name, '"'))
}

/// Text in quotes.
fn string(text: &str) -> String {
    format!("'{}'", escaped(text, '\''))
}

fn escaped(text: &str, quote: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A pattern between slashes. A backslash keeps the character after it.
fn regex(pattern: &str) -> String {
    let mut out = String::from("/");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push('\\');
                out.extend(chars.next());
            }
            '/' => out.push_str("\\/"),
            c => out.push(c),
        }
    }
    out.push('/');
    out
}

/// The items with `, ` between them.
fn list<T: Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

impl Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Select(select) => select.fmt(f),
            Self::Explain => f.write_str("EXPLAIN"),
            Self::Show(show) => show.fmt(f),
            Self::CreateDatabase { name, policy } => {
                write!(f, "CREATE DATABASE {}", ident(name))?;
                match policy {
                    Some(options) => write!(f, " WITH{options}"),
                    None => Ok(()),
                }
            }
            Self::DropDatabase(name) => write!(f, "DROP DATABASE {}", ident(name)),
            Self::CreatePolicy(policy) => write!(f, "CREATE {policy}"),
            Self::AlterPolicy(policy) => write!(f, "ALTER {policy}"),
            Self::DropPolicy { name, database } => {
                write!(
                    f,
                    "DROP RETENTION POLICY {} ON {}",
                    ident(name),
                    ident(database)
                )
            }
            Self::DropMeasurement(name) => write!(f, "DROP MEASUREMENT {}", ident(name)),
            Self::DropSeries { sources, condition } => {
                f.write_str("DROP SERIES")?;
                from_where(f, sources, condition.as_ref())
            }
            Self::Delete { sources, condition } => {
                f.write_str("DELETE")?;
                from_where(f, sources, condition.as_ref())
            }
            Self::CreateUser { name, admin } => {
                write!(f, "CREATE USER {} WITH PASSWORD '[REDACTED]'", ident(name))?;
                f.write_str(if *admin { " WITH ALL PRIVILEGES" } else { "" })
            }
            Self::DropUser(name) => write!(f, "DROP USER {}", ident(name)),
            Self::SetPassword(name) => {
                write!(f, "SET PASSWORD FOR {} = '[REDACTED]'", ident(name))
            }
            Self::SetAdmin { name, admin: true } => {
                write!(f, "GRANT ALL PRIVILEGES TO {}", ident(name))
            }
            Self::SetAdmin { name, admin: false } => {
                write!(f, "REVOKE ALL PRIVILEGES FROM {}", ident(name))
            }
            Self::Unsupported(name) => f.write_str(name),
        }
    }
}

fn from_where(
    f: &mut fmt::Formatter<'_>,
    sources: &[Measurement],
    condition: Option<&Expr>,
) -> fmt::Result {
    if !sources.is_empty() {
        write!(f, " FROM {}", list(sources))?;
    }
    match condition {
        Some(condition) => write!(f, " WHERE {condition}"),
        None => Ok(()),
    }
}

impl Display for PolicyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(duration_ns) = self.duration_ns {
            write!(f, " DURATION {}", format_duration(duration_ns))?;
        }
        if let Some(replication) = self.replication {
            write!(f, " REPLICATION {replication}")?;
        }
        if let Some(shard_ns) = self.shard_ns {
            write!(f, " SHARD DURATION {}", format_duration(shard_ns))?;
        }
        if self.default {
            f.write_str(" DEFAULT")?;
        }
        match &self.name {
            Some(name) => write!(f, " NAME {}", ident(name)),
            None => Ok(()),
        }
    }
}

impl Display for PolicyStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, database) = (ident(&self.name), ident(&self.database));
        write!(f, "RETENTION POLICY {name} ON {database}{}", self.options)
    }
}

impl ShowWhat {
    /// The words after `SHOW`; those that count say `KEY` for `KEYS`.
    const fn words(self, cardinality: bool) -> &'static str {
        match self {
            Self::Databases => "DATABASES",
            Self::Policies => "RETENTION POLICIES",
            Self::Measurements if cardinality => "MEASUREMENT",
            Self::Measurements => "MEASUREMENTS",
            Self::TagKeys if cardinality => "TAG KEY",
            Self::TagKeys => "TAG KEYS",
            Self::TagValues => "TAG VALUES",
            Self::FieldKeys if cardinality => "FIELD KEY",
            Self::FieldKeys => "FIELD KEYS",
            Self::Series => "SERIES",
            Self::Users => "USERS",
            Self::Grants => "GRANTS",
            Self::Diagnostics => "DIAGNOSTICS",
            Self::Stats => "STATS",
            Self::Queries => "QUERIES",
            Self::ContinuousQueries => "CONTINUOUS QUERIES",
            Self::Subscriptions => "SUBSCRIPTIONS",
            Self::Shards => "SHARDS",
            Self::ShardGroups => "SHARD GROUPS",
        }
    }
}

impl Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHOW {}", self.what.words(self.cardinality))?;
        if self.exact {
            f.write_str(" EXACT")?;
        }
        if self.cardinality {
            f.write_str(" CARDINALITY")?;
        }
        if let Some(on) = &self.on {
            let word = if self.what == ShowWhat::Grants {
                "FOR"
            } else {
                "ON"
            };
            write!(f, " {word} {}", ident(on))?;
        }
        if self.what == ShowWhat::Measurements && !self.cardinality {
            if let Some(source) = self.sources.first() {
                f.write_str(" WITH MEASUREMENT ")?;
                match &source.name {
                    MeasurementName::Exact(name) => write!(f, "= {}", ident(name))?,
                    MeasurementName::NotExact(name) => write!(f, "!= {}", ident(name))?,
                    MeasurementName::Regex(pattern) => write!(f, "=~ {}", regex(pattern))?,
                    MeasurementName::NotRegex(pattern) => write!(f, "!~ {}", regex(pattern))?,
                }
            }
        } else if !self.sources.is_empty() {
            write!(f, " FROM {}", list(&self.sources))?;
        }
        if let Some(keys) = &self.with_key {
            write!(f, " WITH KEY {keys}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        limits(f, self.limit, self.series_limit)
    }
}

impl Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal(key) => write!(f, "= {}", ident(key)),
            Self::NotEqual(key) => write!(f, "!= {}", ident(key)),
            Self::Regex(pattern) => write!(f, "=~ {}", regex(pattern)),
            Self::NotRegex(pattern) => write!(f, "!~ {}", regex(pattern)),
            Self::In(keys) => {
                let keys: Vec<String> = keys.iter().map(|key| ident(key)).collect();
                write!(f, "IN ({})", keys.join(", "))
            }
        }
    }
}

fn limits(f: &mut fmt::Formatter<'_>, rows: Limit, series: Limit) -> fmt::Result {
    for (word, n) in [
        ("LIMIT", rows.count),
        ("OFFSET", rows.offset),
        ("SLIMIT", series.count),
        ("SOFFSET", series.offset),
    ] {
        if n > 0 {
            write!(f, " {word} {n}")?;
        }
    }
    Ok(())
}

impl Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SELECT {}", list(&self.fields))?;
        if let Some(into) = &self.into {
            write!(f, " INTO {into}")?;
        }
        write!(f, " FROM {}", list(&self.sources))?;
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        if !self.dimensions.is_empty() {
            write!(f, " GROUP BY {}", list(&self.dimensions))?;
        }
        match self.fill {
            Fill::Null => {}
            Fill::None => f.write_str(" fill(none)")?,
            Fill::Number(number) => write!(f, " fill({})", Expr::Number(number))?,
            Fill::Previous => f.write_str(" fill(previous)")?,
            Fill::Linear => f.write_str(" fill(linear)")?,
        }
        if self.descending {
            f.write_str(" ORDER BY time DESC")?;
        }
        limits(f, self.limit, self.series_limit)?;
        match &self.zone {
            Some(zone) => write!(f, " TZ({})", string(zone)),
            None => Ok(()),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.alias {
            Some(alias) => write!(f, "{} AS {}", self.expr, ident(alias)),
            None => self.expr.fmt(f),
        }
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measurement(measurement) => measurement.fmt(f),
            Self::Select(select) => write!(f, "({select})"),
        }
    }
}

impl Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(database) = &self.database {
            write!(f, "{}.", ident(database))?;
        }
        match &self.policy {
            Some(policy) => write!(f, "{}.", ident(policy))?,
            None if self.database.is_some() => f.write_char('.')?,
            None => {}
        }
        match &self.name {
            MeasurementName::Exact(name) | MeasurementName::NotExact(name) => {
                f.write_str(&ident(name))
            }
            MeasurementName::Regex(pattern) | MeasurementName::NotRegex(pattern) => {
                f.write_str(&regex(pattern))
            }
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Var { name, cast: None } => f.write_str(&ident(name)),
            Self::Var {
                name,
                cast: Some(cast),
            } => write!(f, "{}::{}", ident(name), cast.name()),
            Self::Wildcard(None) => f.write_char('*'),
            Self::Wildcard(Some(cast)) => write!(f, "*::{}", cast.name()),
            Self::Regex(pattern) => f.write_str(&regex(pattern)),
            Self::Call { name, args } => write!(f, "{}({})", ident_of_call(name), list(args)),
            Self::Distinct(name) => write!(f, "DISTINCT {}", ident(name)),
            Self::Binary { op, lhs, rhs } => write!(f, "{lhs} {} {rhs}", op.sign()),
            Self::Paren(inner) => write!(f, "({inner})"),
            // At least one digit behind the point tells it from an integer.
            Self::Number(number) if number.fract() == 0.0 => write!(f, "{number:.1}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::String(text) => f.write_str(&string(text)),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Duration(nanoseconds) => f.write_str(&format_duration(*nanoseconds)),
        }
    }
}

/// `distinct` is a keyword and yet the name of a function.
fn ident_of_call(name: &str) -> String {
    if name == "distinct" {
        return name.to_owned();
    }
    ident(name)
}
