//! The catalogue: which databases, retention policies, fields and users there are.
//!
//! * [`State`] is plain data; [`Change`] is one step from a state to the next, and `State::apply` cannot fail.
//! * [`Catalog`] makes a change durable before anyone can see it: what is written under a field that the catalogue does
//!   not know would have no type after a crash.
//! * The file is a journal of changes (`docs/format/influx-catalog.md`), written anew at every open.

mod change;
mod journal;
mod state;

use std::path::Path;

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

pub(crate) use change::Change;
pub(crate) use state::{Database, Field, Policy, State};

use crate::error::{Error, Result};
use journal::Journal;

/// Fields of all databases together, at most.
const MAX_FIELDS: usize = 1_000_000;

/// The catalogue of a store.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// Whoever changes the catalogue holds this from reading the state to applying the change; readers never wait for
    /// the disk. `None` for a store in memory.
    journal: Mutex<Option<Journal>>,
    state: RwLock<State>,
}

impl Catalog {
    /// The catalogue of the store in `dir`, or one in memory.
    pub(crate) fn open(dir: Option<&Path>) -> Result<Self> {
        let (journal, state) = match dir {
            Some(dir) => {
                let (journal, state) = Journal::open(dir).map_err(Error::Catalog)?;
                (Some(journal), state)
            }
            None => (None, State::default()),
        };
        Ok(Self {
            journal: Mutex::new(journal),
            state: RwLock::new(state),
        })
    }

    /// The present state. Held only while names are looked up.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read()
    }

    /// Applies the changes that `plan` makes of the state; they are durable when this returns.
    pub(crate) fn change<T>(
        &self,
        plan: impl FnOnce(&State) -> Result<(Vec<Change>, T)>,
    ) -> Result<T> {
        let mut journal = self.journal.lock();
        let (changes, value) = plan(&self.state.read())?;
        if changes.is_empty() {
            return Ok(value);
        }
        let added = changes.iter().filter(|change| change.adds_field()).count();
        if self.state.read().fields() + added > MAX_FIELDS {
            let message = format!("the catalogue holds {MAX_FIELDS} fields, no more are allowed");
            return Err(Error::Limit(message));
        }
        if let Some(journal) = journal.as_mut() {
            journal.append(&changes).map_err(Error::Catalog)?;
        }
        let mut state = self.state.write();
        changes.iter().for_each(|change| state.apply(change));
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
