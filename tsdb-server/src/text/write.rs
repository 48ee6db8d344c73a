//! Writing Prometheus's text format.

use tsdb_core::{Labels, METRIC_NAME};

use crate::api::json::float;

/// The metric family that was written last.
#[derive(Debug, Default)]
pub(crate) struct Family(String);

/// Writes a sample of a series whose type is not told, with its time in milliseconds, and the `# TYPE` line before the
/// first of each metric name. `more` are labels for series that do not have them; they may be empty.
pub(crate) fn write_untyped(
    out: &mut Vec<u8>,
    family: &mut Family,
    labels: &Labels,
    more: &[(&str, &str)],
    (t_ms, value): (i64, f64),
) {
    let name = labels.metric_name();
    let is_plain = is_metric_name(name);
    if family.0 != name {
        name.clone_into(&mut family.0);
        out.extend_from_slice(b"# TYPE ");
        write_name(out, name, is_plain);
        out.extend_from_slice(b" untyped\n");
    }
    // A name that needs quotes stands among the labels.
    let mut separator = b'{';
    if is_plain {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(separator);
        write_name(out, name, false);
        separator = b',';
    }
    let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let missing = more.iter().filter(|(name, _)| labels.get(name).is_none());
    for (name, value) in own.chain(missing.copied()) {
        out.push(separator);
        separator = b',';
        write_name(out, name, is_label_name(name));
        out.push(b'=');
        write_quoted(out, value);
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

fn write_name(out: &mut Vec<u8>, name: &str, is_plain: bool) {
    if is_plain {
        out.extend_from_slice(name.as_bytes());
    } else {
        write_quoted(out, name);
    }
}

fn write_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Whether the name needs no quotes.
fn is_label_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_metric_name(name: &str) -> bool {
    is_label_name(&name.replace(':', "_"))
}
