//! Writing Prometheus's text format.

use std::borrow::Cow;

use tsdb_core::{Labels, METRIC_NAME};

use crate::api::json::float;

/// Writes samples of series whose types are not told.
#[derive(Debug)]
pub(crate) struct UntypedWriter {
    /// The metric name that was written last.
    family: String,
    utf8_names: bool,
}

impl UntypedWriter {
    /// Names that are not of the old alphabet are written in quotes if the reader understands that (`utf8_names`), else
    /// with underscores, as Prometheus does.
    pub(crate) fn new(utf8_names: bool) -> Self {
        Self {
            family: String::new(),
            utf8_names,
        }
    }

    /// Writes a sample with its time in milliseconds, and the `# TYPE` line before the first of each metric name. `more`
    /// are labels for series that do not have them; they may be empty.
    pub(crate) fn write(
        &mut self,
        out: &mut Vec<u8>,
        labels: &Labels,
        more: &[(&str, &str)],
        (t_ms, value): (i64, f64),
    ) {
        let name = labels.metric_name();
        let written = self.name(name, true);
        if self.family != name {
            name.clone_into(&mut self.family);
            out.extend_from_slice(b"# TYPE ");
            out.extend_from_slice(written.as_bytes());
            out.extend_from_slice(b" untyped\n");
        }
        // A name in quotes stands among the labels.
        let mut separator = b'{';
        if written.starts_with('"') {
            out.push(separator);
            separator = b',';
        }
        out.extend_from_slice(written.as_bytes());
        let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
        let missing = more.iter().filter(|(name, _)| labels.get(name).is_none());
        for (name, value) in own.chain(missing.copied()) {
            out.push(separator);
            separator = b',';
            out.extend_from_slice(self.name(name, false).as_bytes());
            out.push(b'=');
            out.extend_from_slice(quoted(value).as_bytes());
        }
        if separator == b',' {
            out.push(b'}');
        }
        out.push(b' ');
        // The bounds are those of Go's format %g; and zero has no sign here.
        float(out, value + 0.0, 1e-4..1e6);
        out.push(b' ');
        out.extend_from_slice(itoa::Buffer::new().format(t_ms).as_bytes());
        out.push(b'\n');
    }

    /// A name as it stands in the text.
    fn name<'a>(&self, name: &'a str, colons: bool) -> Cow<'a, str> {
        let fits = |(i, c): (usize, char)| {
            c.is_ascii_alphabetic() || c == '_' || colons && c == ':' || i > 0 && c.is_ascii_digit()
        };
        if !name.is_empty() && name.char_indices().all(fits) {
            return Cow::Borrowed(name);
        }
        if self.utf8_names {
            return Cow::Owned(quoted(name));
        }
        let chars = name.char_indices();
        Cow::Owned(chars.map(|at| if fits(at) { at.1 } else { '_' }).collect())
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
