//! Log lines on stderr: logfmt or JSON.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogFormat, LogLevel};

/// Sends log lines to stderr. Only the first call has an effect.
pub fn init(level: LogLevel, format: LogFormat) {
    let filter = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let logs = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(std::io::stderr);
    // An error means that a subscriber is there already.
    let _ = match format {
        LogFormat::Logfmt => logs.event_format(Logfmt).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}

/// `ts=2026-01-02T03:04:05.678Z level=info msg="…" key=value`
struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            _ => "debug",
        };
        let mut line = Line::default();
        event.record(&mut line);
        let ts = jiff::Timestamp::now();
        writeln!(
            writer,
            "ts={ts:.3} level={level} msg={}{}",
            quoted(&line.message),
            line.fields
        )
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn add(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            let _ = write!(self.fields, " {}={}", field.name(), quoted(&value)); // a string takes everything
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

/// A value as logfmt has it: bare when it is one plain word.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\');
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("{value:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn only_plain_words_are_bare() {
        assert_eq!(quoted("ready"), "ready");
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted("a=\"\n"), "\"a=\\\"\\n\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
