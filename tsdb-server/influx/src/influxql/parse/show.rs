//! `SHOW`.

use super::super::ast::{KeyPattern, Measurement, MeasurementName, Show, ShowWhat, Statement};
use super::Result;
use super::parser::Parser;

impl Parser<'_> {
    pub(super) fn show(&mut self) -> Result<Statement> {
        let words = [
            "CONTINUOUS",
            "DATABASES",
            "DIAGNOSTICS",
            "FIELD",
            "GRANTS",
            "MEASUREMENT",
            "MEASUREMENTS",
            "QUERIES",
            "RETENTION",
            "SERIES",
            "SHARD",
            "SHARDS",
            "STATS",
            "SUBSCRIPTIONS",
            "TAG",
            "USERS",
        ];
        let show = match self.one_of(&words)? {
            "CONTINUOUS" => {
                self.keyword("QUERIES")?;
                Show::new(ShowWhat::ContinuousQueries)
            }
            "DATABASES" => Show::new(ShowWhat::Databases),
            "DIAGNOSTICS" => self.show_for_module(ShowWhat::Diagnostics)?,
            "STATS" => self.show_for_module(ShowWhat::Stats)?,
            "FIELD" => match self.one_of(&["KEY", "KEYS"])? {
                "KEY" => self.show_counts(ShowWhat::FieldKeys)?,
                _ => self.show_data(ShowWhat::FieldKeys)?,
            },
            "GRANTS" => {
                self.keyword("FOR")?;
                let mut show = Show::new(ShowWhat::Grants);
                show.on = Some(self.ident()?);
                show
            }
            "MEASUREMENT" => self.show_counts(ShowWhat::Measurements)?,
            "MEASUREMENTS" => self.show_data(ShowWhat::Measurements)?,
            "QUERIES" => Show::new(ShowWhat::Queries),
            "RETENTION" => {
                self.keyword("POLICIES")?;
                let mut show = Show::new(ShowWhat::Policies);
                show.on = self.on()?;
                show
            }
            "SERIES" => self.show_or_counts(ShowWhat::Series)?,
            "SHARD" => {
                self.keyword("GROUPS")?;
                Show::new(ShowWhat::ShardGroups)
            }
            "SHARDS" => Show::new(ShowWhat::Shards),
            "SUBSCRIPTIONS" => Show::new(ShowWhat::Subscriptions),
            "TAG" => match self.one_of(&["KEY", "KEYS", "VALUES"])? {
                "KEY" => self.show_counts(ShowWhat::TagKeys)?,
                "KEYS" => self.show_data(ShowWhat::TagKeys)?,
                _ => self.show_or_counts(ShowWhat::TagValues)?,
            },
            _ => Show::new(ShowWhat::Users),
        };
        Ok(Statement::Show(show))
    }

    fn on(&mut self) -> Result<Option<String>> {
        if !self.take_keyword("ON") {
            return Ok(None);
        }
        self.ident().map(Some)
    }

    /// `FOR 'module'`, which is read and has no meaning.
    fn show_for_module(&mut self, what: ShowWhat) -> Result<Show> {
        if self.take_keyword("FOR") {
            self.string()?;
        }
        Ok(Show::new(what))
    }

    /// The list, or its `[EXACT] CARDINALITY`.
    fn show_or_counts(&mut self, what: ShowWhat) -> Result<Show> {
        use super::super::lexer::Token;
        match self.peek() {
            Token::Keyword("EXACT" | "CARDINALITY") => self.show_counts(what),
            _ => self.show_data(what),
        }
    }

    /// `[EXACT] CARDINALITY …`
    fn show_counts(&mut self, what: ShowWhat) -> Result<Show> {
        let mut show = Show::new(what);
        show.exact = self.take_keyword("EXACT");
        self.keyword("CARDINALITY")?;
        show.cardinality = true;
        show.on = self.on()?;
        if self.take_keyword("FROM") {
            show.sources = self.measurements()?;
        }
        if what == ShowWhat::TagValues {
            show.with_key = Some(self.with_key()?);
        }
        show.condition = self.condition()?;
        if self.take_keyword("GROUP") {
            self.keyword("BY")?;
            self.expr()?;
        }
        self.limits(show)
    }

    fn show_data(&mut self, what: ShowWhat) -> Result<Show> {
        let mut show = Show::new(what);
        show.on = self.on()?;
        if what == ShowWhat::Measurements {
            if self.take_keyword("WITH") {
                self.keyword("MEASUREMENT")?;
                show.sources = vec![self.with_measurement()?];
            }
        } else if self.take_keyword("FROM") {
            show.sources = self.measurements()?;
        }
        if what == ShowWhat::TagValues {
            show.with_key = Some(self.with_key()?);
        }
        show.condition = self.condition()?;
        self.order_by()?;
        self.limits(show)
    }

    fn limits(&mut self, mut show: Show) -> Result<Show> {
        show.limit = self.limit("LIMIT", "OFFSET")?;
        show.series_limit = self.limit("SLIMIT", "SOFFSET")?;
        Ok(show)
    }

    fn with_measurement(&mut self) -> Result<Measurement> {
        let name = if self.take_sign("=~") {
            MeasurementName::Regex(self.regex()?)
        } else if self.take_sign("=") {
            match self.take_regex()? {
                Some(pattern) => MeasurementName::Regex(pattern),
                None => return self.measurement(),
            }
        } else if self.take_sign("!=") {
            MeasurementName::NotExact(self.ident()?)
        } else if self.take_sign("!~") {
            MeasurementName::NotRegex(self.regex()?)
        } else {
            return Err(self.expected(&["=", "=~"]));
        };
        Ok(Measurement {
            database: None,
            policy: None,
            name,
        })
    }

    fn with_key(&mut self) -> Result<KeyPattern> {
        self.keyword("WITH")?;
        self.keyword("KEY")?;
        if self.take_sign("=") {
            return self.ident().map(KeyPattern::Equal);
        }
        if self.take_sign("!=") {
            return self.ident().map(KeyPattern::NotEqual);
        }
        if self.take_sign("=~") {
            return self.regex().map(KeyPattern::Regex);
        }
        if self.take_sign("!~") {
            return self.regex().map(KeyPattern::NotRegex);
        }
        if !self.take_keyword("IN") {
            return Err(self.expected(&["IN", "=", "=~"]));
        }
        self.sign("(")?;
        let mut keys = vec![self.ident()?];
        while self.take_sign(",") {
            keys.push(self.ident()?);
        }
        self.sign(")")?;
        Ok(KeyPattern::In(keys))
    }
}
