//! The reference for what is the future and what has expired.

use std::time::Instant;

use crate::options::Clock;

/// The clock, or, where the clock was plainly behind the newest sample when the store was opened (a boot in 1970), that
/// sample plus the time that has passed since.
#[derive(Debug)]
pub(super) struct ReferenceClock {
    clock: Clock,
    fallback: Option<Fallback>,
}

/// A clock that cannot be trusted stands still or runs on from a wrong time: time since the open is what remains.
#[derive(Debug)]
struct Fallback {
    newest_ms: i64,
    opened: Instant,
    clock_at_open_ms: i64,
}

impl ReferenceClock {
    /// `tolerance_ms`: how far ahead of the clock samples are rightly accepted.
    pub(super) fn new(clock: Clock, newest_ms: i64, tolerance_ms: i64) -> Self {
        let now_ms = clock.now_ms();
        let behind = newest_ms > now_ms.saturating_add(tolerance_ms);
        if behind {
            tracing::warn!(
                newest_ms,
                now_ms,
                "the clock is behind the newest sample, which is the reference until the store is opened anew"
            );
        }
        let fallback = behind.then(|| Fallback {
            newest_ms,
            opened: Instant::now(),
            clock_at_open_ms: now_ms,
        });
        Self { clock, fallback }
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn now_ms(&self) -> i64 {
        let now_ms = self.clock.now_ms();
        let Some(fallback) = &self.fallback else {
            return now_ms;
        };
        let passed_ms = match &self.clock {
            Clock::System => i64::try_from(fallback.opened.elapsed().as_millis()).unwrap_or(0),
            Clock::Manual(_) => now_ms.saturating_sub(fallback.clock_at_open_ms).max(0),
        };
        // A clock that was set right meanwhile counts again.
        now_ms.max(fallback.newest_ms.saturating_add(passed_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ManualClock;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_boot_in_1970_goes_on_from_the_newest_sample() {
        let manual = ManualClock::new(0);
        let clock = ReferenceClock::new(Clock::Manual(manual.clone()), 1_000 * HOUR, HOUR);
        assert_eq!(clock.now_ms(), 1_000 * HOUR);
        manual.set(HOUR);
        assert_eq!(clock.now_ms(), 1_001 * HOUR);
        manual.set(2_000 * HOUR);
        assert_eq!(
            clock.now_ms(),
            3_000 * HOUR,
            "time since the open still counts"
        );
    }

    #[test]
    fn samples_ahead_within_the_limit_do_not_move_it() {
        let clock = ReferenceClock::new(Clock::Manual(ManualClock::new(HOUR)), 2 * HOUR, HOUR);
        assert_eq!(clock.now_ms(), HOUR);
    }
}
