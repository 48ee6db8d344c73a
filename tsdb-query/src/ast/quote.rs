//! Strings as Go quotes them: error texts and printed queries follow Prometheus to the letter.

use std::fmt::{self, Write};

/// `text` between double quotes, as `strconv.Quote` writes it.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            write_char(f, c, '"')?;
        }
        f.write_char('"')
    }
}

/// A character between single quotes, as `strconv.QuoteRune` writes it; `None` stands for the end of the text.
pub(crate) struct QuotedChar(pub(crate) Option<char>);

impl fmt::Display for QuotedChar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        write_char(f, self.0.unwrap_or(char::REPLACEMENT_CHARACTER), '\'')?;
        f.write_char('\'')
    }
}

fn write_char(f: &mut fmt::Formatter<'_>, c: char, quote: char) -> fmt::Result {
    match c {
        '\\' => f.write_str("\\\\"),
        c if c == quote => write!(f, "\\{c}"),
        '\x07' => f.write_str("\\a"),
        '\x08' => f.write_str("\\b"),
        '\x0c' => f.write_str("\\f"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\x0b' => f.write_str("\\v"),
        c if is_printable(c) => f.write_char(c),
        c if c < ' ' || c == '\x7f' => write!(f, "\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => write!(f, "\\u{:04x}", u32::from(c)),
        c => write!(f, "\\U{:08x}", u32::from(c)),
    }
}

/// Go's `unicode.IsPrint`, as near as the standard library comes to it.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // After a letter, because a combining mark at the start of a text is escaped although it can be printed.
    let mut text = [0; 8];
    text[0] = b'a';
    let len = 1 + c.encode_utf8(&mut text[1..]).len();
    std::str::from_utf8(&text[..len]).is_ok_and(|s| s.escape_debug().eq(s.chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        let quoted = |s: &str| Quoted(s).to_string();
        assert_eq!(quoted("a\"b'c\\"), r#""a\"b'c\\""#);
        assert_eq!(
            quoted("\u{7}\u{8}\u{c}\n\r\t\u{b}\0\u{7f}"),
            r#""\a\b\f\n\r\t\v\x00\x7f""#
        );
        assert_eq!(quoted("ü世\u{301}😀"), "\"ü世\u{301}😀\"");
        assert_eq!(
            quoted("\u{a0}\u{85}\u{2028}\u{e000}"),
            r#""\u00a0\u0085\u2028\ue000""#
        );
        assert_eq!(quoted("\u{10ffff}"), r#""\U0010ffff""#);
        assert_eq!(QuotedChar(Some('\'')).to_string(), r"'\''");
        assert_eq!(QuotedChar(Some('"')).to_string(), "'\"'");
        assert_eq!(QuotedChar(None).to_string(), "'\u{fffd}'");
    }
}
