//! A body into lines.

use super::cursor::is_blank;

/// The lines of a body that hold a point: blank lines and comments (`#`) are left out, and so are blanks before a point.
pub fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let body = rest?;
        let end = end_of_line(body);
        rest = body.get(end + 1..);
        Some(body.get(..end).unwrap_or(body))
    })
    .map(|line| {
        let blanks = line.iter().take_while(|&&byte| is_blank(byte)).count();
        line.get(blanks..).unwrap_or_default()
    })
    .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}

/// Where the first line ends: at a newline that no quotes enclose. Quotes count only in field values, that is after the
/// first blank and where an `=` has come since the last comma; a backslash takes the meaning off the next byte.
fn end_of_line(body: &[u8]) -> usize {
    let mut at = 0;
    let (mut in_fields, mut quoted) = (false, false);
    let (mut equals, mut commas) = (0_usize, 0_usize);
    while let Some(&byte) = body.get(at) {
        match byte {
            // The last byte but one keeps its meaning, as in InfluxDB.
            b'\\' if at + 2 < body.len() => at += 1,
            b' ' => in_fields = true,
            b'=' if in_fields && !quoted => equals += 1,
            b',' if in_fields && !quoted => commas += 1,
            b'"' if in_fields && equals > commas => quoted = !quoted,
            b'\n' if !quoted => return at,
            _ => {}
        }
        at += 1;
    }
    at.min(body.len())
}
