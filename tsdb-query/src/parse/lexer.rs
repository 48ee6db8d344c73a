//! From text to tokens. What a character means depends on where it stands: outside, in braces, or in brackets.

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{opt, recognize, value};
use nom::sequence::pair;
use nom::{IResult, Parser};

use super::error::{Result, fail};
use super::token::{Keyword, Kind, Token, kind_of_duration_word, kind_of_word};
use super::{literal, string};
use crate::ast::quote::{Quoted, QuotedChar};
use crate::ast::{BinaryOp, Span};

/// Cuts a query into tokens, one at a time: an error far behind must not hide one before it.
pub(super) struct Lexer<'q> {
    query: &'q str,
    at: usize,
    open_parens: usize,
    place: Place,
}

/// Where the next token stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Braces,
    Brackets {
        /// Before the first operand, after an operator or a parenthesis: only a duration may go on.
        duration: bool,
        /// An operand was read.
        operand: bool,
        colon: bool,
    },
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Spaces and comments.
fn gap(text: &str) -> IResult<&str, &str, ()> {
    let comment = pair(char('#'), opt(is_not("\r\n")));
    recognize(nom::multi::many0_count(alt((
        take_while1(is_space),
        recognize(comment),
    ))))
    .parse(text)
}

fn word(text: &str) -> &str {
    let word: IResult<&str, &str, ()> = take_while(is_word)(text);
    word.map_or("", |(_, word)| word)
}

/// Signs outside of braces and brackets. Longer ones come first.
fn sign(text: &str) -> IResult<&str, Kind, ()> {
    use BinaryOp as B;
    let comparison = alt((
        value(Kind::Binary(B::Eq), tag("==")),
        value(Kind::Binary(B::Ne), tag("!=")),
        value(Kind::Binary(B::Le), tag("<=")),
        value(Kind::Binary(B::Ge), tag(">=")),
        value(Kind::Binary(B::TrimUpper), tag("</")),
        value(Kind::Binary(B::TrimLower), tag(">/")),
        value(Kind::Binary(B::Lt), tag("<")),
        value(Kind::Binary(B::Gt), tag(">")),
        value(Kind::Equal, tag("=")),
    ));
    let other = alt((
        value(Kind::Comma, tag(",")),
        value(Kind::At, tag("@")),
        value(Kind::LeftParen, tag("(")),
        value(Kind::RightParen, tag(")")),
        value(Kind::LeftBrace, tag("{")),
        value(Kind::LeftBracket, tag("[")),
        value(Kind::RightBracket, tag("]")),
    ));
    alt((arithmetic, comparison, other)).parse(text)
}

fn arithmetic(text: &str) -> IResult<&str, Kind, ()> {
    use BinaryOp as B;
    alt((
        value(Kind::Binary(B::Add), tag("+")),
        value(Kind::Binary(B::Sub), tag("-")),
        value(Kind::Binary(B::Mul), tag("*")),
        value(Kind::Binary(B::Div), tag("/")),
        value(Kind::Binary(B::Mod), tag("%")),
        value(Kind::Binary(B::Pow), tag("^")),
    ))
    .parse(text)
}

fn sign_in_braces(text: &str) -> IResult<&str, Kind, ()> {
    alt((
        value(Kind::Regex, tag("=~")),
        value(Kind::Equal, tag("=")),
        value(Kind::NotRegex, tag("!~")),
        value(Kind::Binary(BinaryOp::Ne), tag("!=")),
        value(Kind::Comma, tag(",")),
        value(Kind::RightBrace, tag("}")),
    ))
    .parse(text)
}

fn sign_in_durations(text: &str) -> IResult<&str, Kind, ()> {
    alt((
        arithmetic,
        value(Kind::Comma, tag(",")),
        value(Kind::Colon, tag(":")),
        value(Kind::LeftParen, tag("(")),
        value(Kind::RightParen, tag(")")),
        value(Kind::RightBracket, tag("]")),
    ))
    .parse(text)
}

impl<'q> Lexer<'q> {
    /// `query` is shorter than 4 GiB.
    pub(super) fn new(query: &'q str) -> Self {
        Self {
            query,
            at: 0,
            open_parens: 0,
            place: Place::Outside,
        }
    }

    fn rest(&self) -> &'q str {
        self.query.get(self.at..).unwrap_or_default()
    }

    fn position(at: usize) -> u32 {
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// An error at the byte `at`, up to the end.
    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Result<T> {
        let span = Span {
            start: Self::position(at),
            end: Self::position(self.query.len()),
        };
        fail(span, message)
    }

    fn token(&mut self, kind: Kind, len: usize) -> Token<'q> {
        let start = self.at;
        self.at += len;
        Token {
            kind,
            text: self.query.get(start..self.at).unwrap_or_default(),
            span: Span {
                start: Self::position(start),
                end: Self::position(self.at),
            },
        }
    }

    /// The next token; [`Kind::End`] at the end and ever after.
    pub(super) fn next(&mut self) -> Result<Token<'q>> {
        let skipped = match self.place {
            Place::Brackets { duration: true, .. } => take_while(is_space)(self.rest()),
            _ => gap(self.rest()),
        };
        self.at += skipped.map_or(0, |(_, gap): (_, &str)| gap.len());
        match self.place {
            Place::Outside => self.next_outside(None),
            Place::Braces => self.next_in_braces(),
            Place::Brackets { duration: true, .. } => self.next_in_duration(),
            Place::Brackets { colon, .. } => self.next_outside(Some(colon)),
        }
    }

    /// A token outside of braces, or (`in_brackets`: whether a colon was read) after an operand inside of brackets.
    fn next_outside(&mut self, in_brackets: Option<bool>) -> Result<Token<'q>> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let Some(first) = chars.next() else {
            if self.open_parens > 0 {
                return self.fail(self.at, "unclosed left parenthesis");
            }
            if in_brackets.is_some() {
                return self.fail(self.at, "unclosed left bracket");
            }
            return Ok(self.token(Kind::End, 0));
        };
        let second = chars.next();
        match first {
            '0'..='9' => self.literal(),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.literal(),
            '"' | '\'' | '`' => self.string(),
            'a'..='z' | 'A'..='Z' | '_' | ':' => match in_brackets {
                None => Ok(self.word()),
                Some(colon) => self.word_in_brackets(first, colon),
            },
            '=' if second == Some('~') => self.fail(
                self.at,
                format!("unexpected character after '=': {}", QuotedChar(second)),
            ),
            '!' if second != Some('=') => self.fail(
                self.at,
                format!("unexpected character after '!': {}", QuotedChar(second)),
            ),
            _ => match sign(rest) {
                Ok((after, kind)) => self.sign(kind, rest.len() - after.len()),
                Err(_) => self.fail(
                    self.at,
                    format!("unexpected character: {}", QuotedChar(Some(first))),
                ),
            },
        }
    }

    fn sign(&mut self, kind: Kind, len: usize) -> Result<Token<'q>> {
        let in_brackets = matches!(self.place, Place::Brackets { .. });
        match kind {
            Kind::LeftParen => self.open_parens += 1,
            Kind::RightParen if self.open_parens == 0 => {
                return self.fail(self.at + len, "unexpected right parenthesis ')'");
            }
            Kind::RightParen => self.open_parens -= 1,
            Kind::LeftBrace => self.place = Place::Braces,
            Kind::RightBrace => self.place = Place::Outside,
            Kind::LeftBracket if in_brackets => {
                return self.fail(self.at, "unexpected left bracket '['");
            }
            Kind::LeftBracket => {
                self.place = Place::Brackets {
                    duration: true,
                    operand: false,
                    colon: false,
                }
            }
            Kind::RightBracket if !in_brackets => {
                return self.fail(self.at, "unexpected right bracket ']'");
            }
            Kind::RightBracket => self.place = Place::Outside,
            _ => {}
        }
        Ok(self.token(kind, len))
    }

    fn word(&mut self) -> Token<'q> {
        let rest = self.rest();
        let name: IResult<&str, &str, ()> = take_while1(|c| is_word(c) || c == ':')(rest);
        let name = name.map_or("", |(_, name)| name);
        let mut kind = kind_of_word(name);
        if let Kind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight) = kind {
            // Younger than many a metric of that name: a keyword only where nothing else can be meant.
            let after = rest.get(name.len()..).unwrap_or_default();
            if !after.trim_start_matches(is_space).starts_with('(') {
                kind = Kind::Identifier;
            }
        }
        self.token(kind, name.len())
    }

    fn string(&mut self) -> Result<Token<'q>> {
        match string::scan(self.rest()) {
            Ok(len) => Ok(self.token(Kind::String, len)),
            Err(message) => self.fail(self.at, message),
        }
    }

    fn literal(&mut self) -> Result<Token<'q>> {
        let rest = self.rest();
        match literal::scan(rest) {
            Ok((kind, len)) => Ok(self.token(kind, len)),
            Err(read) => {
                // What was read may end inside a character.
                let read = (read..=rest.len())
                    .find(|&i| rest.is_char_boundary(i))
                    .unwrap_or(rest.len());
                let text = Quoted(rest.get(..read).unwrap_or_default());
                self.fail(self.at, format!("bad number or duration syntax: {text}"))
            }
        }
    }

    fn next_in_braces(&mut self) -> Result<Token<'q>> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let Some(first) = chars.next() else {
            return self.fail(self.at, "unexpected end of input inside braces");
        };
        match first {
            'a'..='z' | 'A'..='Z' | '_' => Ok(self.token(Kind::Identifier, word(rest).len())),
            '"' | '\'' | '`' => self.string(),
            '{' => self.fail(self.at, "unexpected left brace '{'"),
            _ => match sign_in_braces(rest) {
                Ok((after, kind)) => self.sign(kind, rest.len() - after.len()),
                Err(_) if first == '!' => self.fail(
                    self.at,
                    format!(
                        "unexpected character after '!' inside braces: {}",
                        QuotedChar(chars.next())
                    ),
                ),
                Err(_) => self.fail(
                    self.at,
                    format!(
                        "unexpected character inside braces: {}",
                        QuotedChar(Some(first))
                    ),
                ),
            },
        }
    }

    fn next_in_duration(&mut self) -> Result<Token<'q>> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let Some(first) = chars.next() else {
            return self.fail(self.at, "unexpected end of input in duration expression");
        };
        let begins_number = first.is_ascii_digit()
            || first == '.' && chars.next().is_some_and(|c| c.is_ascii_digit());
        if begins_number {
            self.operand_read(false);
            return self.literal();
        }
        if let Some(token) = self.duration_word(true) {
            return Ok(token);
        }
        let Ok((after, kind)) = sign_in_durations(rest) else {
            return self.fail(
                self.at,
                format!(
                    "unexpected character in duration expression: {}",
                    QuotedChar(Some(first))
                ),
            );
        };
        if kind == Kind::Colon {
            self.colon_in_duration()?;
        }
        self.sign(kind, rest.len() - after.len())
    }

    fn colon_in_duration(&mut self) -> Result<()> {
        match &mut self.place {
            Place::Brackets { operand: false, .. } => self.fail(
                self.at + 1,
                "unexpected colon before duration in duration expression",
            ),
            Place::Brackets { colon: true, .. } => self.fail(
                self.at + 1,
                "unexpected repeated colon in duration expression",
            ),
            Place::Brackets { colon, .. } => {
                *colon = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Notes an operand inside of brackets, and whether only a duration may follow.
    fn operand_read(&mut self, then_duration: bool) {
        if let Place::Brackets {
            duration, operand, ..
        } = &mut self.place
        {
            *duration = then_duration;
            *operand = true;
        }
    }

    /// `step`, `range`, `min_of` or `max_of`, if one comes next.
    fn duration_word(&mut self, then_duration: bool) -> Option<Token<'q>> {
        let word = word(self.rest());
        let kind = kind_of_duration_word(word.to_ascii_lowercase().as_bytes())?;
        self.operand_read(then_duration);
        Some(self.token(kind, word.len()))
    }

    fn word_in_brackets(&mut self, first: char, colon_read: bool) -> Result<Token<'q>> {
        if first == ':' {
            if colon_read {
                return self.fail(self.at, "unexpected colon ':'");
            }
            if let Place::Brackets { colon, .. } = &mut self.place {
                *colon = true;
            }
            return Ok(self.token(Kind::Colon, 1));
        }
        if let Some(token) = self.duration_word(false) {
            return Ok(token);
        }
        self.fail(
            self.at,
            format!(
                "unexpected character: {}, expected ':'",
                QuotedChar(Some(first))
            ),
        )
    }
}
