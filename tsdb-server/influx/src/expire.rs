//! Retention policies: what is older than they say is deleted, a shard's length at a time, as InfluxDB drops whole shards.

use std::collections::HashMap;

use crate::error::Result;
use crate::exec;
use crate::handle::Influx;
use crate::store;

/// Up to which time the points of a database's policy were deleted, in nanoseconds.
pub(crate) type Expired = HashMap<(String, String), i64>;

impl Influx {
    /// Deletes the points that retention policies do not keep any longer: those before the start of the shard that the
    /// oldest point to be kept would be in. Does nothing where that has not moved since the last call.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) and [`Error::Catalog`](crate::Error::Catalog); what is left is deleted by the next call.
    pub fn expire(&self, now_ns: i64) -> Result<()> {
        let mut expired = self.expired.lock();
        let mut due = HashMap::new();
        for database in self.catalog.read().databases() {
            for policy in &database.policies {
                if let Some(start_ns) = policy.first_shard_ns(now_ns) {
                    due.insert((database.name.clone(), policy.name.clone()), start_ns);
                }
            }
        }
        // A policy that was changed, or dropped and made again, is looked at anew.
        expired.retain(|policy, done_ns| due.get(policy) == Some(done_ns));
        for (policy, start_ns) in due {
            if expired.contains_key(&policy) {
                continue;
            }
            let matchers = exec::policy_matchers(&policy.0, &policy.1);
            store::delete(&self.db, &[&matchers], (crate::MIN_TIME_NS, start_ns - 1))?;
            exec::forget_empty(self, &policy.0)?;
            expired.insert(policy, start_ns);
        }
        Ok(())
    }
}
