//! Text that must not be shown.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A secret. It has no way into an answer or a log but [`expose`](Self::expose).
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // What is there instead of text is not repeated.
        let text = String::deserialize(from);
        text.map(Self)
            .map_err(|_| serde::de::Error::custom("expected text"))
    }
}
