//! Bearer tokens.

use std::collections::HashMap;

use super::access::Scopes;
use super::keyed::{Hash, Keyed};

/// The tokens there are, by their hashes.
#[derive(Debug)]
pub(crate) struct Tokens {
    keyed: Keyed,
    scopes: HashMap<Hash, Scopes>,
}

impl Tokens {
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn new() -> Result<Self, String> {
        Ok(Self {
            keyed: Keyed::new()?,
            scopes: HashMap::new(),
        })
    }

    /// Adds a token; false when it is there already.
    pub(crate) fn add(&mut self, token: &str, scopes: Scopes) -> bool {
        let hash = self.keyed.hash(&[token.as_bytes()]);
        self.scopes.insert(hash, scopes).is_none()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// What who has this token may do.
    pub(super) fn verify(&self, token: &str) -> Option<Scopes> {
        let hash = self.keyed.hash(&[token.as_bytes()]);
        self.scopes.get(&hash).copied()
    }
}
