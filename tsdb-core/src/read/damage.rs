//! What could not be read of a snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Error;

/// Damage met while the series of a snapshot were read, each told once. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct DamageLog(
    // Taken only where something is damaged, and once at the end.
    Arc<Mutex<BTreeSet<String>>>,
);

impl DamageLog {
    pub(super) fn add(&self, damage: &Error) {
        let text = damage.to_string();
        if self.0.lock().insert(text) {
            tracing::warn!(error = %damage, "a part of a run is damaged, the rest is read");
        }
    }

    pub(super) fn add_text(&self, text: String) {
        self.0.lock().insert(text);
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}
