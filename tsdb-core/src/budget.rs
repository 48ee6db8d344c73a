//! One budget of memory for everything that may grow: head, caches, queries, request bodies, merges.
//!
//! Who holds memory charges it by what it takes, not by what is in it. The head says how much it has; caches fill what
//! others leave and are emptied first; everyone else reserves before it allocates, and gives back by dropping.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::io::memory_of_machine;

/// The share of the memory there is that a budget takes by default, in percent.
const DEFAULT_PERCENT: u64 = 60;

/// Where the machine does not say how much memory it has, in bytes.
const UNKNOWN_MACHINE_BYTES: u64 = 2 << 30;

/// The least that a budget may be, in bytes: less is not enough for a head and one request.
pub(crate) const MIN_LIMIT_BYTES: u64 = 32 << 20;

/// What a process may hold beside the budget, in bytes, before reservations are refused for it: code, stacks, and what an
/// allocator keeps for use.
const BESIDE_BYTES: u64 = 64 << 20;

/// The name of the limit in errors.
pub(crate) const MEMORY: &str = "memory";

/// A limit of memory that everything of a store, and what is around it, shares. Clones are the same budget.
#[derive(Clone)]
pub struct MemoryBudget(Arc<Shared>);

struct Shared {
    limit: u64,
    head: AtomicU64,
    cache: AtomicU64,
    reserved: AtomicU64,
    /// Memory of the process that nobody charged for, as far as someone looks.
    uncharged: AtomicU64,
    refusals: AtomicU64,
    // Held while a cache is emptied; a cache never reserves.
    evict: Mutex<Vec<Evict>>,
}

/// Gives memory of a cache back until it takes no more than so many bytes.
type Evict = Box<dyn Fn(u64) -> bool + Send + Sync>;

/// Bytes of a budget at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUse {
    /// All that may be used.
    pub limit: u64,
    /// Series and samples that are not yet in files.
    pub head: u64,
    /// What was read from files and is kept.
    pub cache: u64,
    /// Queries, request bodies, flushes and merges under way; the indexes of files, and what is known to be deleted.
    pub reserved: u64,
    /// What the process holds beside these, as far as it was told.
    pub uncharged: u64,
    /// Reservations refused so far.
    pub refusals: u64,
}

impl Default for MemoryBudget {
    /// 60 % of the memory that the control group or the machine has.
    fn default() -> Self {
        let machine = memory_of_machine().unwrap_or(UNKNOWN_MACHINE_BYTES);
        Self::new((machine / 100 * DEFAULT_PERCENT).max(MIN_LIMIT_BYTES))
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usage().fmt(f)
    }
}

impl MemoryBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Shared {
            limit,
            head: AtomicU64::new(0),
            cache: AtomicU64::new(0),
            reserved: AtomicU64::new(0),
            uncharged: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            evict: Mutex::default(),
        }))
    }

    /// All that may be used, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// What is used by whom.
    #[must_use]
    pub fn usage(&self) -> MemoryUse {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        MemoryUse {
            limit: self.0.limit,
            head: read(&self.0.head),
            cache: read(&self.0.cache),
            reserved: read(&self.0.reserved),
            uncharged: read(&self.0.uncharged),
            refusals: read(&self.0.refusals),
        }
    }

    /// Takes memory for what is about to be allocated. Caches make room for it.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] when others than caches hold the rest.
    pub fn reserve(&self, bytes: u64) -> Result<Reservation> {
        let mut reservation = self.charge(0);
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    /// Takes memory for what cannot wait: a flush is how memory becomes free.
    pub(crate) fn charge(&self, bytes: u64) -> Reservation {
        self.0.reserved.fetch_add(bytes, Ordering::Relaxed);
        self.make_room();
        Reservation {
            budget: self.clone(),
            bytes,
        }
    }

    /// Tells how much memory the process has, in bytes, so that what nobody charges for counts too: it makes caches
    /// smaller and has the head flushed earlier, and beyond 64 MiB it is taken from what may be reserved. For a program
    /// whose allocator gives back what is free.
    pub fn observe_process(&self, resident: u64) {
        let usage = self.usage();
        let charged = usage.head + usage.cache + usage.reserved;
        let uncharged = resident.saturating_sub(charged);
        self.0.uncharged.store(uncharged, Ordering::Relaxed);
        self.make_room();
    }

    /// Charges for the head of a store.
    pub(crate) fn head(&self) -> Gauge {
        Gauge::new(self, |shared| &shared.head)
    }

    /// Charges for what a store knows to be deleted.
    pub(crate) fn deleted(&self) -> Gauge {
        Gauge::new(self, |shared| &shared.reserved)
    }

    /// Charges for the cache of a store.
    pub(crate) fn cache(&self) -> Gauge {
        Gauge::new(self, |shared| &shared.cache)
    }

    /// Whether the head may grow.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] when it may not.
    pub(crate) fn check_head(&self) -> Result<()> {
        let usage = self.usage();
        if usage.head + usage.reserved > self.0.limit || usage.head > self.head_share() {
            return Err(self.refuse());
        }
        Ok(())
    }

    /// The most that the head may have, in bytes: flushing it takes memory as well.
    fn head_share(&self) -> u64 {
        self.0.limit / 2
    }

    /// Whether a generation of so many bytes is to be flushed already: two more may be in memory beside it. Under pressure
    /// a smaller one is, if it is worth a file.
    pub(crate) fn wants_flush(&self, generation: u64) -> bool {
        let usage = self.usage();
        let held = usage.head + usage.reserved + usage.uncharged;
        let pressed = held > self.0.limit / 4 * 3;
        generation > self.0.limit / if pressed { 32 } else { 8 }
    }

    /// What is left for caches, in bytes.
    pub(crate) fn left_for_cache(&self) -> u64 {
        let usage = self.usage();
        let held = usage.head + usage.reserved + usage.uncharged;
        usage.limit.saturating_sub(held)
    }

    /// Has a cache asked to give memory back, until it says false: it is gone.
    pub(crate) fn on_pressure(&self, evict: impl Fn(u64) -> bool + Send + Sync + 'static) {
        self.0.evict.lock().push(Box::new(evict));
    }

    fn make_room(&self) {
        let left = self.left_for_cache();
        if self.0.cache.load(Ordering::Relaxed) <= left {
            return;
        }
        // Who comes second finds it done or under way.
        if let Some(mut caches) = self.0.evict.try_lock() {
            caches.retain(|evict| evict(left));
        }
    }

    fn refuse(&self) -> Error {
        self.0.refusals.fetch_add(1, Ordering::Relaxed);
        Error::LimitExceeded {
            limit: MEMORY,
            max: self.0.limit,
        }
    }
}

/// What a part of a store holds, told again and again; nothing any more when it is dropped.
#[derive(Debug)]
pub(crate) struct Gauge {
    budget: MemoryBudget,
    total: fn(&Shared) -> &AtomicU64,
    bytes: AtomicU64,
}

impl Gauge {
    fn new(budget: &MemoryBudget, total: fn(&Shared) -> &AtomicU64) -> Self {
        Self {
            budget: budget.clone(),
            total,
            bytes: AtomicU64::new(0),
        }
    }

    /// Tells how much it is now.
    pub(crate) fn set(&self, bytes: u64) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        let total = (self.total)(&self.budget.0);
        total.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed); // wraps to a subtraction
        if bytes > before {
            self.budget.make_room();
        }
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// A share of a [`MemoryBudget`], given back when it is dropped.
#[derive(Debug)]
#[must_use = "the memory is given back when this is dropped"]
pub struct Reservation {
    budget: MemoryBudget,
    bytes: u64,
}

impl Reservation {
    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`]; it keeps what it has then.
    pub fn grow(&mut self, bytes: u64) -> Result<()> {
        let shared = &self.budget.0;
        let head = shared.head.load(Ordering::Relaxed);
        let uncharged = shared.uncharged.load(Ordering::Relaxed);
        let held = head.saturating_add(uncharged.saturating_sub(BESIDE_BYTES));
        let room = shared.limit.saturating_sub(held);
        let taken =
            shared
                .reserved
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
                    reserved.checked_add(bytes).filter(|sum| *sum <= room)
                });
        if taken.is_err() {
            return Err(self.budget.refuse());
        }
        self.bytes += bytes;
        self.budget.make_room();
        Ok(())
    }

    /// Gives back what is more than so many bytes.
    pub fn shrink_to(&mut self, bytes: u64) {
        let less = self.bytes.saturating_sub(bytes);
        self.budget.0.reserved.fetch_sub(less, Ordering::Relaxed);
        self.bytes -= less;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back() {
        let budget = MemoryBudget::new(100);
        let mut first = budget.reserve(60).unwrap();
        assert!(matches!(
            budget.reserve(41),
            Err(Error::LimitExceeded {
                limit: MEMORY,
                max: 100
            })
        ));
        first.grow(40).unwrap();
        assert!(first.grow(1).is_err());
        assert_eq!((first.bytes(), budget.usage().reserved), (100, 100));
        first.shrink_to(30);
        assert_eq!(budget.usage().reserved, 30);
        drop(first);
        assert_eq!((budget.usage().reserved, budget.usage().refusals), (0, 2));
        assert!(budget.reserve(u64::MAX).is_err());
    }

    #[test]
    fn caches_make_room_first() {
        let budget = MemoryBudget::new(100);
        let (head, cache) = (budget.head(), budget.cache());
        cache.set(80);
        budget.on_pressure(move |left| {
            cache.set(left);
            true
        });
        let _held = budget.reserve(70).unwrap();
        assert_eq!(budget.usage().cache, 30);
        head.set(10);
        assert_eq!(budget.usage().cache, 20);
        budget.observe_process(110);
        assert_eq!((budget.usage().uncharged, budget.usage().cache), (10, 10));
    }

    #[test]
    fn what_nobody_charges_for_is_not_reserved() {
        let budget = MemoryBudget::new(100);
        let mut held = budget.reserve(50).unwrap();
        budget.observe_process(50 + BESIDE_BYTES + 30);
        assert!(held.grow(21).is_err());
        held.grow(20).unwrap();
        budget.observe_process(70 + BESIDE_BYTES);
        held.grow(30).unwrap();
    }

    #[test]
    fn the_head_is_flushed_early_and_then_refused() {
        let budget = MemoryBudget::new(800);
        let (head, other) = (budget.head(), budget.head());
        head.set(60);
        other.set(40);
        assert!(!budget.wants_flush(100) && budget.wants_flush(101));
        assert!(budget.check_head().is_ok());
        let held = budget.reserve(600).unwrap();
        assert!(budget.wants_flush(26) && !budget.wants_flush(25));
        head.set(260);
        assert!(budget.check_head().is_err());
        drop(held);
        assert!(budget.check_head().is_ok());
        head.set(361);
        assert!(budget.check_head().is_err());
        drop(other);
        assert!(budget.check_head().is_ok());
    }
}
