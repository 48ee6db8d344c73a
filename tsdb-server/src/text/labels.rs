//! Labels as they stand in a line.

use std::borrow::Cow;

use super::Format;
use super::lex::{Cursor, Fault, Quoted};

/// Labels as they stand in a line; they are known to be well formed, and each pass over them reads the text again.
#[derive(Clone, Debug)]
pub struct LabelText<'a> {
    /// After the opening brace, to the closing one and beyond.
    from: Option<Cursor<'a>>,
    format: Format,
    /// Whether a comma stands before the closing brace.
    pub(super) trailing_comma: bool,
}

/// What stands between two commas.
enum Entry<'a> {
    /// The name of the metric.
    Metric(Quoted<'a>),
    /// A label.
    Label(Cow<'a, str>, Quoted<'a>),
}

impl<'a> LabelText<'a> {
    pub(super) fn none(format: Format) -> Self {
        Self {
            from: None,
            format,
            trailing_comma: false,
        }
    }

    /// Reads labels behind an opening brace, and the name of the metric if it stands among them.
    pub(super) fn read(
        cursor: &mut Cursor<'a>,
        format: Format,
    ) -> Result<(Self, Option<Cow<'a, str>>), Fault> {
        let mut labels = Self {
            from: Some(cursor.clone()),
            format,
            trailing_comma: false,
        };
        let mut metric = None;
        let mut first = true;
        loop {
            let before = cursor.clone();
            match entry(cursor, format, first)? {
                None => {
                    labels.trailing_comma = before.rest().starts_with(',');
                    return Ok((labels, metric));
                }
                Some(Entry::Metric(_)) if metric.is_some() => {
                    return Err(before.fault("the metric name stands twice"));
                }
                Some(Entry::Metric(name)) => metric = Some(name.text()),
                Some(Entry::Label(..)) => {}
            }
            first = false;
        }
    }

    /// Names and values, in the order of the line.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        let format = self.format;
        let mut cursor = self.from.clone();
        let mut first = true;
        std::iter::from_fn(move || {
            loop {
                let entry = entry(cursor.as_mut()?, format, first).ok().flatten()?;
                first = false;
                if let Entry::Label(name, value) = entry {
                    return Some((name, value.text()));
                }
            }
        })
    }
}

/// The next entry; `None` after the closing brace.
fn entry<'a>(
    cursor: &mut Cursor<'a>,
    format: Format,
    first: bool,
) -> Result<Option<Entry<'a>>, Fault> {
    cursor.skip_blanks(format);
    if cursor.eat("}") {
        return Ok(None);
    }
    if !first {
        let comma = cursor.eat(",");
        // Prometheus's own format gets along without commas.
        if !comma && format == Format::OpenMetrics {
            return Err(cursor.fault("expected a comma or a closing brace"));
        }
        cursor.skip_blanks(format);
        if comma && cursor.eat("}") {
            return Ok(None);
        }
    }
    let name = match cursor.quoted() {
        Some(quoted) => {
            cursor.skip_blanks(format);
            if matches!(cursor.peek(), Some(b',' | b'}')) {
                return Ok(Some(Entry::Metric(quoted)));
            }
            quoted.text()
        }
        None => match cursor.name(false) {
            Some(name) => Cow::Borrowed(name),
            None => return Err(cursor.fault("expected a label name")),
        },
    };
    cursor.skip_blanks(format);
    if !cursor.eat("=") {
        return Err(cursor.fault("expected an equals sign"));
    }
    cursor.skip_blanks(format);
    match cursor.quoted() {
        Some(value) => Ok(Some(Entry::Label(name, value))),
        None => Err(cursor.fault("expected a label value in quotes, ending on this line")),
    }
}
