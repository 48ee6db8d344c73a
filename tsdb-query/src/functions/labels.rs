//! `label_replace` and `label_join`: new labels out of old ones.

use tsdb_core::{LabelError, LabelRegex, Labels, MAX_LABEL_SET_BYTES};

/// A checked call of `label_replace(v, dst, replacement, src, regex)`.
#[derive(Clone, Debug)]
pub(crate) struct LabelReplace {
    dst: String,
    replacement: Template,
    src: String,
    regex: LabelRegex,
}

impl LabelReplace {
    /// Checks the arguments.
    ///
    /// # Errors
    /// The text of the query's error.
    pub(crate) fn new(
        dst: &str,
        replacement: &str,
        src: &str,
        regex: &str,
    ) -> Result<Self, String> {
        let compiled = LabelRegex::new(regex)
            .map_err(|_| format!("invalid regular expression in label_replace(): {regex}"))?;
        if dst.is_empty() {
            return Err(format!(
                "invalid destination label name in label_replace(): {dst}"
            ));
        }
        Ok(Self {
            dst: dst.to_owned(),
            replacement: Template::parse(replacement),
            src: src.to_owned(),
            regex: compiled,
        })
    }

    /// The label that is written.
    pub(crate) fn destination(&self) -> &str {
        &self.dst
    }

    /// The new labels; `None` when the value of the source label does not match, and the labels stay.
    ///
    /// # Errors
    /// [`LabelError::TooLarge`]
    pub(crate) fn apply(&self, labels: &Labels) -> Result<Option<Labels>, LabelError> {
        let source = labels.get(&self.src).unwrap_or("");
        let Some(groups) = self.regex.captures(source) else {
            return Ok(None);
        };
        let value = self.replacement.expand(&groups, &self.regex);
        with_label(labels, &self.dst, &value).map(Some)
    }
}

/// A checked call of `label_join(v, dst, separator, src, …)`.
#[derive(Clone, Debug)]
pub(crate) struct LabelJoin {
    dst: String,
    separator: String,
    sources: Vec<String>,
}

impl LabelJoin {
    /// Checks the arguments.
    ///
    /// # Errors
    /// The text of the query's error.
    pub(crate) fn new(dst: &str, separator: &str, sources: &[&str]) -> Result<Self, String> {
        if sources.iter().any(|name| name.is_empty()) {
            return Err("invalid source label name in label_join(): ".to_owned());
        }
        if dst.is_empty() {
            return Err("invalid destination label name in label_join(): ".to_owned());
        }
        Ok(Self {
            dst: dst.to_owned(),
            separator: separator.to_owned(),
            sources: sources.iter().map(|&s| s.to_owned()).collect(),
        })
    }

    /// The label that is written.
    pub(crate) fn destination(&self) -> &str {
        &self.dst
    }

    /// The new labels. An absent source counts as the empty string.
    ///
    /// # Errors
    /// [`LabelError::TooLarge`]
    pub(crate) fn apply(&self, labels: &Labels) -> Result<Labels, LabelError> {
        let values = self.sources.iter().enumerate().flat_map(|(i, name)| {
            let separator = if i == 0 { "" } else { &self.separator };
            [separator, labels.get(name).unwrap_or("")]
        });
        with_label(labels, &self.dst, &bounded(values))
    }
}

/// The pieces one after the other. It ends with the first that makes the whole too large for a label: short texts may stand for
/// very long ones.
fn bounded<'a>(pieces: impl Iterator<Item = &'a str>) -> String {
    let mut whole = String::new();
    for piece in pieces {
        whole.push_str(piece);
        if whole.len() > MAX_LABEL_SET_BYTES {
            break;
        }
    }
    whole
}

fn with_label(labels: &Labels, name: &str, value: &str) -> Result<Labels, LabelError> {
    let mut builder = labels.to_builder();
    builder.set(name, value);
    builder.build()
}

/// A replacement with references to groups, by the rules of Go's `Regexp.Expand`.
///
/// `$name` takes as many letters, digits and underscores as follow, `${name}` ends at the brace, `$$` is a dollar sign.
/// A number without leading zeros is a group's number. What is none of these stands for itself; an unknown group is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Number(usize),
    Name(String),
}

impl Template {
    fn parse(template: &str) -> Self {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            rest = after;
            if let Some(tail) = rest.strip_prefix('$') {
                text.push('$');
                rest = tail;
            } else if let Some((reference, tail)) = parse_reference(rest) {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(reference);
                rest = tail;
            } else {
                text.push('$');
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Self(pieces)
    }

    fn expand(&self, groups: &[Option<&str>], regex: &LabelRegex) -> String {
        let group = |i: usize| groups.get(i).copied().flatten().unwrap_or("");
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Number(i) => group(*i),
            Piece::Name(name) => regex.group_number(name).map_or("", group),
        });
        bounded(pieces)
    }
}

/// The reference that `rest` (after a dollar sign) begins with, and what follows it.
fn parse_reference(rest: &str) -> Option<(Piece, &str)> {
    let (body, braced) = match rest.strip_prefix('{') {
        Some(body) => (body, true),
        None => (rest, false),
    };
    let end = body
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(body.len());
    let (name, mut tail) = body.split_at(end);
    if name.is_empty() {
        return None;
    }
    if braced {
        tail = tail.strip_prefix('}')?;
    }
    let is_number =
        name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    let piece = match name.parse() {
        Ok(number) if is_number => Piece::Number(number),
        _ => Piece::Name(name.to_owned()),
    };
    Some((piece, tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn replace(value: &str, replacement: &str, regex: &str) -> Option<String> {
        let labels = Labels::from_pairs([("src", value)]).unwrap();
        let call = LabelReplace::new("dst", replacement, "src", regex).unwrap();
        let new = call.apply(&labels).unwrap()?;
        Some(new.get("dst").unwrap_or("").to_owned())
    }

    #[test]
    fn groups_by_number_and_name() {
        let v = "source-value-10";
        assert_eq!(
            replace(v, "value-$1", "source-value-(.*)").unwrap(),
            "value-10"
        );
        assert_eq!(
            replace(v, "${n}s", "source-value-(?P<n>.*)").unwrap(),
            "10s"
        );
        assert_eq!(replace(v, "$$1 $0", ".*").unwrap(), "$1 source-value-10");
        assert_eq!(replace(v, "$1x|$9|$", "(.*)").unwrap(), "||$");
        assert_eq!(replace(v, "${1|$-|${}", "(.*)").unwrap(), "${1|$-|${}");
        // Leading zeros make a name of it.
        assert_eq!(replace(v, "$01", "(.*)").unwrap(), "");
        // A group that took no part is empty.
        assert_eq!(replace(v, "[$1]", "(x)?.*").unwrap(), "[]");
    }

    #[test]
    fn the_whole_value_must_match() {
        assert_eq!(replace("source", "x", "sour"), None);
        // An absent source is the empty string.
        assert_eq!(replace("", "x", "").unwrap(), "x");
        assert_eq!(replace("a\nb", "$1", "a(.)b").unwrap(), "\n");
    }

    #[test]
    fn an_empty_result_removes_the_label() {
        let labels = Labels::from_pairs([("dst", "old"), ("src", "x")]).unwrap();
        let call = LabelReplace::new("dst", "", "src", ".*").unwrap();
        assert_eq!(
            call.apply(&labels).unwrap(),
            Some(Labels::from_pairs([("src", "x")]).unwrap())
        );
    }

    #[test]
    fn arguments_are_checked() {
        assert_eq!(
            LabelReplace::new("dst", "", "src", "(.*").unwrap_err(),
            "invalid regular expression in label_replace(): (.*"
        );
        assert_eq!(
            LabelReplace::new("", "", "src", "").unwrap_err(),
            "invalid destination label name in label_replace(): "
        );
        assert!(LabelJoin::new("dst", "-", &[""]).is_err());
        assert!(LabelJoin::new("", "-", &[]).is_err());
    }

    #[test]
    fn join_keeps_empty_places() {
        let labels = Labels::from_pairs([("a", "1"), ("c", "3")]).unwrap();
        let join = |separator, sources: &[&str]| {
            let call = LabelJoin::new("dst", separator, sources).unwrap();
            call.apply(&labels).unwrap().get("dst").map(str::to_owned)
        };
        assert_eq!(join("-", &["a", "b", "c"]).as_deref(), Some("1--3"));
        assert_eq!(join("-", &[]), None);
        assert_eq!(join("", &["b"]), None);
    }

    proptest! {
        #[test]
        fn text_without_dollars_is_itself(text in "[^$]{0,20}") {
            prop_assert_eq!(replace("v", &text, ".*").unwrap(), text);
        }

        #[test]
        fn any_template_parses(template in "\\PC{0,20}") {
            Template::parse(&template);
        }
    }
}
