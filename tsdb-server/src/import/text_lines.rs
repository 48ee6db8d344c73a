//! Prometheus text and OpenMetrics, line by line.

use std::io::Read;

use tsdb_core::{METRIC_NAME, MetricMetadata, MetricType};

use super::lines::{Line, Lines};
use super::sink::{Sink, Summary};
use crate::ingest::{LabelSet, WriteError};
use crate::text::{Event, Format, Page, SampleLine, Strict};

/// The longest line, in bytes.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;

/// How a text is read.
#[derive(Clone, Debug)]
pub(crate) struct TextOptions {
    pub(crate) format: Format,
    /// The time of samples that tell none, in milliseconds; `None` refuses them.
    pub(crate) default_t_ms: Option<i64>,
    /// Labels that every series gets, in place of its own of these names.
    pub(crate) extra_labels: Vec<(String, String)>,
    /// Whether the first line that breaks a rule of OpenMetrics ends the import.
    pub(crate) strict: bool,
}

/// Reads lines into `sink`, and tells `after` each line what became of those so far.
///
/// # Errors
/// When the stream cannot be read or a batch not be written, and 400 at the first wrong line if `strict`.
pub(crate) fn import<R: Read>(
    lines: &mut Lines<R>,
    options: &TextOptions,
    sink: &mut Sink,
    mut after: impl FnMut(&Summary),
) -> Result<(), WriteError> {
    let limit = lines.limit();
    let mut page = Page::new(options.format);
    let mut rules = options.strict.then(Strict::default);
    let mut family = None;
    loop {
        let read = match lines.next().map_err(WriteError::from)? {
            None => break,
            Some(Line::Whole(line)) => page.line(line),
            Some(Line::TooLong) => Err(page.too_long(limit)),
        };
        let checked = read.and_then(|event| {
            if let Some(rules) = &mut rules {
                rules.check(&event).map_err(|rule| page.error(0, rule))?;
            }
            Ok(event)
        });
        match checked {
            Ok(Event::Sample(sample)) => {
                take_sample(&sample, options, sink, || page.place())?;
            }
            Ok(event) => take_metadata(event, &mut family, sink)?,
            Err(e) if options.strict => return Err(WriteError::bad_request(e.to_string())),
            Err(e) => sink.refuse("lines", 1, || e.to_string()),
        }
        after(sink.summary());
    }
    if let Some(family) = family {
        sink.add_metadata(family)?;
    }
    match page.end() {
        Err(e) if options.strict => Err(WriteError::bad_request(e.to_string())),
        Err(e) => {
            sink.refuse("ends of a page", 1, || e.to_string());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn take_sample(
    sample: &SampleLine<'_>,
    options: &TextOptions,
    sink: &mut Sink,
    place: impl FnOnce() -> String,
) -> Result<(), WriteError> {
    let Some(t_ms) = sample.t_ms.or(options.default_t_ms) else {
        sink.refuse("samples without a time", 1, || {
            format!("{}: the sample has no time", place())
        });
        return Ok(());
    };
    let own: Vec<_> = sample.labels.iter().collect();
    let extra = &options.extra_labels;
    let is_replaced = |name: &str| extra.iter().any(|(n, _)| n == name);
    let mut labels = LabelSet::default();
    if !is_replaced(METRIC_NAME) {
        labels.push(METRIC_NAME.as_bytes(), sample.name.as_bytes());
    }
    for (name, value) in &own {
        if !is_replaced(name) {
            labels.push(name.as_bytes(), value.as_bytes());
        }
    }
    for (name, value) in extra {
        labels.push(name.as_bytes(), value.as_bytes());
    }
    let exemplar = sample.exemplar.as_ref();
    let pairs = exemplar.map(|exemplar| exemplar.labels.iter().collect::<Vec<_>>());
    let mut exemplar_labels = LabelSet::default();
    for (name, value) in pairs.iter().flatten() {
        exemplar_labels.push(name.as_bytes(), value.as_bytes());
    }
    sink.add(&mut labels, 16, place, |series| {
        series.sample(t_ms, sample.value);
        // One whose labels are not valid is left out: it is an example, nothing more.
        if let (Some(exemplar), Ok(labels)) = (exemplar, exemplar_labels.canonical_of_any()) {
            let _ = series.exemplar(exemplar.t_ms.unwrap_or(t_ms), exemplar.value, labels); // canonical
        }
    })
}

/// Collects what the lines before the samples say of a family; what is known is written when the next family begins.
fn take_metadata(
    event: Event<'_>,
    known: &mut Option<MetricMetadata>,
    sink: &mut Sink,
) -> Result<(), WriteError> {
    let name = match &event {
        Event::Type { family, .. } | Event::Help { family, .. } | Event::Unit { family, .. } => {
            family
        }
        _ => return Ok(()),
    };
    if known.as_ref().is_none_or(|known| known.metric != *name) {
        let next = MetricMetadata {
            metric: name.clone().into_owned(),
            kind: MetricType::Unknown,
            help: String::new(),
            unit: String::new(),
        };
        if let Some(before) = known.replace(next) {
            sink.add_metadata(before)?;
        }
    }
    if let Some(known) = known {
        match event {
            Event::Type { kind, .. } => known.kind = kind,
            Event::Help { help, .. } => known.help = help.into_owned(),
            Event::Unit { unit, .. } => unit.clone_into(&mut known.unit),
            _ => {}
        }
    }
    Ok(())
}
