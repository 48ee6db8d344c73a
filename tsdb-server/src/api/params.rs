//! Parameters of a request: URL and form merged, parsed as Prometheus parses them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{HttpBody as _, to_bytes};
use axum::extract::{ConnectInfo, FromRequest, Request};
use axum::http::{Method, Uri, header};
use tsdb_core::{Matcher, Reservation, TimeRange};
use tsdb_query::parse;

use crate::duration;
use crate::error::{ApiError, ErrorKind};
use crate::http::timed_out;
use crate::state::AppState;

/// The parameters of a request. Those of the form come first, as in Go's `FormValue`; unknown ones are ignored.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// Who asks, when that is known.
    pub(crate) client: Option<SocketAddr>,
    /// Matchers that all `match[]` together may have.
    max_matchers: usize,
    /// Memory of a form; given back with the parameters.
    _memory: Option<Reservation>,
}

/// Memory that a form takes for each of its bytes: a parameter of two bytes is two strings.
const FORM_MEMORY_RATIO: u64 = 4;

impl FromRequest<AppState> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let load = &state.shared.config.load;
        let client = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let mut params = Self {
            client: client.map(|info| info.0),
            max_matchers: load.query_max_matchers,
            ..Self::default()
        };
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.split(';').next())
            .is_some_and(|v| {
                v.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if is_form && parts.method != Method::GET && parts.method != Method::HEAD {
            let limit = load.web_max_form_bytes;
            let too_large = || {
                let reason = format!(
                    "the form is larger than {limit} bytes (--web.max-form-bytes) or was cut short"
                );
                ApiError::new(ErrorKind::TooLarge, reason)
            };
            let announced = body.size_hint().exact();
            if announced.is_some_and(|n| n > limit as u64) {
                return Err(too_large());
            }
            let memory = FORM_MEMORY_RATIO * announced.unwrap_or(limit as u64);
            params._memory = Some(state.shared.budget.reserve(memory)?);
            let form = to_bytes(body, limit).await;
            let form = form.map_err(|e| match timed_out(&e) {
                Some(e) => ApiError::new(ErrorKind::SlowBody, format!("cannot read the form: {e}")),
                None => too_large(),
            })?;
            params.add_encoded(&form, load.web_max_parameters)?;
        }
        let url = parts.uri.query().unwrap_or("").as_bytes();
        params.add_encoded(url, load.web_max_parameters)?;
        Ok(params)
    }
}

impl Params {
    /// Those of the URL alone, for requests whose body is data.
    pub(crate) fn of_url(uri: &Uri) -> Self {
        let mut params = Self::default();
        let _ = params.add_encoded(uri.query().unwrap_or("").as_bytes(), usize::MAX); // no more than the URL has
        params
    }

    /// Adds `a=b&c=d`, percent-encoded.
    ///
    /// # Errors
    /// 400 when there are more than `limit` parameters.
    fn add_encoded(&mut self, encoded: &[u8], limit: usize) -> Result<(), ApiError> {
        for pair in encoded
            .split(|b| *b == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = percent_decode(halves.next().unwrap_or_default());
            let value = percent_decode(halves.next().unwrap_or_default());
            if self.pairs.len() >= limit {
                let reason =
                    format!("there are more than {limit} parameters (--web.max-parameters)");
                return Err(ApiError::bad_data(reason));
            }
            self.pairs.push((name, value));
        }
        Ok(())
    }

    /// The first value; an empty one is the same as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let first = self.pairs.iter().find(|(n, _)| n == name);
        first
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All values.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// A time that must be there, in milliseconds.
    pub(crate) fn required_time(&self, name: &str) -> Result<i64, ApiError> {
        parse_time(self.get(name).unwrap_or("")).map_err(|e| ApiError::invalid_parameter(name, e))
    }

    /// A time, in milliseconds.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        parse_time(text).map(Some).map_err(|e| {
            ApiError::invalid_parameter(name, format!("Invalid time value for '{name}': {e}"))
        })
    }

    /// `start` and `end`, each open when absent.
    pub(crate) fn time_range(&self) -> Result<TimeRange, ApiError> {
        let start = self.time("start")?.unwrap_or(i64::MIN);
        let end = self.time("end")?.unwrap_or(i64::MAX);
        Ok(TimeRange::new(start, end))
    }

    /// `limit`; `None` without one. 0 is no limit.
    pub(crate) fn limit(&self) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.get("limit") else {
            return Ok(None);
        };
        match text.parse::<i64>() {
            Ok(n) if n < 0 => Err(ApiError::invalid_parameter(
                "limit",
                "limit must be non-negative",
            )),
            Ok(0) => Ok(None),
            Ok(n) => Ok(Some(usize::try_from(n).unwrap_or(usize::MAX))),
            Err(_) => Err(ApiError::invalid_parameter(
                "limit",
                format!("strconv.Atoi: parsing {text:?}: invalid syntax"),
            )),
        }
    }

    /// A switch, in one of the ways that Go's `ParseBool` takes; false when absent.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some(text) => Err(ApiError::invalid_parameter(
                name,
                format!(
                    "unable to parse boolean: strconv.ParseBool: parsing {text:?}: invalid syntax"
                ),
            )),
        }
    }

    /// `timeout`, at most `most`.
    pub(crate) fn timeout(&self, most: Duration) -> Result<Duration, ApiError> {
        let Some(text) = self.get("timeout") else {
            return Ok(most);
        };
        let seconds =
            parse_duration(text).map_err(|e| ApiError::invalid_parameter("timeout", e))?;
        Ok(Duration::try_from_secs_f64(seconds)
            .unwrap_or(Duration::ZERO)
            .min(most))
    }

    /// `lookback_delta`, in milliseconds.
    pub(crate) fn lookback_ms(&self) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get("lookback_delta") else {
            return Ok(None);
        };
        let seconds = parse_duration(text).map_err(|e| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {e}"))
        })?;
        Ok(Some((seconds * 1000.0) as i64).filter(|ms| *ms > 0)) // not positive: the default, as in Prometheus
    }

    /// `step`, in seconds.
    pub(crate) fn step(&self) -> Result<f64, ApiError> {
        let invalid = |e: String| ApiError::invalid_parameter("step", e);
        let seconds = parse_duration(self.get("step").unwrap_or("")).map_err(invalid)?;
        if seconds <= 0.0 {
            return Err(invalid(
                "zero or negative query resolution step widths are not accepted. Try a positive integer".to_owned(),
            ));
        }
        Ok(seconds)
    }

    /// The selectors of `match[]`, each once.
    pub(crate) fn selectors(&self) -> Selectors {
        let mut seen = HashSet::new();
        let texts = self.all("match[]").filter(|text| seen.insert(*text));
        Selectors {
            texts: texts.map(str::to_owned).collect(),
            max_matchers: self.max_matchers,
        }
    }

    /// The matchers of `match[]`. Not for the async threads: patterns are compiled.
    ///
    /// # Errors
    /// The reason, which handlers wrap differently.
    pub(crate) fn matcher_sets(&self) -> Result<Vec<Vec<Matcher>>, String> {
        self.selectors().matcher_sets()
    }
}

/// Selectors that are not parsed yet.
#[derive(Debug)]
pub(crate) struct Selectors {
    texts: Vec<String>,
    max_matchers: usize,
}

impl Selectors {
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// See [`Params::matcher_sets`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn matcher_sets(&self) -> Result<Vec<Vec<Matcher>>, String> {
        let mut sets = Vec::new();
        let (mut matchers, mut pattern_bytes) = (0, 0);
        for text in &self.texts {
            let set = parse_selector(text)?;
            matchers += set.len();
            pattern_bytes += set.iter().map(Matcher::pattern_bytes).sum::<usize>();
            if pattern_bytes > parse::MAX_PATTERN_BYTES {
                let limit = parse::MAX_PATTERN_BYTES;
                return Err(format!(
                    "regular expressions of match[] take more than {limit} bytes"
                ));
            }
            if matchers > self.max_matchers {
                let limit = self.max_matchers;
                return Err(format!(
                    "there are more than {limit} matchers (--query.max-matchers)"
                ));
            }
            sets.push(set);
        }
        Ok(sets)
    }
}

fn parse_selector(text: &str) -> Result<Vec<Matcher>, String> {
    let matchers =
        parse::parse_selector(text, &parse::ParseOptions::default()).map_err(|e| e.to_string())?;
    if matchers.iter().all(Matcher::matches_empty) {
        return Err("match[] must contain at least one non-empty matcher".to_owned());
    }
    Ok(matchers)
}

/// `+` is a space, `%XX` a byte; what is not UTF-8 becomes U+FFFD.
fn percent_decode(encoded: &[u8]) -> String {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(encoded.len());
    let mut i = 0;
    while let Some(&byte) = encoded.get(i) {
        i += 1;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match (hex(encoded.get(i)), hex(encoded.get(i + 1))) {
                (Some(high), Some(low)) => {
                    out.push((high << 4 | low) as u8); // two digits of 4 bits
                    i += 2;
                }
                _ => out.push(b'%'),
            },
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// The earliest and the latest time as Prometheus formats them; their years are too long for RFC 3339.
const MIN_TIME: &str = "-292273086-05-16T16:47:06Z";
const MAX_TIME: &str = "292277025-08-18T07:12:54.999999999Z";

/// Seconds since the epoch with decimals, or RFC 3339; in milliseconds.
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_float(text) {
        // Casts saturate: times beyond the range are its ends.
        let whole = seconds.trunc();
        let fraction_ms = ((seconds - whole) * 1000.0).round() as i64;
        return Ok((whole as i64)
            .saturating_mul(1000)
            .saturating_add(fraction_ms));
    }
    match text {
        MIN_TIME => return Ok(i64::MIN),
        MAX_TIME => return Ok(i64::MAX),
        _ => {}
    }
    text.parse::<jiff::Timestamp>()
        .map(|t| t.as_millisecond())
        .map_err(|_| format!("cannot parse {text:?} to a valid timestamp"))
}

/// Seconds with decimals, or a duration such as `5m`; in seconds.
pub(crate) fn parse_duration(text: &str) -> Result<f64, String> {
    if let Some(seconds) = parse_float(text) {
        // Go's durations are nanoseconds in an int64.
        if seconds.is_nan() || (seconds * 1e9).abs() > i64::MAX as f64 {
            return Err(format!(
                "cannot parse {text:?} to a valid duration. It overflows int64"
            ));
        }
        return Ok(seconds);
    }
    duration::parse(text)
        .map(|d| d.as_secs_f64())
        .map_err(|_| format!("cannot parse {text:?} to a valid duration"))
}

/// A float; NaN and the infinities are numbers to Go, and of no use as times.
fn parse_float(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|v| !v.is_nan())
}

/// Undoes the escaping of UTF-8 label names in paths: `U__http_2e_status` is `http.status`. Names that are not
/// escaped, or not validly, stay as they are.
pub(crate) fn unescape_name(name: &str) -> String {
    let unescape = |mut rest: &str| {
        let mut out = String::new();
        while let Some((plain, tail)) = rest.split_once('_') {
            out.push_str(plain);
            if let Some(tail) = tail.strip_prefix('_') {
                out.push('_');
                rest = tail;
            } else {
                let (code, tail) = tail.split_once('_')?;
                if code.is_empty() || code.len() > 6 {
                    return None;
                }
                out.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
                rest = tail;
            }
        }
        out.push_str(rest);
        Some(out)
    };
    name.strip_prefix("U__")
        .and_then(unescape)
        .unwrap_or_else(|| name.to_owned())
}

/// Reads parameters as handlers do.
#[cfg(fuzzing)]
pub(crate) fn fuzz(encoded: &[u8]) {
    let mut params = Params {
        max_matchers: 10,
        ..Params::default()
    };
    let _ = params.add_encoded(encoded, 100);
    for name in ["time", "start", "end"] {
        let _ = params.time(name);
    }
    let _ = (params.time_range(), params.limit(), params.step());
    let _ = (params.switch("skip_head"), params.lookback_ms());
    let _ = (params.timeout(Duration::MAX), params.matcher_sets());
    let _ = unescape_name(params.get("name").unwrap_or(""));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_seconds_or_rfc3339() {
        for (text, ms) in [
            ("1435781451.781", 1_435_781_451_781),
            ("0", 0),
            ("-1.5", -1_500),
            ("1.0004", 1_000),
            ("1e9", 1_000_000_000_000),
            ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
            ("2015-07-01T20:10:51+02:00", 1_435_774_251_000),
            ("1795444230248", 1_795_444_230_248_000),
            (MIN_TIME, i64::MIN),
            (MAX_TIME, i64::MAX),
        ] {
            assert_eq!(parse_time(text), Ok(ms), "{text}");
        }
        assert_eq!(
            parse_time("").unwrap_err(),
            "cannot parse \"\" to a valid timestamp"
        );
        assert!(parse_time("yesterday").is_err());
    }

    #[test]
    fn durations_are_seconds_or_promql() {
        for (text, seconds) in [("15", 15.0), ("0.5", 0.5), ("1m30s", 90.0), ("-1", -1.0)] {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
        assert!(
            parse_duration("1e30")
                .unwrap_err()
                .contains("It overflows int64")
        );
        assert!(parse_duration("").is_err());
    }

    #[test]
    fn the_form_comes_before_the_url_and_empty_is_absent() {
        let mut params = Params::default();
        params.add_encoded(b"query=a%2Bb+c&timeout=", 100).unwrap();
        let url = b"query=url&stats=all&timeout=5s&%zz=%4";
        params.add_encoded(url, 6).unwrap();
        assert_eq!(params.get("query"), Some("a+b c"));
        assert_eq!(params.get("stats"), Some("all"));
        assert_eq!(params.get("timeout"), None);
        assert_eq!(params.get("%zz"), Some("%4"));
        assert!(Params::default().add_encoded(b"a&b&c", 2).is_err());
    }

    #[test]
    fn names_are_unescaped() {
        assert_eq!(unescape_name("U__http_2e_status:code"), "http.status:code");
        assert_eq!(unescape_name("U__a__b"), "a_b");
        for same in ["job", "a_b", "U__a_", "U__a_zz_", "U__a_d800_"] {
            assert_eq!(unescape_name(same), same);
        }
    }

    proptest! {
        #[test]
        fn anything_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Params::default().add_encoded(&bytes, 10);
        }

        #[test]
        fn encoded_text_comes_back(text in ".*") {
            let encoded: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
            prop_assert_eq!(percent_decode(encoded.as_bytes()), text);
        }
    }
}
