//! What is asked for.

use axum::http::StatusCode;
use tsdb_core::{MatchOp, Matcher, TimeRange};
use tsdb_query::parse::MAX_PATTERN_BYTES;

use crate::ingest::WriteError;
use crate::ingest::proto::{Fields, ProtoError};

/// Matchers of all queries of a request.
const MAX_MATCHERS: usize = 10_000;

/// The function that stands for a look at the labels alone.
const LABELS_ONLY: &[u8] = b"series";

/// What an answer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One message with samples.
    Samples,
    /// A stream of messages with chunks.
    Chunks,
}

/// A request.
#[derive(Debug, Default)]
pub(super) struct ReadRequest {
    pub(super) queries: Vec<Query>,
    /// The first form that is known, and the first of any.
    known: Option<Form>,
    first: Option<u64>,
}

/// One query of it.
#[derive(Debug)]
pub(super) struct Query {
    /// Both ends are in it.
    pub(super) range: TimeRange,
    pub(super) matchers: Vec<Matcher>,
    /// Series are answered without samples.
    pub(super) labels_only: bool,
}

impl ReadRequest {
    /// Decodes a request.
    ///
    /// # Errors
    /// 400 when the bytes are none, or when a matcher is not valid or there are too many of them or of queries.
    pub(super) fn decode(message: &[u8], max_queries: usize) -> Result<Self, WriteError> {
        let mut request = Self::default();
        let mut so_far = SoFar::default();
        for field in Fields::new(message) {
            match field? {
                (1, field) => {
                    if request.queries.len() >= max_queries {
                        return Err(WriteError::bad_request(format!(
                            "the request has more than {max_queries} queries (--storage.remote.read-max-queries)"
                        )));
                    }
                    request.queries.push(query(field.bytes()?, &mut so_far)?);
                }
                (2, field) => field.each_varint(|number| request.accept(number))?,
                _ => {}
            }
        }
        Ok(request)
    }

    fn accept(&mut self, number: u64) {
        self.first.get_or_insert(number);
        let form = match number {
            0 => Form::Samples,
            1 => Form::Chunks,
            _ => return,
        };
        self.known.get_or_insert(form);
    }

    /// The form of the answer.
    ///
    /// # Errors
    /// 400 when forms are accepted and none of them is known.
    pub(super) fn form(&self) -> Result<Form, WriteError> {
        match (self.known, self.first) {
            (Some(form), _) => Ok(form),
            (None, None) => Ok(Form::Samples),
            (None, Some(first)) => Err(WriteError::bad_request(format!(
                "server does not support any of the requested response types, of which {first} is the first; supported \
                 are SAMPLES (0) and STREAMED_XOR_CHUNKS (1)"
            ))),
        }
    }
}

/// What the queries of a request have so far.
#[derive(Debug, Default)]
struct SoFar {
    matchers: usize,
    pattern_bytes: usize,
}

fn query(message: &[u8], so_far: &mut SoFar) -> Result<Query, WriteError> {
    let (mut start_ms, mut end_ms) = (0, 0);
    let mut hints = Hints::default();
    let mut matchers = Vec::new();
    for field in Fields::new(message) {
        match field? {
            (1, field) => start_ms = field.int64()?,
            (2, field) => end_ms = field.int64()?,
            (3, field) => {
                so_far.matchers += 1;
                if so_far.matchers > MAX_MATCHERS {
                    return Err(WriteError::new(
                        StatusCode::BAD_REQUEST,
                        format!("the request has more than {MAX_MATCHERS} matchers"),
                    ));
                }
                let matcher = matcher(field.bytes()?)?;
                so_far.pattern_bytes += matcher.pattern_bytes();
                if so_far.pattern_bytes > MAX_PATTERN_BYTES {
                    return Err(WriteError::bad_request(format!(
                        "regular expressions of the request take more than {MAX_PATTERN_BYTES} bytes"
                    )));
                }
                matchers.push(matcher);
            }
            (4, field) => hints = Hints::decode(field.bytes()?)?,
            _ => {}
        }
    }
    let (start_ms, end_ms) = hints.within(start_ms, end_ms);
    Ok(Query {
        range: TimeRange::new(start_ms, end_ms),
        matchers,
        labels_only: hints.labels_only,
    })
}

/// What the query is evaluated for.
#[derive(Debug, Default)]
struct Hints {
    labels_only: bool,
    start_ms: i64,
    end_ms: i64,
}

impl Hints {
    fn decode(message: &[u8]) -> Result<Self, ProtoError> {
        let mut hints = Self::default();
        for field in Fields::new(message) {
            match field? {
                (2, field) => hints.labels_only = field.bytes()? == LABELS_ONLY,
                (3, field) => hints.start_ms = field.int64()?,
                (4, field) => hints.end_ms = field.int64()?,
                _ => {}
            }
        }
        Ok(hints)
    }

    /// The times of the selector, which are some of those of the query: a query has one range for all its selectors.
    fn within(&self, start_ms: i64, end_ms: i64) -> (i64, i64) {
        match (self.start_ms, self.end_ms) {
            (0, 0) => (start_ms, end_ms), // hints without times
            (start, end) => (start_ms.max(start), end_ms.min(end)),
        }
    }
}

fn matcher(message: &[u8]) -> Result<Matcher, WriteError> {
    let (mut op, mut name, mut value): (_, &[u8], &[u8]) = (0, &[], &[]);
    for field in Fields::new(message) {
        match field? {
            (1, field) => op = field.uint64()?,
            (2, field) => name = field.bytes()?,
            (3, field) => value = field.bytes()?,
            _ => {}
        }
    }
    let op = match op {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        op => {
            return Err(WriteError::bad_request(format!(
                "invalid matcher type {op}"
            )));
        }
    };
    let text = |bytes| {
        std::str::from_utf8(bytes)
            .map_err(|_| WriteError::bad_request("a name or value of a matcher is not UTF-8"))
    };
    Matcher::new(op, text(name)?, text(value)?).map_err(|e| WriteError::bad_request(e.to_string()))
}

/// Bytes as a request.
#[cfg(fuzzing)]
pub(crate) fn fuzz(message: &[u8]) {
    if let Ok(request) = ReadRequest::decode(message, 100) {
        let _ = request.form();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::message::Message;
    use super::*;

    fn encoded(
        (start_ms, end_ms): (i64, i64),
        matchers: &[(u64, &str, &str)],
        hints: &Message,
        accepted: &[u64],
    ) -> Vec<u8> {
        let mut query = Message::default();
        query.int64(1, start_ms);
        query.int64(2, end_ms);
        for (op, name, value) in matchers {
            let mut matcher = Message::default();
            matcher.varint(1, *op);
            matcher.bytes(2, name.as_bytes());
            matcher.bytes(3, value.as_bytes());
            query.bytes(3, &matcher.0);
        }
        query.bytes(4, &hints.0);
        let mut request = Message::default();
        request.bytes(1, &query.0);
        let mut packed = Message::default();
        accepted.iter().for_each(|n| packed.raw(*n));
        request.bytes(2, &packed.0);
        request.0
    }

    fn decoded(message: &[u8]) -> Result<ReadRequest, WriteError> {
        ReadRequest::decode(message, 10)
    }

    fn form(accepted: &[u64]) -> Option<Form> {
        let message = encoded((0, 1), &[], &Message::default(), accepted);
        decoded(&message).unwrap().form().ok()
    }

    #[test]
    fn the_first_form_that_is_known_is_answered() {
        assert_eq!(form(&[]), Some(Form::Samples));
        assert_eq!(form(&[0, 1]), Some(Form::Samples));
        assert_eq!(form(&[1, 0]), Some(Form::Chunks));
        assert_eq!(form(&[7, 1]), Some(Form::Chunks));
        assert_eq!(form(&[7]), None);
    }

    #[test]
    fn hints_narrow_the_range() {
        let mut hints = Message::default();
        hints.bytes(2, b"rate");
        hints.int64(3, 5);
        hints.int64(4, 50);
        let all = [(0, "a", "b"), (1, "a", "b"), (2, "a", "b.*"), (3, "a", "b")];
        let request = decoded(&encoded((-10, 20), &all, &hints, &[])).unwrap();
        let query = &request.queries[0];
        assert_eq!(query.range, TimeRange::new(5, 20));
        assert!(!query.labels_only);
        let shown: Vec<String> = query.matchers.iter().map(Matcher::to_string).collect();
        assert_eq!(shown, ["a=\"b\"", "a!=\"b\"", "a=~\"b.*\"", "a!~\"b\""]);

        let mut hints = Message::default();
        hints.bytes(2, b"series");
        let request = decoded(&encoded((-10, 20), &[], &hints, &[])).unwrap();
        assert_eq!(request.queries[0].range, TimeRange::new(-10, 20));
        assert!(request.queries[0].labels_only);
    }

    #[test]
    fn what_is_wrong_is_the_client_s_fault() {
        for wrong in [(4, "a", "b"), (2, "a", "(")] {
            let message = encoded((0, 1), &[wrong], &Message::default(), &[]);
            let refused = decoded(&message).unwrap_err();
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong:?}");
        }
        let mut many = Message::default();
        (0..10).for_each(|_| many.bytes(1, &[]));
        assert!(decoded(&many.0).is_ok());
        many.bytes(1, &[]);
        assert!(decoded(&many.0).is_err());
        let many = vec![(0, "a", "b"); MAX_MATCHERS + 1];
        let message = encoded((0, 1), &many, &Message::default(), &[]);
        assert!(decoded(&message).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decoded(&bytes);
        }

        #[test]
        fn what_is_cut_short_is_a_request_or_an_error(at in 0_usize..200) {
            let matchers = [(2, "job", "a|b"), (0, "__name__", "up")];
            let message = encoded((1, 1_700_000_000_000), &matchers, &Message::default(), &[1]);
            let _ = decoded(&message[..at.min(message.len())]);
        }
    }
}
