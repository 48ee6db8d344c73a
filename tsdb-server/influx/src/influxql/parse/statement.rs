//! What a statement begins with, and the statements that change something.

use super::super::ast::{PolicyOptions, PolicyStatement, Statement};
use super::super::lexer::Token;
use super::parser::Parser;
use super::{ParseError, Result};

/// The words a statement may begin with, in the order in which InfluxDB names them.
const BEGINNINGS: [&str; 11] = [
    "SELECT", "DELETE", "SHOW", "CREATE", "DROP", "EXPLAIN", "GRANT", "REVOKE", "ALTER", "SET",
    "KILL",
];

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Statement> {
        self.sources = 0;
        match self.one_of(&BEGINNINGS)? {
            "SELECT" => Ok(Statement::Select(Box::new(self.select()?))),
            "DELETE" => {
                let (sources, condition) = self.sources_and_condition()?;
                Ok(Statement::Delete { sources, condition })
            }
            "SHOW" => self.show(),
            "CREATE" => self.create(),
            "DROP" => self.drop(),
            "EXPLAIN" => {
                self.take_keyword("ANALYZE");
                self.keyword("SELECT")?;
                self.select()?;
                Ok(Statement::Explain)
            }
            "GRANT" => self.grant("TO", true),
            "REVOKE" => self.grant("FROM", false),
            "ALTER" => {
                self.keyword("RETENTION")?;
                self.keyword("POLICY")?;
                self.alter_policy()
            }
            "SET" => {
                self.keyword("PASSWORD")?;
                self.keyword("FOR")?;
                let name = self.ident()?;
                self.sign("=")?;
                self.string()?;
                Ok(Statement::SetPassword(name))
            }
            _ => {
                self.keyword("QUERY")?;
                self.integer()?;
                Ok(Statement::Unsupported("KILL QUERY"))
            }
        }
    }

    /// Takes one of these keywords.
    pub(super) fn one_of(&mut self, words: &[&'static str]) -> Result<&'static str> {
        let found = words.iter().find(|word| self.take_keyword(word));
        found.copied().ok_or_else(|| self.expected(words))
    }

    fn create(&mut self) -> Result<Statement> {
        let words = [
            "CONTINUOUS",
            "DATABASE",
            "USER",
            "RETENTION",
            "SUBSCRIPTION",
        ];
        match self.one_of(&words)? {
            "DATABASE" => self.create_database(),
            "USER" => {
                let name = self.ident()?;
                self.keyword("WITH")?;
                self.keyword("PASSWORD")?;
                self.string()?;
                let admin = self.take_keyword("WITH");
                if admin {
                    self.keyword("ALL")?;
                    self.keyword("PRIVILEGES")?;
                }
                Ok(Statement::CreateUser { name, admin })
            }
            "RETENTION" => {
                self.keyword("POLICY")?;
                self.create_policy()
            }
            "CONTINUOUS" => Ok(self.unsupported("CREATE CONTINUOUS QUERY")),
            _ => Ok(self.unsupported("CREATE SUBSCRIPTION")),
        }
    }

    /// Passes over the rest of a statement that is not supported.
    pub(super) fn unsupported(&mut self, name: &'static str) -> Statement {
        while !matches!(self.peek(), Token::Eof | Token::Sign(";")) {
            self.next();
        }
        Statement::Unsupported(name)
    }

    fn create_database(&mut self) -> Result<Statement> {
        let name = self.ident()?;
        if !self.take_keyword("WITH") {
            return Ok(Statement::CreateDatabase { name, policy: None });
        }
        let mut options = PolicyOptions::default();
        if self.take_keyword("DURATION") {
            options.duration_ns = Some(self.duration()?);
        }
        if self.take_keyword("REPLICATION") {
            options.replication = Some(self.replication()?);
        }
        if self.take_keyword("SHARD") {
            options.shard_ns = Some(self.shard_duration()?);
        }
        if self.take_keyword("NAME") {
            options.name = Some(self.ident()?);
        }
        if options == PolicyOptions::default() {
            return Err(self.expected(&["DURATION", "NAME", "REPLICATION", "SHARD"]));
        }
        let policy = Some(options);
        Ok(Statement::CreateDatabase { name, policy })
    }

    fn replication(&mut self) -> Result<u32> {
        let place = self.place();
        let number = self.integer()?;
        match u32::try_from(number) {
            Ok(number @ 1..=0x7fff_ffff) => Ok(number),
            _ => {
                self.go_back(place);
                let range = "must be 1 <= n <= 2147483647";
                Err(self.fault(format!("invalid value {number}: {range}")))
            }
        }
    }

    /// What follows `SHARD`.
    fn shard_duration(&mut self) -> Result<i64> {
        self.keyword("DURATION")?;
        if self.peek() == Token::Keyword("INF") {
            return Err(self.fault("invalid duration INF for shard duration"));
        }
        self.duration()
    }

    fn create_policy(&mut self) -> Result<Statement> {
        let name = self.ident()?;
        self.keyword("ON")?;
        let database = self.ident()?;
        self.keyword("DURATION")?;
        let duration_ns = Some(self.duration()?);
        self.keyword("REPLICATION")?;
        let replication = Some(self.replication()?);
        let mut options = PolicyOptions {
            duration_ns,
            replication,
            ..PolicyOptions::default()
        };
        if self.take_keyword("SHARD") {
            options.shard_ns = Some(self.shard_duration()?);
        }
        options.default = self.take_keyword("DEFAULT");
        Ok(Statement::CreatePolicy(PolicyStatement {
            name,
            database,
            options,
        }))
    }

    fn alter_policy(&mut self) -> Result<Statement> {
        let name = if self.take_keyword("DEFAULT") {
            "default".to_owned()
        } else {
            self.ident()?
        };
        self.keyword("ON")?;
        let database = self.ident()?;
        let mut options = PolicyOptions::default();
        loop {
            let place = self.place();
            let words = ["DURATION", "REPLICATION", "SHARD", "DEFAULT"];
            let Some(word) = words.iter().find(|word| self.take_keyword(word)) else {
                if options == PolicyOptions::default() {
                    return Err(self.expected(&words));
                }
                break;
            };
            let again = match *word {
                "DURATION" => options.duration_ns.replace(self.duration()?).is_some(),
                "REPLICATION" => options.replication.replace(self.replication()?).is_some(),
                "SHARD" => options.shard_ns.replace(self.shard_duration()?).is_some(),
                _ => std::mem::replace(&mut options.default, true),
            };
            if again {
                self.go_back(place);
                return Err(self.fault(format!("found duplicate {word} option")));
            }
        }
        Ok(Statement::AlterPolicy(PolicyStatement {
            name,
            database,
            options,
        }))
    }

    fn drop(&mut self) -> Result<Statement> {
        let words = [
            "CONTINUOUS",
            "DATABASE",
            "MEASUREMENT",
            "RETENTION",
            "SERIES",
            "SHARD",
            "SUBSCRIPTION",
            "USER",
        ];
        match self.one_of(&words)? {
            "DATABASE" => Ok(Statement::DropDatabase(self.ident()?)),
            "MEASUREMENT" => Ok(Statement::DropMeasurement(self.ident()?)),
            "RETENTION" => {
                self.keyword("POLICY")?;
                let name = self.ident()?;
                self.keyword("ON")?;
                let database = self.ident()?;
                Ok(Statement::DropPolicy { name, database })
            }
            "SERIES" => {
                let (sources, condition) = self.sources_and_condition()?;
                Ok(Statement::DropSeries { sources, condition })
            }
            "USER" => Ok(Statement::DropUser(self.ident()?)),
            "CONTINUOUS" => Ok(self.unsupported("DROP CONTINUOUS QUERY")),
            "SHARD" => Ok(self.unsupported("DROP SHARD")),
            _ => Ok(self.unsupported("DROP SUBSCRIPTION")),
        }
    }

    /// `FROM … WHERE …` of a statement that deletes; one of them has to be there.
    fn sources_and_condition(
        &mut self,
    ) -> Result<(
        Vec<super::super::ast::Measurement>,
        Option<super::super::ast::Expr>,
    )> {
        let mut sources = Vec::new();
        let begins_right = matches!(self.peek(), Token::Keyword("FROM" | "WHERE"));
        if !begins_right {
            return Err(self.expected(&["FROM", "WHERE"]));
        }
        if self.take_keyword("FROM") {
            sources = self.measurements()?;
        }
        if sources.iter().any(|source| source.database.is_some()) {
            return Err(ParseError::new("database not supported at line 1, char 1"));
        }
        if sources.iter().any(|source| source.policy.is_some()) {
            return Err(ParseError::new(
                "retention policy not supported at line 1, char 1",
            ));
        }
        Ok((sources, self.condition()?))
    }

    /// `GRANT` and `REVOKE`. Only all privileges on everything have a meaning here.
    fn grant(&mut self, word: &str, admin: bool) -> Result<Statement> {
        let all = self.take_keyword("ALL");
        if all {
            self.take_keyword("PRIVILEGES");
        } else if !self.take_keyword("READ") && !self.take_keyword("WRITE") {
            return Err(self.expected(&["READ", "WRITE", "ALL [PRIVILEGES]"]));
        }
        if self.take_keyword("ON") {
            self.ident()?;
            self.keyword(word)?;
            self.ident()?;
            return Ok(Statement::Unsupported(
                "privileges on a database: authentication is not InfluxQL's matter here",
            ));
        }
        if !all {
            return Err(self.expected(&["ON"]));
        }
        if !self.take_keyword(word) {
            return Err(self.expected(&["ON", word]));
        }
        let name = self.ident()?;
        Ok(Statement::SetAdmin { name, admin })
    }
}
