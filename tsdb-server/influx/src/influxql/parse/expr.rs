//! Expressions, by precedence.

use super::super::ast::{BinaryOp, Cast, Expr};
use super::super::lexer::Token;
use super::params::Param;
use super::parser::Parser;
use super::{MAX_DEPTH, MAX_OPERATORS, ParseError, Result};

impl Parser<'_> {
    /// An expression.
    pub(super) fn expr(&mut self) -> Result<Expr> {
        let before = self.operators;
        let expr = self.binary(1)?;
        self.operators = before;
        Ok(expr)
    }

    /// Counts what recurses; [`shallower`](Self::shallower) takes it back.
    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(format!("expression nests deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    fn shallower(&mut self) {
        self.depth -= 1;
    }

    /// Counts an operator: a chain of them is a tree as deep as it is long.
    fn longer(&mut self) -> Result<()> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return Err(self.fault(format!(
                "expression has more than {MAX_OPERATORS} operators"
            )));
        }
        Ok(())
    }

    /// Operands joined by operators that bind at least as tightly as `precedence`; equal ones group from the left.
    fn binary(&mut self, precedence: u8) -> Result<Expr> {
        self.deeper()?;
        let mut lhs = self.operand()?;
        while let Some(op) = self.operator().filter(|op| op.precedence() >= precedence) {
            self.longer()?;
            self.next();
            let rhs = match op {
                BinaryOp::EqRegex | BinaryOp::NotEqRegex => Expr::Regex(self.regex()?),
                _ => self.binary(op.precedence() + 1)?,
            };
            lhs = Expr::Binary {
                op,
                lhs: Box::new(lhs),
                rhs: Box::new(rhs),
            };
        }
        self.shallower();
        Ok(lhs)
    }

    fn operator(&self) -> Option<BinaryOp> {
        Some(match self.peek() {
            Token::Keyword("AND") => BinaryOp::And,
            Token::Keyword("OR") => BinaryOp::Or,
            Token::Sign(sign) => match sign {
                "+" => BinaryOp::Add,
                "-" => BinaryOp::Sub,
                "*" => BinaryOp::Mul,
                "/" => BinaryOp::Div,
                "%" => BinaryOp::Mod,
                "&" => BinaryOp::BitAnd,
                "|" => BinaryOp::BitOr,
                "^" => BinaryOp::BitXor,
                "=" => BinaryOp::Eq,
                "!=" => BinaryOp::NotEq,
                "=~" => BinaryOp::EqRegex,
                "!~" => BinaryOp::NotEqRegex,
                "<" => BinaryOp::Less,
                "<=" => BinaryOp::LessEq,
                ">" => BinaryOp::Greater,
                ">=" => BinaryOp::GreaterEq,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn operand(&mut self) -> Result<Expr> {
        let place = self.place();
        match self.next() {
            Token::Sign("(") => {
                let inner = self.binary(1)?;
                self.sign(")")?;
                Ok(Expr::Paren(Box::new(inner)))
            }
            Token::Ident(name) => {
                if self.rest().starts_with('(') {
                    return self.call(&name);
                }
                Ok(Expr::Var {
                    name: self.dotted(name)?,
                    cast: self.cast()?,
                })
            }
            Token::Keyword("DISTINCT") => {
                if self.rest().starts_with('(') {
                    return self.call("distinct");
                }
                if !self.rest().starts_with([' ', '\t', '\n']) {
                    return Err(self.expected(&["(", "identifier"]));
                }
                Ok(Expr::Distinct(self.ident()?))
            }
            Token::Str(text) => Ok(Expr::String(text)),
            Token::Number(digits) => {
                let number = digits.parse().map(Expr::Number);
                number.map_err(|_| self.before(place, "unable to parse number"))
            }
            Token::Integer(digits) => match digits.parse() {
                Ok(number) => Ok(Expr::Integer(number)),
                // As large as an unsigned integer of 64 bits, which no field holds.
                Err(_) => match digits.parse() {
                    Ok(number) => Ok(Expr::Number(number)),
                    Err(_) => Err(self.before(place, "unable to parse integer")),
                },
            },
            Token::Keyword(word @ ("TRUE" | "FALSE")) => Ok(Expr::Boolean(word == "TRUE")),
            Token::Duration(text) => {
                let duration = super::super::duration::parse_duration(&text);
                let duration = duration.map(Expr::Duration);
                duration.ok_or_else(|| self.before(place, "invalid duration"))
            }
            Token::Sign("*") => self.wildcard(),
            Token::Sign("/") => {
                self.go_back(place);
                self.regex().map(Expr::Regex)
            }
            Token::Sign(sign @ ("-" | "+")) => self.signed(sign == "-"),
            Token::Param(name) => self.bound(&name),
            _ => {
                self.go_back(place);
                Err(self.expected(&["identifier", "string", "number", "bool"]))
            }
        }
    }

    /// A fault of the token at `place`.
    fn before(&mut self, place: usize, message: &str) -> ParseError {
        self.go_back(place);
        self.fault(message)
    }

    /// The value of a parameter that no token can say.
    fn bound(&mut self, name: &str) -> Result<Expr> {
        match self.param(name) {
            Some(Param::Integer(number)) => Ok(Expr::Integer(*number)),
            Some(Param::Number(number)) => Ok(Expr::Number(*number)),
            Some(Param::Duration(duration)) => Ok(Expr::Duration(*duration)),
            Some(Param::Regex(pattern)) => {
                let pattern = pattern.clone();
                self.count_pattern(&pattern)?;
                Ok(Expr::Regex(pattern))
            }
            Some(_) => Err(ParseError::new(format!(
                "parameter {name} does not fit here"
            ))),
            None if name.is_empty() => Err(ParseError::new("empty bound parameter")),
            None => Err(ParseError::new(format!("missing parameter: {name}"))),
        }
    }

    fn wildcard(&mut self) -> Result<Expr> {
        if !self.take_sign("::") {
            return Ok(Expr::Wildcard(None));
        }
        if self.take_keyword("TAG") {
            return Ok(Expr::Wildcard(Some(Cast::Tag)));
        }
        if self.take_keyword("FIELD") {
            return Ok(Expr::Wildcard(Some(Cast::Field)));
        }
        Err(self.expected(&["field", "tag"]))
    }

    /// What follows a sign: a number or a duration is that, negative; anything else is multiplied by -1 or 1.
    fn signed(&mut self, negative: bool) -> Result<Expr> {
        let factor = if negative { -1 } else { 1 };
        match self.peek() {
            // The least integer has no positive counterpart.
            Token::Integer(digits) if negative && digits == "9223372036854775808" => {
                self.next();
                return Ok(Expr::Integer(i64::MIN));
            }
            Token::Integer(_) | Token::Number(_) | Token::Duration(_) => {}
            Token::Ident(_) | Token::Sign("(") => {
                self.longer()?;
                let operand = self.operand()?;
                return Ok(Expr::Binary {
                    op: BinaryOp::Mul,
                    lhs: Box::new(Expr::Integer(factor)),
                    rhs: Box::new(operand),
                });
            }
            _ => return Err(self.expected(&["identifier", "number", "duration", "("])),
        }
        Ok(match self.operand()? {
            Expr::Integer(number) => Expr::Integer(number * factor),
            Expr::Number(number) if negative => Expr::Number(-number),
            Expr::Duration(duration) => Expr::Duration(duration * factor),
            other => other,
        })
    }

    /// `name.name`, the form of older clients, is one name.
    fn dotted(&mut self, first: String) -> Result<String> {
        let mut name = first;
        while self.rest().starts_with('.') {
            self.next();
            name.push('.');
            name.push_str(&self.ident()?);
        }
        Ok(name)
    }

    fn cast(&mut self) -> Result<Option<Cast>> {
        if !self.take_sign("::") {
            return Ok(None);
        }
        let place = self.place();
        let cast = match self.next() {
            Token::Keyword("FIELD") => Some(Cast::Field),
            Token::Keyword("TAG") => Some(Cast::Tag),
            Token::Ident(name) => match name.to_ascii_lowercase().as_str() {
                "float" => Some(Cast::Float),
                "integer" => Some(Cast::Integer),
                "string" => Some(Cast::String),
                "boolean" => Some(Cast::Boolean),
                _ => None,
            },
            _ => None,
        };
        if cast.is_none() {
            self.go_back(place);
            let types = ["float", "integer", "string", "boolean", "field", "tag"];
            return Err(self.expected(&types));
        }
        Ok(cast)
    }

    /// The arguments of a function.
    fn call(&mut self, name: &str) -> Result<Expr> {
        let name = name.to_ascii_lowercase();
        self.sign("(")?;
        let mut args = Vec::new();
        if self.take_sign(")") {
            return Ok(Expr::Call { name, args });
        }
        loop {
            args.push(match self.take_regex()? {
                Some(pattern) => Expr::Regex(pattern),
                None => self.binary(1)?,
            });
            if self.take_sign(",") {
                continue;
            }
            self.sign(")")?;
            return Ok(Expr::Call { name, args });
        }
    }
}
