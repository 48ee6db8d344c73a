//! The cores of the machine, shared by the queries of an engine: a query works on one, and a large one on those that are idle too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts who works. More queries than cores may run; then nobody helps.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    cores: usize,
    busy: Arc<AtomicUsize>,
}

/// One core, as long as it lives.
#[derive(Debug)]
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Cores {
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            cores,
            busy: Arc::default(),
        }
    }

    /// A core for a query, idle or not.
    pub(crate) fn enter(&self) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(&self.busy))
    }

    /// A core that was idle.
    pub(crate) fn idle(&self) -> Option<Busy> {
        let one_more = |busy| (busy < self.cores).then_some(busy + 1);
        self.busy
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Busy(Arc::clone(&self.busy)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_cores_are_those_that_no_query_has() {
        let cores = Cores::new(3);
        let queries = (cores.enter(), cores.clone().enter());
        let helper = cores.idle();
        assert!(helper.is_some() && cores.idle().is_none());
        let crowd = (cores.enter(), cores.enter());
        drop((queries, helper));
        assert!(cores.idle().is_some());
        drop(crowd);
        assert_eq!(
            (0..9).map_while(|_| cores.idle()).collect::<Vec<_>>().len(),
            3
        );
    }
}
