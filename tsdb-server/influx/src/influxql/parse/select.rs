//! `SELECT`.

use super::super::ast::{Expr, Field, Fill, Select, Source};
use super::super::lexer::Token;
use super::parser::Parser;
use super::{MAX_SOURCES, MAX_SUBQUERIES, ParseError, Result};

impl Parser<'_> {
    /// What follows `SELECT`.
    pub(super) fn select(&mut self) -> Result<Select> {
        let mut fields = vec![self.field()?];
        while self.take_sign(",") {
            fields.push(self.field()?);
        }
        let into = match self.take_keyword("INTO") {
            true => Some(self.measurement()?),
            false => None,
        };
        self.keyword("FROM")?;
        let mut sources = vec![self.source()?];
        while self.take_sign(",") {
            sources.push(self.source()?);
        }
        Ok(Select {
            fields,
            into,
            sources,
            condition: self.condition()?,
            dimensions: self.dimensions()?,
            fill: self.fill()?,
            descending: self.order_by()?,
            limit: self.limit("LIMIT", "OFFSET")?,
            series_limit: self.limit("SLIMIT", "SOFFSET")?,
            zone: self.zone()?,
        })
    }

    fn field(&mut self) -> Result<Field> {
        let expr = match self.take_regex()? {
            Some(pattern) => Expr::Regex(pattern),
            None => self.expr()?,
        };
        let alias = match self.take_keyword("AS") {
            true => Some(self.ident()?),
            false => None,
        };
        Ok(Field { expr, alias })
    }

    fn source(&mut self) -> Result<Source> {
        self.sources += 1;
        if self.sources > MAX_SOURCES {
            return Err(self.fault(format!("more than {MAX_SOURCES} sources")));
        }
        if !self.take_sign("(") {
            return self.measurement().map(Source::Measurement);
        }
        self.subqueries += 1;
        if self.subqueries > MAX_SUBQUERIES {
            return Err(self.fault(format!("more than {MAX_SUBQUERIES} nested subqueries")));
        }
        self.keyword("SELECT")?;
        let select = self.select()?;
        self.sign(")")?;
        self.subqueries -= 1;
        Ok(Source::Select(Box::new(select)))
    }

    fn dimensions(&mut self) -> Result<Vec<Expr>> {
        if !self.take_keyword("GROUP") {
            return Ok(Vec::new());
        }
        self.keyword("BY")?;
        let mut dimensions = Vec::new();
        loop {
            dimensions.push(match self.take_regex()? {
                Some(pattern) => Expr::Regex(pattern),
                None => self.expr()?,
            });
            if !self.take_sign(",") {
                return Ok(dimensions);
            }
        }
    }

    /// The arguments of the call `name(…)` if that comes next.
    fn clause_call(&mut self, name: &str, not_a_call: &str) -> Result<Option<Vec<Expr>>> {
        if !matches!(self.peek(), Token::Ident(found) if found.eq_ignore_ascii_case(name)) {
            return Ok(None);
        }
        match self.expr()? {
            Expr::Call { args, .. } => Ok(Some(args)),
            _ => Err(ParseError::new(not_a_call)),
        }
    }

    fn fill(&mut self) -> Result<Fill> {
        let Some(args) = self.clause_call("fill", "fill must be a function call")? else {
            return Ok(Fill::Null);
        };
        let [arg] = args.as_slice() else {
            return Err(ParseError::new(
                "fill requires an argument, e.g.: 0, null, none, previous, linear",
            ));
        };
        match arg {
            Expr::Integer(number) => Ok(Fill::Number(*number as f64)),
            Expr::Number(number) => Ok(Fill::Number(*number)),
            Expr::Var { name, .. } => match name.as_str() {
                "null" => Ok(Fill::Null),
                "none" => Ok(Fill::None),
                "previous" => Ok(Fill::Previous),
                "linear" => Ok(Fill::Linear),
                _ => Err(ParseError::new("expected number argument in fill()")),
            },
            _ => Err(ParseError::new("expected number argument in fill()")),
        }
    }

    /// `ORDER BY`: whether the newest comes first. Only time is an order.
    pub(super) fn order_by(&mut self) -> Result<bool> {
        if !self.take_keyword("ORDER") {
            return Ok(false);
        }
        self.keyword("BY")?;
        match self.peek() {
            Token::Keyword("ASC" | "DESC") => {}
            Token::Ident(name) if name == "time" => {
                self.next();
            }
            Token::Ident(_) => {
                return Err(ParseError::new("only ORDER BY time supported at this time"));
            }
            _ => return Err(self.expected(&["identifier", "ASC", "DESC"])),
        }
        let descending = self.take_keyword("DESC");
        if !descending {
            self.take_keyword("ASC");
        }
        if self.peek() == Token::Sign(",") {
            return Err(ParseError::new("only ORDER BY time supported at this time"));
        }
        Ok(descending)
    }

    fn zone(&mut self) -> Result<Option<String>> {
        let Some(args) = self.clause_call("tz", "tz must be a function call")? else {
            return Ok(None);
        };
        match args.as_slice() {
            [Expr::String(name)] => match jiff::tz::TimeZone::get(name) {
                Ok(_) => Ok(Some(name.clone())),
                Err(_) => Err(ParseError::new(format!("unable to find time zone {name}"))),
            },
            [_] => Err(ParseError::new("expected string argument in tz()")),
            _ => Err(ParseError::new("tz requires exactly one argument")),
        }
    }
}
