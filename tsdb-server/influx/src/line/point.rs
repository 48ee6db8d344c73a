//! One line into a point.

use std::borrow::Cow;
use std::fmt;

use super::cursor::Cursor;
use super::dialect::Dialect;
use super::escape::{KEY, unescape};
use super::field::{self, FieldValue};
use super::precision::Precision;

/// Bytes of measurement and tags together with one field key, at most; the longest key of InfluxDB.
const MAX_KEY_BYTES: usize = 65_535;
/// What InfluxDB puts between the key of a series and the key of a field.
const FIELD_SEPARATOR_BYTES: usize = 4;

/// Why a line is not a point, in InfluxDB's words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// Nothing stands before the tags.
    MissingMeasurement,
    /// Nothing stands before an `=` among the tags.
    MissingTagKey,
    /// Nothing stands behind an `=` among the tags, or there is no `=`.
    MissingTagValue,
    /// A tag value has an `=` in it that is not escaped.
    InvalidTagFormat,
    /// A tag key stands twice.
    DuplicateTags,
    /// The line ends before its fields.
    MissingFields,
    /// Nothing stands before an `=` among the fields.
    MissingFieldKey,
    /// Nothing stands behind an `=` among the fields.
    MissingFieldValue,
    /// A field has no `=`.
    InvalidFieldFormat,
    /// A field has no `=`, while a field before has two; its key.
    InvalidValue(String),
    /// A quoted value does not end.
    UnbalancedQuotes,
    /// A value that begins like a number is none.
    InvalidNumber,
    /// A number does not fit a float.
    InvalidFloat,
    /// An integer does not fit 64 bits.
    IntegerOutOfRange(String),
    /// A value is neither a number nor quoted, and no boolean.
    InvalidBoolean,
    /// The timestamp is not a number.
    BadTimestamp,
    /// The timestamp does not fit 64 bits.
    TimestampOverflow(String),
    /// The time in nanoseconds does not fit 64 bits.
    TimeOutOfRange,
    /// Something stands behind the timestamp.
    InvalidPoint,
    /// The key is longer than InfluxDB allows; its bytes.
    KeyTooLong(usize),
    /// The line is not UTF-8.
    NotUtf8,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingMeasurement => "missing measurement",
            Self::MissingTagKey => "missing tag key",
            Self::MissingTagValue => "missing tag value",
            Self::InvalidTagFormat => "invalid tag format",
            Self::DuplicateTags => "duplicate tags",
            Self::MissingFields => "missing fields",
            Self::MissingFieldKey => "missing field key",
            Self::MissingFieldValue => "missing field value",
            Self::InvalidFieldFormat => "invalid field format",
            Self::InvalidValue(key) => return write!(f, "invalid value: field-key={key}"),
            Self::UnbalancedQuotes => "unbalanced quotes",
            Self::InvalidNumber => "invalid number",
            Self::InvalidFloat => "invalid float",
            Self::IntegerOutOfRange(digits) => {
                return write!(
                    f,
                    "unable to parse integer {digits}: strconv.ParseInt: parsing {digits:?}: value out of range"
                );
            }
            Self::InvalidBoolean => "invalid boolean",
            Self::BadTimestamp => "bad timestamp",
            Self::TimestampOverflow(digits) => {
                return write!(f, "strconv.ParseInt: parsing {digits:?}: value out of range");
            }
            Self::TimeOutOfRange => {
                let (min, max) = (crate::MIN_TIME_NS, crate::MAX_TIME_NS);
                return write!(f, "time outside range {min} - {max}");
            }
            Self::InvalidPoint => "point is invalid",
            Self::KeyTooLong(bytes) => {
                return write!(f, "max key length exceeded: {bytes} > {MAX_KEY_BYTES}");
            }
            Self::NotUtf8 => "invalid UTF-8",
        })
    }
}

impl std::error::Error for LineError {}

/// A point: the fields that one series has at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Point<'a> {
    /// Its measurement.
    pub measurement: Cow<'a, str>,
    /// Its tags, sorted by key, no key twice.
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Its fields, at least one. A key may stand twice: the later one counts.
    pub fields: Vec<(Cow<'a, str>, FieldValue<'a>)>,
    /// Nanoseconds since the Unix epoch; `None` when the line says no time.
    pub t_ns: Option<i64>,
}

impl<'a> Point<'a> {
    /// Reads a line without its newline.
    ///
    /// # Errors
    /// The first fault from the left.
    pub fn parse(line: &'a [u8], dialect: impl Into<Dialect>) -> Result<Self, LineError> {
        let dialect = dialect.into();
        std::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
        let mut cursor = Cursor::new(line);
        let mut tags = Vec::new();
        let (measurement, has_tags) = measurement(&mut cursor)?;
        if has_tags {
            while tag(&mut cursor, &mut tags)? {}
        }
        let key_bytes = cursor.at;
        tags.sort_by(|a, b| a.0.cmp(&b.0));
        if tags.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(LineError::DuplicateTags);
        }
        if key_bytes > MAX_KEY_BYTES {
            return Err(LineError::KeyTooLong(key_bytes));
        }
        let (fields, longest) = fields(&mut cursor, dialect)?;
        let bytes = key_bytes + FIELD_SEPARATOR_BYTES + longest;
        if bytes > MAX_KEY_BYTES {
            return Err(LineError::KeyTooLong(bytes));
        }
        let t_ns = timestamp(&mut cursor, dialect.precision)?;
        Ok(Self {
            measurement,
            tags,
            fields,
            t_ns,
        })
    }
}

fn text(bytes: &[u8]) -> Result<&str, LineError> {
    std::str::from_utf8(bytes).map_err(|_| LineError::NotUtf8)
}

/// The measurement, and whether tags follow.
fn measurement<'a>(cursor: &mut Cursor<'a>) -> Result<(Cow<'a, str>, bool), LineError> {
    if cursor.peek().is_none_or(|b| b == b',') {
        return Err(LineError::MissingMeasurement);
    }
    loop {
        cursor.at += 1;
        match cursor.peek() {
            None => return Err(LineError::MissingFields),
            Some(end @ (b',' | b' ')) if !cursor.is_escaped() => {
                let name = unescape(text(cursor.since(0))?, KEY);
                cursor.at += usize::from(end == b',');
                return Ok((name, end == b','));
            }
            Some(_) => {}
        }
    }
}

/// One tag; whether another follows.
fn tag<'a>(
    cursor: &mut Cursor<'a>,
    tags: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
) -> Result<bool, LineError> {
    let start = cursor.at;
    if cursor
        .peek()
        .is_none_or(|b| matches!(b, b' ' | b',' | b'='))
    {
        return Err(LineError::MissingTagKey);
    }
    loop {
        cursor.at += 1;
        match cursor.peek() {
            None => return Err(LineError::MissingTagValue),
            Some(_) if cursor.is_escaped() => {}
            Some(b' ' | b',') => return Err(LineError::MissingTagValue),
            Some(b'=') => break,
            Some(_) => {}
        }
    }
    let key = unescape(text(cursor.since(start))?, KEY);
    cursor.at += 1;
    let start = cursor.at;
    if cursor.peek().is_none_or(|b| matches!(b, b' ' | b',')) {
        return Err(LineError::MissingTagValue);
    }
    loop {
        cursor.at += 1;
        match cursor.peek() {
            None => return Err(LineError::MissingFields),
            Some(_) if cursor.is_escaped() => {}
            Some(b'=') => return Err(LineError::InvalidTagFormat),
            Some(end @ (b',' | b' ')) => {
                tags.push((key, unescape(text(cursor.since(start))?, KEY)));
                cursor.at += usize::from(end == b',');
                return Ok(end == b',');
            }
            Some(_) => {}
        }
    }
}

/// Fields of a point with their keys.
type Fields<'a> = Vec<(Cow<'a, str>, FieldValue<'a>)>;

/// The fields, and the bytes of the longest key.
fn fields<'a>(cursor: &mut Cursor<'a>, dialect: Dialect) -> Result<(Fields<'a>, usize), LineError> {
    cursor.skip_blanks();
    let mut fields = Vec::new();
    let mut longest = 0;
    // InfluxDB counts: a field with two values makes up for one that has none.
    let mut surplus = 0_usize;
    loop {
        let Some(key) = field_key(cursor)? else {
            return Err(match (surplus, fields.last()) {
                (0, _) | (_, None) => LineError::InvalidFieldFormat,
                _ => LineError::InvalidValue(lossy(cursor)),
            });
        };
        longest = longest.max(key.len());
        fields.push((unescape(text(key)?, KEY), value(cursor, dialect)?));
        while cursor.peek() == Some(b'=') {
            cursor.at += 1;
            value(cursor, dialect)?;
            surplus += 1;
        }
        match cursor.peek() {
            Some(b',') => cursor.at += 1,
            None | Some(b' ') if surplus == 0 => return Ok((fields, longest)),
            // Something stands behind the quotes of a string.
            _ => return Err(LineError::InvalidFieldFormat),
        }
    }
}

/// What stands between the last comma and the cursor.
fn lossy(cursor: &Cursor<'_>) -> String {
    let read = cursor.since(0);
    let key = read.rsplit(|&byte| byte == b',').next().unwrap_or_default();
    String::from_utf8_lossy(key).into_owned()
}

/// The value of a field.
fn value<'a>(cursor: &mut Cursor<'a>, dialect: Dialect) -> Result<FieldValue<'a>, LineError> {
    match cursor.peek() {
        None | Some(b',' | b' ') => Err(LineError::MissingFieldValue),
        Some(b'0'..=b'9' | b'.' | b'-' | b'N' | b'n') => field::number(cursor, dialect),
        Some(b'"') => field::string(cursor),
        Some(_) => field::boolean(cursor),
    }
}

/// The key of a field, up to its `=`, which is read too; `None` without an `=`.
fn field_key<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, LineError> {
    let start = cursor.at;
    loop {
        match cursor.peek() {
            Some(b'\\') if cursor.at + 1 < cursor.line.len() => cursor.at += 2,
            Some(b'=') if cursor.at == start => return Err(LineError::MissingFieldKey),
            Some(b'=') => {
                let key = cursor.since(start);
                cursor.at += 1;
                return Ok(Some(key));
            }
            None | Some(b' ' | b',') => return Ok(None),
            Some(_) => cursor.at += 1,
        }
    }
}

/// The timestamp in nanoseconds, if there is one, and nothing else.
fn timestamp(cursor: &mut Cursor<'_>, precision: Precision) -> Result<Option<i64>, LineError> {
    cursor.skip_blanks();
    let start = cursor.at;
    loop {
        match cursor.peek() {
            None | Some(b' ' | b'\n') => break,
            Some(b'-') if cursor.at == start => {}
            Some(b'0'..=b'9') => {}
            Some(_) => return Err(LineError::BadTimestamp),
        }
        cursor.at += 1;
    }
    let digits = text(cursor.since(start))?;
    if digits.is_empty() {
        return Ok(None);
    }
    let timestamp = match digits.parse() {
        Ok(timestamp) => timestamp,
        Err(_) if digits == "-" => return Err(LineError::BadTimestamp),
        Err(_) => return Err(LineError::TimestampOverflow(digits.to_owned())),
    };
    let t_ns = precision.to_nanoseconds(timestamp)?;
    let rest = cursor.line.get(cursor.at..).unwrap_or_default();
    if rest.iter().any(|&b| b != b' ') {
        return Err(LineError::InvalidPoint);
    }
    Ok(Some(t_ns))
}
