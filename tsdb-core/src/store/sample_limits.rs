//! Which samples are too new or too old to be taken.

use std::borrow::Cow;
use std::sync::Arc;

use super::Store;
use super::write::RejectReason;
use crate::model::{Labels, TimeUnit};
use crate::retention::Retention;

/// What samples are measured by.
pub(super) struct Limits {
    newest_allowed_ms: i64,
    /// Older than this is too old in every retention class.
    oldest_allowed_ms: i64,
    /// Not older than this is not too old in any.
    kept_by_all_ms: i64,
    retention: Arc<Retention>,
    /// What ages count back from.
    reference_ms: i64,
}

impl Limits {
    /// Those of this moment.
    pub(super) fn of(store: &Store) -> Self {
        let retention = store.retention();
        let reference_ms = store.retention_reference_ms().unwrap_or(i64::MIN);
        Self {
            newest_allowed_ms: match store.options.future_limit_ms {
                Some(limit_ms) => store.clock.now_ms().saturating_add(limit_ms),
                None => i64::MAX,
            },
            oldest_allowed_ms: retention.last_cutoff_ms(reference_ms).unwrap_or(i64::MIN),
            kept_by_all_ms: retention.first_cutoff_ms(reference_ms).unwrap_or(i64::MIN),
            retention,
            reference_ms,
        }
    }

    /// How many retention classes there are, with the one of all others.
    pub(super) fn classes(&self) -> usize {
        self.retention.classes.len() + 1
    }

    /// Why a sample of the series with these labels and this unit is refused, if it is.
    #[inline]
    pub(super) fn check<'a>(
        &self,
        t_ms: i64,
        unit: TimeUnit,
        canonical: impl FnOnce() -> Cow<'a, [u8]>,
    ) -> Option<RejectReason> {
        if t_ms > self.newest_allowed_ms {
            Some(RejectReason::TooFarInFuture)
        } else if t_ms >= self.kept_by_all_ms {
            None
        } else if t_ms < self.oldest_allowed_ms || self.is_too_old(t_ms, unit, &canonical()) {
            Some(RejectReason::TooOld)
        } else {
            None
        }
    }

    /// Whether a sample is too old for the class of its series.
    #[cold]
    fn is_too_old(&self, t_ms: i64, unit: TimeUnit, canonical: &[u8]) -> bool {
        let retention = &self.retention;
        // They were checked when the batch was filled.
        let labels = || Labels::from_canonical(canonical).unwrap_or_else(|_| Labels::empty());
        let class = retention.class_of(unit, labels);
        let cutoff_ms = retention.cutoff_ms(class, retention.checksum(), self.reference_ms);
        cutoff_ms.is_some_and(|cutoff_ms| t_ms < cutoff_ms)
    }
}
