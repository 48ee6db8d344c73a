//! One spelling for each path, before anybody decides anything by it.
//!
//! What is in front of the server may let a path through by another spelling than the one that the router knows. So every
//! path is decoded once, its empty, `.` and `..` segments are taken out, and it is encoded again; routes, their classes
//! and their counters see only the result. A `;` is a character like others.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::uri::{PathAndQuery, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::answers::text_error;

/// Gives the request the one spelling of its path.
pub(crate) async fn normalise(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    match normal(path) {
        Some(Cow::Borrowed(_)) => {}
        Some(Cow::Owned(path)) => match with_path(request.uri(), &path) {
            Some(uri) => *request.uri_mut() = uri,
            None => return refusal(),
        },
        None => return refusal(),
    }
    next.run(request).await
}

fn refusal() -> Response {
    text_error(StatusCode::BAD_REQUEST, "the path is not UTF-8 text")
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// The one spelling; none if there is none.
fn normal(path: &str) -> Option<Cow<'_, str>> {
    let is_plain = !path.contains('%') && !path.contains("//") && !path.contains("/.");
    if is_plain && path.starts_with('/') {
        return Some(Cow::Borrowed(path));
    }
    let decoded = decode(path)?;
    let mut segments: Vec<&str> = Vec::new();
    let mut is_directory = false;
    for segment in decoded.split('/') {
        is_directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut normal = String::with_capacity(path.len());
    for segment in &segments {
        normal.push('/');
        encode(segment, &mut normal);
    }
    if is_directory {
        normal.push('/');
    }
    Some(Cow::Owned(normal))
}

/// Undoes `%XX`, once; what is not UTF-8 or has control characters is no path.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                (high << 4 | low) as u8 // two digits of 4 bits
            }
            byte => byte,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

fn encode(segment: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.extend(HEX.get(usize::from(half)).map(|digit| char::from(*digit)));
            }
        }
    }
}

/// The one spelling stays as it is.
#[cfg(fuzzing)]
pub(super) fn fuzz(path: &str) {
    if let Some(once) = normal(path) {
        assert_eq!(normal(&once).as_deref(), Some(&*once));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_is_the_plain_one() {
        for (path, plain) in [
            ("/api/v1/query", "/api/v1/query"),
            ("//api///v1/query", "/api/v1/query"),
            ("/./api/v1/./query", "/api/v1/query"),
            ("/x/../api/v1/query", "/api/v1/query"),
            ("/../../api/v1/query", "/api/v1/query"),
            ("/api%2fv1%2Fquery", "/api/v1/query"),
            ("/%61pi/v1/query", "/api/v1/query"),
            ("/x/%2e%2E/api/v1/query", "/api/v1/query"),
            ("/x%2f..%2fapi/v1/query", "/api/v1/query"),
            ("/api/v1/query/", "/api/v1/query/"),
            ("/api/v1/query/.", "/api/v1/query/"),
            ("/api/v1/query;x/y", "/api/v1/query;x/y"),
            ("/%252e%252e/a", "/%252e%252e/a"),
            ("/label/%C3%A4%20b/values", "/label/%C3%A4%20b/values"),
            ("//", "/"),
            ("*", "/*"),
        ] {
            assert_eq!(normal(path).as_deref(), Some(plain), "{path}");
        }
        for none in ["/%", "/%2", "/%zz", "/%ff", "/%00", "/a%0d%0ab"] {
            assert_eq!(normal(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn once_is_enough(path in "/([a-z]|/|\\.|%2e|%2f|%25|;|ä){0,30}") {
            if let Some(once) = normal(&path) {
                let twice = normal(&once).unwrap();
                prop_assert_eq!(&twice, &once);
                prop_assert!(!once.contains("//") && !once.split('/').any(|s| s == ".."));
            }
        }
    }
}
