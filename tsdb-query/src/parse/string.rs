//! String literals: where one ends, and what it stands for.

use nom::branch::alt;
use nom::bytes::complete::{take, take_while_m_n, take_while1};
use nom::character::complete::{anychar, char};
use nom::combinator::{map, map_opt};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::ast::quote::Quoted;

/// How many bytes the string at the start of `text` takes, quotes included.
///
/// # Errors
/// The text of the error.
pub(super) fn scan(text: &str) -> Result<usize, String> {
    let mut chars = text.char_indices();
    let Some((_, quote)) = chars.next() else {
        return Err("unterminated quoted string".to_owned());
    };
    if quote == '`' {
        return match text[1..].find('`') {
            Some(end) => Ok(end + 2),
            None => Err("unterminated raw string".to_owned()),
        };
    }
    loop {
        match chars.next() {
            None | Some((_, '\n')) => return Err("unterminated quoted string".to_owned()),
            Some((i, c)) if c == quote => return Ok(i + 1),
            Some((_, '\\')) => scan_escape(&mut chars, quote)?,
            Some(_) => {}
        }
    }
}

/// Passes an escape sequence, whose backslash was passed.
fn scan_escape(chars: &mut std::str::CharIndices<'_>, quote: char) -> Result<(), String> {
    let (first, digits, base, max) = match chars.next().map(|(_, c)| c) {
        Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
        Some(c) if c == quote => return Ok(()),
        Some(c @ '0'..='7') => (Some(c), 3, 8, 255),
        Some('x') => (None, 2, 16, 255),
        Some('u') => (None, 4, 16, u32::from(char::MAX)),
        Some('U') => (None, 8, 16, u32::from(char::MAX)),
        Some(c) => return Err(format!("unknown escape sequence {}", code_point(c))),
        None => return Err("escape sequence not terminated".to_owned()),
    };
    let mut value = first.and_then(|c| c.to_digit(base)).unwrap_or(0);
    for _ in usize::from(first.is_some())..digits {
        let Some((_, c)) = chars.next() else {
            return Err("escape sequence not terminated".to_owned());
        };
        let Some(digit) = c.to_digit(base) else {
            return Err(format!(
                "illegal character {} in escape sequence",
                code_point(c)
            ));
        };
        value = value.wrapping_mul(base).wrapping_add(digit);
    }
    if value > max || (0xd800..0xe000).contains(&value) {
        return Err("escape sequence is an invalid Unicode code point".to_owned());
    }
    Ok(())
}

/// A character as Go's `%#U` writes it.
fn code_point(c: char) -> String {
    if c.is_control() {
        format!("U+{:04X}", u32::from(c))
    } else {
        format!("U+{:04X} '{c}'", u32::from(c))
    }
}

enum Piece<'t> {
    Text(&'t str),
    Char(char),
    Byte(u8),
}

/// What a scanned string, quotes included, stands for.
///
/// # Errors
/// The text of the error: `\x` and octal escapes write bytes, which may not be UTF-8 in the end.
pub(super) fn unquote(literal: &str) -> Result<String, String> {
    let inner = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    if literal.starts_with('`') || !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let Ok((after, piece)) = piece(rest) else {
            return Err(format!(
                "error unquoting string {}: invalid syntax",
                Quoted(literal)
            ));
        };
        match piece {
            Piece::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            Piece::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Piece::Byte(byte) => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8(bytes)
        .map_err(|_| format!("error unquoting string {}: invalid UTF-8", Quoted(literal)))
}

fn piece(text: &str) -> IResult<&str, Piece<'_>, ()> {
    alt((
        map(take_while1(|c| c != '\\'), Piece::Text),
        preceded(char('\\'), escape),
    ))
    .parse(text)
}

fn escape(text: &str) -> IResult<&str, Piece<'_>, ()> {
    alt((
        map_opt(preceded(char('x'), hex(2)), |v| {
            u8::try_from(v).ok().map(Piece::Byte)
        }),
        map_opt(preceded(char('u'), hex(4)), |v| {
            char::from_u32(v).map(Piece::Char)
        }),
        map_opt(preceded(char('U'), hex(8)), |v| {
            char::from_u32(v).map(Piece::Char)
        }),
        map_opt(take(3usize), |digits: &str| {
            u8::from_str_radix(digits, 8).ok().map(Piece::Byte)
        }),
        map_opt(anychar, |c| {
            let plain = match c {
                'a' => '\x07',
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\x0b',
                '\\' | '\'' | '"' => c,
                _ => return None,
            };
            Some(Piece::Char(plain))
        }),
    ))
    .parse(text)
}

fn hex<'t>(digits: usize) -> impl Parser<&'t str, Output = u32, Error = ()> {
    map_opt(
        take_while_m_n(digits, digits, |c: char| c.is_ascii_hexdigit()),
        |digits| u32::from_str_radix(digits, 16).ok(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_at_its_own_quote() {
        assert_eq!(scan(r#""a'b`"x"#), Ok(6));
        assert_eq!(scan(r#""a\"b" + "c""#), Ok(6));
        assert_eq!(scan("`a\n\\`x"), Ok(5));
        assert_eq!(scan("'a\nb'"), Err("unterminated quoted string".to_owned()));
        assert_eq!(scan("`a"), Err("unterminated raw string".to_owned()));
        assert_eq!(
            scan(r#""\'""#),
            Err("unknown escape sequence U+0027 '''".to_owned())
        );
        assert_eq!(
            scan(r#""\xg""#),
            Err("illegal character U+0067 'g' in escape sequence".to_owned())
        );
        assert_eq!(
            scan(r#""\777""#),
            Err("escape sequence is an invalid Unicode code point".to_owned())
        );
        assert_eq!(
            scan(r#""\uD800""#),
            Err("escape sequence is an invalid Unicode code point".to_owned())
        );
        assert_eq!(
            scan("\"\\"),
            Err("escape sequence not terminated".to_owned())
        );
    }

    #[test]
    fn escapes_are_those_of_go() {
        assert_eq!(
            unquote(r#""\a\b\f\n\r\t\v\\\"\x41\101\u00fc\U0001f600""#).unwrap(),
            "\x07\x08\x0c\n\r\t\x0b\\\"AA\u{fc}\u{1f600}"
        );
        assert_eq!(unquote(r"'\''").unwrap(), "'");
        assert_eq!(unquote("`\\n\r`").unwrap(), "\\n\r");
        // Bytes may add up to a character.
        assert_eq!(unquote(r#""\xe2\x82\xac""#).unwrap(), "€");
        assert!(unquote(r#""\xff""#).is_err());
    }
}
