//! The rules of OpenMetrics that Prometheus does not insist on: what belongs to a metric family, in which order, and
//! which values it may have.

use std::borrow::Cow;
use std::collections::HashSet;

use tsdb_core::MetricType;

use super::event::{Event, Exemplar, SampleLine};
use super::lex::float;
use super::strict_histogram::Point;

/// The most characters of the labels of an exemplar, names and values together.
const MAX_EXEMPLAR_CHARS: usize = 128;

/// What a rule says that was broken.
pub(super) type Broken = Cow<'static, str>;

/// Checks the events of a page against the rules of OpenMetrics 1.0.
#[derive(Debug, Default)]
pub struct Strict {
    /// The names of all families that ended, and of all samples that they may have.
    taken: HashSet<String>,
    family: Option<Family>,
}

/// Sorted names and values of labels: those of a metric, without what tells its samples apart.
type Metric = Vec<(String, String)>;

/// The metric family whose lines are being read.
#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: Option<MetricType>,
    helped: bool,
    unit: Option<String>,
    has_samples: bool,
    seen: HashSet<Metric>,
    current: Option<Metric>,
    /// Time of the last sample of the current metric.
    t_ms: Option<i64>,
    point: Point,
}

impl Strict {
    /// Takes the next event of the page.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&mut self, event: &Event<'_>) -> Result<(), Cow<'static, str>> {
        match event {
            Event::Blank | Event::Comment(_) => Ok(()),
            Event::Type { family, kind } => {
                let family = self.described(family)?;
                if family.kind.replace(*kind).is_some() {
                    return Err("the TYPE of this family stands twice".into());
                }
                Ok(())
            }
            Event::Help { family, .. } => {
                let family = self.described(family)?;
                if std::mem::replace(&mut family.helped, true) {
                    return Err("the HELP of this family stands twice".into());
                }
                Ok(())
            }
            Event::Unit { family, unit } => {
                let family = self.described(family)?;
                if family.unit.replace((*unit).to_owned()).is_some() {
                    return Err("the UNIT of this family stands twice".into());
                }
                Ok(())
            }
            Event::Sample(sample) => self.sample(sample),
            Event::End => self.end_family(),
        }
    }

    /// The family that a line of metadata is about.
    fn described(&mut self, name: &str) -> Result<&mut Family, Broken> {
        let goes_on = self.family.as_ref().is_some_and(|f| f.name == name);
        if !goes_on {
            self.begin_family(name)?;
        }
        let family = self.family.get_or_insert_default();
        if family.has_samples {
            return Err("the metadata of a family stands before its samples".into());
        }
        Ok(family)
    }

    fn begin_family(&mut self, name: &str) -> Result<(), Broken> {
        self.end_family()?;
        self.family = Some(Family {
            name: name.to_owned(),
            ..Family::default()
        });
        Ok(())
    }

    fn end_family(&mut self) -> Result<(), Broken> {
        let Some(mut family) = self.family.take() else {
            return Ok(());
        };
        family.end_point()?;
        let has_unit = family.unit.as_ref().is_some_and(|unit| !unit.is_empty());
        let kind = family.kind();
        if has_unit && matches!(kind, MetricType::Info | MetricType::Stateset) {
            return Err(format!("a family of type {} has no unit", kind.as_str()).into());
        }
        let own = suffixes(kind);
        let bare = (!own.contains(&"")).then_some(&"");
        for suffix in own.iter().chain(bare) {
            let name = format!("{}{suffix}", family.name);
            if let Some(name) = self.taken.replace(name) {
                return Err(format!("the name {name} is already that of another family").into());
            }
        }
        Ok(())
    }

    fn sample(&mut self, sample: &SampleLine<'_>) -> Result<(), Broken> {
        let suffix_in = |family: &Family| {
            let suffix = sample.name.strip_prefix(family.name.as_str())?;
            let known = suffixes(family.kind()).iter();
            known.copied().find(|known| *known == suffix)
        };
        let suffix = match self.family.as_ref().and_then(suffix_in) {
            Some(suffix) => suffix,
            None => {
                self.begin_family(&sample.name)?;
                ""
            }
        };
        self.family.get_or_insert_default().sample(sample, suffix)
    }
}

impl Family {
    fn kind(&self) -> MetricType {
        self.kind.unwrap_or(MetricType::Unknown)
    }

    fn sample(&mut self, sample: &SampleLine<'_>, suffix: &'static str) -> Result<(), Broken> {
        let kind = self.kind();
        self.has_samples = true;
        if sample.labels.trailing_comma {
            return Err("a comma stands before the closing brace".into());
        }
        let mut labels: Metric = sample
            .labels
            .iter()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        labels.sort_unstable();
        if labels.windows(2).any(|two| two[0].0 == two[1].0) {
            return Err("a label name stands twice".into());
        }
        check_value(kind, suffix, sample.value)?;
        if let Some(exemplar) = &sample.exemplar {
            check_exemplar(suffix, exemplar)?;
        }
        let distinct = self.take_distinct(kind, suffix, &mut labels)?;
        self.order(labels, sample.t_ms)?;
        match kind {
            MetricType::Histogram | MetricType::GaugeHistogram => {
                self.point.add(suffix, distinct.as_deref(), sample.value)
            }
            _ => Ok(()),
        }
    }

    /// Takes away the label that tells the samples of a metric apart, and checks it.
    fn take_distinct(
        &self,
        kind: MetricType,
        suffix: &str,
        labels: &mut Metric,
    ) -> Result<Option<String>, Broken> {
        let name = match (kind, suffix) {
            (_, "_bucket") => "le",
            (MetricType::Summary, "") => "quantile",
            (MetricType::Stateset, "") => &self.name,
            _ => return Ok(None),
        };
        let Some(at) = labels.iter().position(|(n, _)| n == name) else {
            return Err(format!("the label {name} is missing").into());
        };
        let (_, value) = labels.remove(at);
        if name == "quantile" && !float(&value).is_some_and(|q| (0.0..=1.0).contains(&q)) {
            return Err("a quantile is not a number from 0 to 1".into());
        }
        Ok(Some(value))
    }

    /// The samples of a metric stand together, their times do not fall, and all of them have one or none.
    fn order(&mut self, metric: Metric, t_ms: Option<i64>) -> Result<(), Broken> {
        if self.current.as_ref() == Some(&metric) {
            match (self.t_ms, t_ms) {
                (None, None) => {}
                (Some(last), Some(t_ms)) if last > t_ms => {
                    return Err("the times of a metric fall".into());
                }
                (Some(last), Some(t_ms)) if last == t_ms => {}
                (Some(_), Some(_)) => self.end_point()?,
                _ => return Err("only some samples of a metric have a time".into()),
            }
        } else {
            self.end_point()?;
            if !self.seen.insert(metric.clone()) {
                return Err("the samples of a metric do not stand together".into());
            }
            self.current = Some(metric);
        }
        self.t_ms = t_ms;
        Ok(())
    }

    fn end_point(&mut self) -> Result<(), Broken> {
        std::mem::take(&mut self.point).end()
    }
}

/// What the names of the samples of a type have behind that of the family.
fn suffixes(kind: MetricType) -> &'static [&'static str] {
    match kind {
        MetricType::Counter => &["_total", "_created"],
        MetricType::Summary => &["", "_count", "_sum", "_created"],
        MetricType::Histogram => &["_bucket", "_count", "_sum", "_created"],
        MetricType::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        MetricType::Info => &["_info"],
        MetricType::Unknown | MetricType::Gauge | MetricType::Stateset => &[""],
    }
}

fn check_value(kind: MetricType, suffix: &str, value: f64) -> Result<(), Broken> {
    let broken = match (kind, suffix) {
        (_, "_total" | "_bucket" | "_count" | "_sum" | "_gcount") => value.is_nan() || value < 0.0,
        (MetricType::Summary, "") => value < 0.0,
        (_, "_gsum") => value.is_nan(),
        (MetricType::Info, _) => value != 1.0,
        (MetricType::Stateset, _) => value != 0.0 && value != 1.0,
        _ => false,
    };
    match broken {
        true => Err(format!(
            "{value} is no value for a sample {suffix} of type {}",
            kind.as_str()
        )
        .into()),
        false => Ok(()),
    }
}

fn check_exemplar(suffix: &str, exemplar: &Exemplar<'_>) -> Result<(), Broken> {
    if !matches!(suffix, "_total" | "_bucket") {
        return Err("only counters and buckets have exemplars".into());
    }
    let labels = exemplar.labels.iter();
    let chars: usize = labels
        .map(|(name, value)| name.chars().count() + value.chars().count())
        .sum();
    if chars > MAX_EXEMPLAR_CHARS {
        return Err(format!(
            "the labels of an exemplar have more than {MAX_EXEMPLAR_CHARS} characters"
        )
        .into());
    }
    Ok(())
}
