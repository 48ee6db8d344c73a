//! Text into tokens, one at a time: whether a slash begins a pattern only the parser knows.

use super::keyword::keyword;

/// A token. Numbers and durations keep their text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Eof,
    Ident(String),
    Keyword(&'static str),
    Str(String),
    /// A string that does not end, or has an escape that is none.
    BadString(String),
    Number(String),
    Integer(String),
    Duration(String),
    /// `$name`
    Param(String),
    /// An operator or a sign.
    Sign(&'static str),
    Illegal(char),
}

impl Token {
    /// As InfluxDB shows it in `found …`.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Eof => "EOF".to_owned(),
            Self::Ident(text)
            | Self::Str(text)
            | Self::BadString(text)
            | Self::Number(text)
            | Self::Integer(text)
            | Self::Duration(text) => text.clone(),
            Self::Param(name) => format!("${name}"),
            Self::Keyword(word) => (*word).to_owned(),
            Self::Sign(sign) => (*sign).to_owned(),
            Self::Illegal(c) => c.to_string(),
        }
    }
}

/// Signs, those of two characters first.
const SIGNS: [&str; 24] = [
    "=~", "!~", "!=", "<>", "<=", ">=", "::", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|",
    "^", "(", ")", ",", ";", ":", ".",
];

/// Where blanks and comments end that begin at `at`.
pub(super) fn skip_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or("");
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        let rest = rest.get(blanks..).unwrap_or("");
        at += blanks;
        if rest.starts_with("--") {
            at += rest.find('\n').map_or(rest.len(), |end| end + 1);
        } else if rest.starts_with("/*") {
            match rest.find("*/") {
                Some(end) => at += end + 2,
                None => return at,
            }
        } else {
            return at;
        }
    }
}

/// The token that begins at `at`, and where it ends.
pub(super) fn token(text: &str, at: usize) -> (Token, usize) {
    let rest = text.get(at..).unwrap_or("");
    let Some(first) = rest.chars().next() else {
        return (Token::Eof, at);
    };
    let after_point = rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    match first {
        '"' => quoted(text, at, '"', Token::Ident),
        '\'' => quoted(text, at, '\'', Token::Str),
        '0'..='9' => number(text, at),
        '.' if after_point => number(text, at),
        '$' => {
            let name = word_at(text, at + 1);
            (Token::Param(name.to_owned()), at + 1 + name.len())
        }
        'a'..='z' | 'A'..='Z' | '_' => {
            let word = word_at(text, at);
            let token = keyword(word).map_or_else(|| Token::Ident(word.to_owned()), Token::Keyword);
            (token, at + word.len())
        }
        _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(&"<>") => (Token::Sign("!="), at + 2),
            Some(sign) => (Token::Sign(sign), at + sign.len()),
            None => (Token::Illegal(first), at + first.len_utf8()),
        },
    }
}

fn word_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or("");
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    rest.get(..end.unwrap_or(rest.len())).unwrap_or("")
}

/// Text in quotes with the escapes `\n`, `\\`, `\'` and `\"`.
fn quoted(text: &str, at: usize, quote: char, token: fn(String) -> Token) -> (Token, usize) {
    let mut out = String::new();
    let body = text.get(at + 1..).unwrap_or("");
    let mut chars = body.char_indices();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\n' => return (Token::BadString(out), at + 1 + offset),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, c @ ('\\' | '\'' | '"'))) => out.push(c),
                Some((end, c)) => {
                    return (
                        Token::BadString(format!("\\{c}")),
                        at + 1 + end + c.len_utf8(),
                    );
                }
                None => return (Token::BadString(out), text.len()),
            },
            c if c == quote => return (token(out), at + 1 + offset + 1),
            c => out.push(c),
        }
    }
    (Token::BadString(out), text.len())
}

/// `12`, `1.5`, `.5`, or a duration: `10s`, `1h30m`.
fn number(text: &str, at: usize) -> (Token, usize) {
    let rest = text.get(at..).unwrap_or("");
    let digits = |from: usize| {
        let tail = rest.get(from..).unwrap_or("");
        from + tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len()
    };
    let whole = digits(0);
    let is_unit = |c: char| matches!(c, 'n' | 'u' | 'µ' | 'm' | 's' | 'h' | 'd' | 'w');
    let tail = rest.get(whole..).unwrap_or("");
    let slice = |end: usize| rest.get(..end).unwrap_or("").to_owned();
    if tail.starts_with('.') {
        let end = digits(whole + 1);
        return (Token::Number(slice(end)), at + end);
    }
    if !tail.starts_with(is_unit) {
        return (Token::Integer(slice(whole)), at + whole);
    }
    let length = tail.find(|c: char| !is_unit(c) && !c.is_ascii_digit());
    let end = whole + length.unwrap_or(tail.len());
    (Token::Duration(slice(end)), at + end)
}

/// The pattern between slashes that begins at `at`, with `\/` for a slash, and where it ends.
pub(super) fn regex(text: &str, at: usize) -> Option<(String, usize)> {
    let body = text.get(at..)?.strip_prefix('/')?;
    let mut out = String::new();
    let mut chars = body.char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                out.push('/');
                chars.next();
            }
            '\\' => {
                out.push('\\');
                if let Some((_, next)) = chars.next() {
                    out.push(next);
                }
            }
            '/' => return Some((out, at + 1 + offset + 1)),
            '\n' => return None,
            c => out.push(c),
        }
    }
    None
}
