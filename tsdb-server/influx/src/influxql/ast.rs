//! The tree of a query.

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `SELECT …`
    Select(Box<Select>),
    /// `EXPLAIN [ANALYZE] …`, which is not executed.
    Explain,
    /// `SHOW …`
    Show(Show),
    /// `CREATE DATABASE name [WITH …]`
    CreateDatabase {
        /// The database.
        name: String,
        /// What follows `WITH`, if it does.
        policy: Option<PolicyOptions>,
    },
    /// `DROP DATABASE name`
    DropDatabase(String),
    /// `CREATE RETENTION POLICY name ON database …`
    CreatePolicy(PolicyStatement),
    /// `ALTER RETENTION POLICY name ON database …`
    AlterPolicy(PolicyStatement),
    /// `DROP RETENTION POLICY name ON database`
    DropPolicy {
        /// The policy.
        name: String,
        /// Its database.
        database: String,
    },
    /// `DROP MEASUREMENT name`
    DropMeasurement(String),
    /// `DROP SERIES [FROM …] [WHERE …]`
    DropSeries {
        /// Which measurements; all when empty.
        sources: Vec<Measurement>,
        /// Which series.
        condition: Option<Expr>,
    },
    /// `DELETE [FROM …] [WHERE …]`
    Delete {
        /// Which measurements; all when empty.
        sources: Vec<Measurement>,
        /// Which series and times.
        condition: Option<Expr>,
    },
    /// `CREATE USER name WITH PASSWORD '…' [WITH ALL PRIVILEGES]`
    CreateUser {
        /// The user.
        name: String,
        /// Whether all privileges are granted.
        admin: bool,
    },
    /// `DROP USER name`
    DropUser(String),
    /// `SET PASSWORD FOR name = '…'`
    SetPassword(String),
    /// `GRANT ALL PRIVILEGES TO user`, `REVOKE ALL PRIVILEGES FROM user`
    SetAdmin {
        /// The user.
        name: String,
        /// Granted or revoked.
        admin: bool,
    },
    /// A statement of InfluxDB that is not supported; its name.
    Unsupported(&'static str),
}

/// Retention policy options as they are written; what is absent keeps its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// `DURATION`, in nanoseconds; 0 is for ever.
    pub duration_ns: Option<i64>,
    /// `REPLICATION`
    pub replication: Option<u32>,
    /// `SHARD DURATION`, in nanoseconds.
    pub shard_ns: Option<i64>,
    /// `NAME`, in `CREATE DATABASE`.
    pub name: Option<String>,
    /// `DEFAULT`, in `CREATE` and `ALTER RETENTION POLICY`.
    pub default: bool,
}

/// `CREATE` or `ALTER RETENTION POLICY`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStatement {
    /// The policy.
    pub name: String,
    /// Its database.
    pub database: String,
    /// Its options.
    pub options: PolicyOptions,
}

/// What a `SHOW` statement lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowWhat {
    /// `DATABASES`
    Databases,
    /// `RETENTION POLICIES`
    Policies,
    /// `MEASUREMENTS`
    Measurements,
    /// `TAG KEYS`
    TagKeys,
    /// `TAG VALUES`
    TagValues,
    /// `FIELD KEYS`
    FieldKeys,
    /// `SERIES`
    Series,
    /// `USERS`
    Users,
    /// `GRANTS FOR user`
    Grants,
    /// `DIAGNOSTICS`
    Diagnostics,
    /// `STATS`
    Stats,
    /// `QUERIES`
    Queries,
    /// `CONTINUOUS QUERIES`
    ContinuousQueries,
    /// `SUBSCRIPTIONS`
    Subscriptions,
    /// `SHARDS`
    Shards,
    /// `SHARD GROUPS`
    ShardGroups,
}

/// A `SHOW` statement. What one kind does not have stays empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Show {
    /// What is listed.
    pub what: ShowWhat,
    /// Counts are asked for, `CARDINALITY`.
    pub cardinality: bool,
    /// The counts are to be exact, `EXACT`. They always are.
    pub exact: bool,
    /// `ON database`, or the user of `GRANTS FOR`.
    pub on: Option<String>,
    /// `FROM …`, or the pattern of `WITH MEASUREMENT`.
    pub sources: Vec<Measurement>,
    /// `WITH KEY …`
    pub with_key: Option<KeyPattern>,
    /// `WHERE …`
    pub condition: Option<Expr>,
    /// `LIMIT` and `OFFSET`: of rows.
    pub limit: Limit,
    /// `SLIMIT` and `SOFFSET`: of series.
    pub series_limit: Limit,
}

impl Show {
    /// A statement without any clause.
    pub(crate) fn new(what: ShowWhat) -> Self {
        Self {
            what,
            cardinality: false,
            exact: false,
            on: None,
            sources: Vec::new(),
            with_key: None,
            condition: None,
            limit: Limit::default(),
            series_limit: Limit::default(),
        }
    }
}

/// The keys of `SHOW TAG VALUES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPattern {
    /// `WITH KEY = key`
    Equal(String),
    /// `WITH KEY != key`
    NotEqual(String),
    /// `WITH KEY IN (key, …)`
    In(Vec<String>),
    /// `WITH KEY =~ /pattern/`
    Regex(String),
    /// `WITH KEY !~ /pattern/`
    NotRegex(String),
}

/// How many of a list are given, and how many are passed over before. A count of 0 is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// At most so many.
    pub count: usize,
    /// So many are passed over.
    pub offset: usize,
}

impl Limit {
    /// What is left of a list.
    pub(crate) fn apply<T>(self, items: &mut Vec<T>) {
        items.drain(..self.offset.min(items.len()));
        if self.count > 0 {
            items.truncate(self.count);
        }
    }
}

/// `SELECT`
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// What is selected.
    pub fields: Vec<Field>,
    /// `INTO`, which is refused when it is executed.
    pub into: Option<Measurement>,
    /// `FROM`
    pub sources: Vec<Source>,
    /// `WHERE`
    pub condition: Option<Expr>,
    /// `GROUP BY`
    pub dimensions: Vec<Expr>,
    /// `fill(…)`
    pub fill: Fill,
    /// `ORDER BY time DESC`
    pub descending: bool,
    /// `LIMIT` and `OFFSET`
    pub limit: Limit,
    /// `SLIMIT` and `SOFFSET`
    pub series_limit: Limit,
    /// `tz('…')`
    pub zone: Option<String>,
}

/// An expression of the select list with the name that is given to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The expression.
    pub expr: Expr,
    /// `AS name`
    pub alias: Option<String>,
}

/// Where a `SELECT` reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A measurement, or several.
    Measurement(Measurement),
    /// A subquery.
    Select(Box<Select>),
}

/// `"database"."policy"."measurement"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The database, if it is given.
    pub database: Option<String>,
    /// The retention policy, if it is given.
    pub policy: Option<String>,
    /// The measurement.
    pub name: MeasurementName,
}

/// Which measurements are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeasurementName {
    /// That one.
    Exact(String),
    /// All that a pattern matches anywhere.
    Regex(String),
    /// All that a pattern does not match.
    NotRegex(String),
    /// All but that one.
    NotExact(String),
}

/// What stands for an interval without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fill {
    /// Null; a count is 0.
    #[default]
    Null,
    /// The interval is left out.
    None,
    /// A number.
    Number(f64),
    /// The value before.
    Previous,
    /// On the line between the values around.
    Linear,
}

/// The type after `::`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// `::float`
    Float,
    /// `::integer`
    Integer,
    /// `::string`
    String,
    /// `::boolean`
    Boolean,
    /// `::field`
    Field,
    /// `::tag`
    Tag,
}

impl Cast {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Field => "field",
            Self::Tag => "tag",
        }
    }
}

/// Operators between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after its sign")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    BitAnd,
    BitOr,
    BitXor,
    And,
    Or,
    Eq,
    NotEq,
    EqRegex,
    NotEqRegex,
    Less,
    LessEq,
    Greater,
    GreaterEq,
}

impl BinaryOp {
    /// How tightly it binds; a higher number binds tighter.
    #[must_use]
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Eq
            | Self::NotEq
            | Self::EqRegex
            | Self::NotEqRegex
            | Self::Less
            | Self::LessEq
            | Self::Greater
            | Self::GreaterEq => 3,
            Self::Add | Self::Sub | Self::BitOr | Self::BitXor => 4,
            Self::Mul | Self::Div | Self::Mod | Self::BitAnd => 5,
        }
    }

    /// Its sign.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::And => "AND",
            Self::Or => "OR",
            Self::Eq => "=",
            Self::NotEq => "!=",
            Self::EqRegex => "=~",
            Self::NotEqRegex => "!~",
            Self::Less => "<",
            Self::LessEq => "<=",
            Self::Greater => ">",
            Self::GreaterEq => ">=",
        }
    }

    /// Whether the result is a number.
    pub(crate) const fn is_arithmetic(self) -> bool {
        self.precedence() >= 4
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A field or a tag.
    Var {
        /// Its name.
        name: String,
        /// The type it is asked for.
        cast: Option<Cast>,
    },
    /// `*`, of fields, tags or both.
    Wildcard(Option<Cast>),
    /// A pattern, without its slashes.
    Regex(String),
    /// A function.
    Call {
        /// Its name in small letters.
        name: String,
        /// Its arguments.
        args: Vec<Expr>,
    },
    /// `distinct field`, the form without parentheses.
    Distinct(String),
    /// An operator.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left of it.
        lhs: Box<Expr>,
        /// Right of it.
        rhs: Box<Expr>,
    },
    /// `( … )`
    Paren(Box<Expr>),
    /// A number with a point.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// Text.
    String(String),
    /// `true` or `false`
    Boolean(bool),
    /// A duration in nanoseconds.
    Duration(i64),
}

impl Expr {
    /// A variable without a type.
    pub(crate) fn var(name: &str) -> Self {
        Self::Var {
            name: name.to_owned(),
            cast: None,
        }
    }

    /// Whether it is the variable `time`.
    pub(crate) fn is_time(&self) -> bool {
        matches!(self, Self::Var { name, .. } if name.eq_ignore_ascii_case("time"))
    }

    /// Without the parentheses around it.
    pub(crate) fn bare(&self) -> &Self {
        match self {
            Self::Paren(inner) => inner.bare(),
            other => other,
        }
    }

    /// Calls `visit` with this expression and all below it, those on the left first.
    pub(crate) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::Binary { lhs, rhs, .. } => {
                lhs.walk(visit);
                rhs.walk(visit);
            }
            Self::Paren(inner) => inner.walk(visit),
            Self::Call { args, .. } => args.iter().for_each(|arg| arg.walk(visit)),
            _ => {}
        }
    }
}
