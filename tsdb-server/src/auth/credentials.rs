//! What a request says of who sends it.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Protocol;
use crate::api::Params;

/// Credentials, not verified.
#[derive(PartialEq, Eq)]
pub(super) enum Credentials {
    Password { name: String, password: String },
    Token(String),
}

/// Takes them from where the protocol has them. None are there also if they cannot be read.
pub(super) fn of(request: &Request, protocol: Protocol) -> Option<Credentials> {
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION) {
        return of_header(headers);
    }
    match protocol {
        Protocol::Prometheus => None,
        Protocol::Influx1 | Protocol::Influx2 => {
            let params = Params::of_url(request.uri());
            Some(Credentials::Password {
                name: params.get("u")?.to_owned(),
                password: params.get("p")?.to_owned(),
            })
        }
        Protocol::Datadog => {
            let params = Params::of_url(request.uri());
            let key = match headers.get("dd-api-key") {
                Some(key) => key.to_str().ok()?,
                None => params.get("api_key")?,
            };
            Some(Credentials::Token(key.to_owned()))
        }
    }
}

fn of_header(headers: &HeaderMap) -> Option<Credentials> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None; // which one holds?
    }
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    if is("basic") {
        let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        password(&text)
    } else if is("token") {
        // Clients of InfluxDB 2 that speak to an InfluxDB 1.8 send a user in a token.
        password(rest).or_else(|| Some(Credentials::Token(rest.to_owned())))
    } else if is("bearer") {
        Some(Credentials::Token(rest.to_owned()))
    } else {
        None
    }
}

fn password(text: &str) -> Option<Credentials> {
    let (name, password) = text.split_once(':')?;
    Some(Credentials::Password {
        name: name.to_owned(),
        password: password.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn each_protocol_has_its_places() {
        let named = |name: &str, password: &str| Credentials::Password {
            name: name.to_owned(),
            password: password.to_owned(),
        };
        let token = |token: &str| Credentials::Token(token.to_owned());
        use Protocol::{Datadog, Influx1, Prometheus};
        for (protocol, target, header, expected) in [
            (
                Prometheus,
                "/",
                "authorization: Basic YTpiOmM=",
                Some(named("a", "b:c")),
            ),
            (
                Prometheus,
                "/",
                "authorization: bearer  t",
                Some(token("t")),
            ),
            (Prometheus, "/?u=a&p=b", "x: y", None),
            (Prometheus, "/", "authorization: Basic ?", None),
            (Prometheus, "/", "authorization: AWS4-HMAC-SHA256 x", None),
            (Influx1, "/?u=a&p=b%20c", "x: y", Some(named("a", "b c"))),
            (Influx1, "/?u=a", "x: y", None),
            (
                Influx1,
                "/?u=a&p=b",
                "authorization: Token t",
                Some(token("t")),
            ),
            (
                Influx1,
                "/",
                "authorization: Token a:b",
                Some(named("a", "b")),
            ),
            (Datadog, "/", "dd-api-key: k", Some(token("k"))),
            (Datadog, "/?api_key=k", "x: y", Some(token("k"))),
        ] {
            let (name, value) = header.split_once(": ").unwrap();
            let request = Request::get(target).header(name, value);
            let found = of(&request.body(Body::empty()).unwrap(), protocol);
            assert!(found == expected, "{target} {header}");
        }
        let two = Request::get("/")
            .header("authorization", "Bearer a")
            .header("authorization", "Bearer b");
        assert!(of(&two.body(Body::empty()).unwrap(), Prometheus).is_none());
    }
}
