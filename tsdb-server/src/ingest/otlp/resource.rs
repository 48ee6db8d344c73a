//! What a resource gives to the series of its metrics: `job`, `instance`, promoted attributes, and `target_info`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::model::{Attribute, Scope};
use super::names;
use crate::config::Otlp;

/// Attributes that say which program it is.
const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// Labels by name.
pub(super) type Labels<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// The labels that all series of a resource have.
#[derive(Debug, Default)]
pub(super) struct Resource {
    /// `job` and `instance`, as far as they are known.
    identity: Vec<(&'static str, String)>,
    /// Promoted attributes, under the names of labels.
    promoted: Vec<(String, String)>,
    /// Labels of `target_info`, if there is to be one.
    pub(super) target_info: Option<Labels<'static>>,
    /// Why an attribute has no name that a label can have.
    pub(super) invalid: Option<String>,
}

impl Resource {
    pub(super) fn new(attributes: &[Attribute<'_>], settings: &Otlp) -> Self {
        let mut resource = Self {
            identity: identity(attributes),
            ..Self::default()
        };
        if let Err(reason) = resource.read(attributes, settings) {
            resource.invalid = Some(reason);
        }
        resource
    }

    fn read(&mut self, attributes: &[Attribute<'_>], settings: &Otlp) -> Result<(), String> {
        let mut sorted: Vec<_> = attributes.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, value) in sorted.iter().filter(|(key, _)| settings.promotes(key)) {
            let name = names::label(key, settings)?;
            if self.promoted.iter().all(|(known, _)| *known != name) {
                self.promoted.push((name, value.clone().into_owned()));
            }
        }
        let is_identifying = |key: &str| IDENTIFYING.contains(&key);
        let describes = attributes.iter().any(|(key, _)| !is_identifying(key));
        if describes && !self.identity.is_empty() {
            let keeps = settings.keep_identifying_resource_attributes;
            let kept = attributes
                .iter()
                .filter(|(key, _)| keeps || !is_identifying(key));
            let labels = labels(kept, settings)?;
            let labels = labels.into_iter();
            let mut labels: Labels<'static> = labels
                .map(|(name, value)| (name, Cow::Owned(value.into_owned())))
                .map(|(name, value)| (Cow::Owned(name.into_owned()), value))
                .collect();
            for (name, value) in &self.identity {
                labels.insert(Cow::Borrowed(*name), Cow::Owned(value.clone()));
            }
            self.target_info = Some(labels);
        }
        Ok(())
    }

    /// Adds its labels and those of a scope to those of a data point. Attributes of the data point win over promoted ones,
    /// the rest wins over both.
    pub(super) fn add_to<'a>(&'a self, scope: &'a [(String, String)], labels: &mut Labels<'a>) {
        for (name, value) in &self.promoted {
            labels
                .entry(Cow::Borrowed(name))
                .or_insert(Cow::Borrowed(value));
        }
        for (name, value) in scope {
            labels.insert(Cow::Borrowed(name), Cow::Borrowed(value));
        }
        for (name, value) in &self.identity {
            labels.insert(Cow::Borrowed(name), Cow::Borrowed(value));
        }
    }
}

fn identity(attributes: &[Attribute<'_>]) -> Vec<(&'static str, String)> {
    let find = |name: &str| {
        let found = attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| &**value)
    };
    let mut identity = Vec::new();
    if let Some(name) = find("service.name") {
        let job = match find("service.namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        };
        identity.push(("job", job));
    }
    if let Some(id) = find("service.instance.id") {
        identity.push(("instance", id.to_owned()));
    }
    identity.retain(|(_, value)| !value.is_empty());
    identity
}

/// The labels of a scope, if they are promoted.
///
/// # Errors
/// Why an attribute has no name that a label can have.
pub(super) fn scope_labels(
    scope: &Scope<'_>,
    settings: &Otlp,
) -> Result<Vec<(String, String)>, String> {
    if !settings.promote_scope_metadata || scope.name.is_empty() {
        return Ok(Vec::new());
    }
    let mut labels = Labels::new();
    for (key, value) in &scope.attributes {
        let name = names::label(&format!("otel_scope_{key}"), settings)?;
        labels.insert(Cow::Owned(name), value.clone());
    }
    for (name, value) in [
        ("otel_scope_name", &scope.name),
        ("otel_scope_version", &scope.version),
        ("otel_scope_schema_url", &scope.schema_url),
    ] {
        labels.insert(Cow::Borrowed(name), value.clone());
    }
    let labels = labels.into_iter();
    Ok(labels
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect())
}

/// Attributes as labels. The values of those that come to have the same name are joined, in the order of their keys.
///
/// # Errors
/// Why an attribute has no name that a label can have.
pub(super) fn labels<'a>(
    attributes: impl IntoIterator<Item = &'a Attribute<'a>>,
    settings: &Otlp,
) -> Result<Labels<'a>, String> {
    let mut sorted: Vec<_> = attributes.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut labels = Labels::new();
    for (key, value) in sorted {
        let name = Cow::Owned(names::label(key, settings)?);
        match labels.get_mut(&name) {
            Some(present) => {
                let joined = present.to_mut();
                joined.push(';');
                joined.push_str(value);
            }
            None => {
                labels.insert(name, Cow::Borrowed(value));
            }
        }
    }
    Ok(labels)
}
