//! How long a connection may keep the server waiting.
//!
//! A connection is in one of four phases, told by its requests and its bytes. Idle: nothing is asked. Head: the first bytes
//! of a request came, the others did not. Busy: a request is handled; its own limits of time hold. Stalled: there is an
//! answer, and the client does not take it.
//!
//! A stalled client uses up its patience; what it takes gives some back, so that one that reads very little at a time is
//! found out as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::bounds::{Bounds, MIN_RATE};

/// Why a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Nothing was asked for long.
    Idle,
    /// The head of a request did not end.
    SlowHead,
    /// Answers are not taken.
    Stalled,
    /// Others needed its place.
    Evicted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Busy,
    Stalled,
}

/// What is known of a connection.
#[derive(Debug)]
struct Seen {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// Requests that are handled, answers that wait for the client.
    handled: usize,
    sent: usize,
    /// The network takes no more bytes.
    blocked: bool,
    /// Bytes of a request came since the last answer.
    receiving: bool,
    /// On such a connection heads are not told from other frames.
    is_http2: bool,
    /// How long the client may stall yet.
    patience: Duration,
}

/// Watches one connection.
#[derive(Debug)]
pub(super) struct Watch {
    idle: Duration,
    head: Duration,
    write: Duration,
    // Held for a few assignments, by the tasks of one connection and by whoever looks for an idle one.
    seen: Mutex<Seen>,
    evicted: Notify,
}

impl Watch {
    pub(super) fn new(bounds: &Bounds) -> Arc<Self> {
        Arc::new(Self {
            idle: bounds.idle_timeout,
            head: bounds.header_timeout,
            write: bounds.write_timeout,
            seen: Mutex::new(Seen {
                phase: Phase::Idle,
                since: Instant::now(),
                handled: 0,
                sent: 0,
                blocked: false,
                receiving: false,
                is_http2: false,
                patience: bounds.write_timeout,
            }),
            evicted: Notify::new(),
        })
    }

    /// Changes what is known, and with it perhaps the phase.
    fn note(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock();
        change(&mut seen);
        let phase = match &*seen {
            Seen { blocked: true, .. } => Phase::Stalled,
            Seen { handled: 1.., .. } => Phase::Busy,
            Seen { sent: 1.., .. } => Phase::Stalled,
            Seen {
                receiving: true, ..
            } => Phase::Head,
            _ => Phase::Idle,
        };
        if phase != seen.phase {
            let now = Instant::now();
            if seen.phase == Phase::Stalled {
                seen.patience = seen.patience.saturating_sub(now - seen.since);
            }
            seen.phase = phase;
            seen.since = now;
        }
    }

    /// Bytes came, or a handshake begins.
    pub(super) fn receiving(&self) {
        self.note(|seen| seen.receiving = seen.handled + seen.sent == 0 && !seen.is_http2);
    }

    /// A handshake is done.
    pub(super) fn shaken(&self) {
        self.note(|seen| seen.receiving = false);
    }

    /// The network took so many bytes.
    pub(super) fn written(&self, bytes: usize) {
        let given = Duration::from_secs_f64(bytes as f64 / MIN_RATE);
        let most = self.write;
        self.note(|seen| {
            seen.blocked = false;
            seen.patience = seen.patience.saturating_add(given).min(most);
        });
    }

    /// The network takes no bytes.
    pub(super) fn blocked(&self) {
        self.note(|seen| seen.blocked = true);
    }

    /// A request is there; it is handled until what this returns says otherwise or is dropped.
    pub(super) fn request(self: &Arc<Self>, is_http2: bool) -> InFlight {
        self.note(|seen| {
            seen.handled += 1;
            seen.receiving = false;
            seen.is_http2 |= is_http2;
        });
        InFlight {
            watch: Arc::clone(self),
            is_sent: false,
        }
    }

    /// Since when the connection asks nothing; `None` when it does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let seen = self.seen.lock();
        matches!(seen.phase, Phase::Idle | Phase::Head).then_some(seen.since)
    }

    /// Closes the connection to make room.
    pub(super) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Returns when the connection is to be closed.
    pub(super) async fn closed(&self) -> Closed {
        // Phases change while nobody looks: the next look is never far.
        let tick = self.idle.min(self.head).min(self.write) / 4;
        let tick = tick.max(Duration::from_millis(1));
        loop {
            let (phase, since, patience) = {
                let seen = self.seen.lock();
                (seen.phase, seen.since, seen.patience)
            };
            let limit = match phase {
                Phase::Idle => Some((self.idle, Closed::Idle)),
                Phase::Head => Some((self.head, Closed::SlowHead)),
                Phase::Stalled => Some((patience, Closed::Stalled)),
                Phase::Busy => None,
            };
            let left = limit.map(|(limit, why)| (limit.saturating_sub(since.elapsed()), why));
            if let Some((Duration::ZERO, why)) = left {
                return why;
            }
            let sleep = left.map_or(tick, |(left, _)| left.min(tick));
            tokio::select! {
                () = self.evicted.notified() => return Closed::Evicted,
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct InFlight {
    watch: Arc<Watch>,
    /// Its answer waits for the client.
    is_sent: bool,
}

impl InFlight {
    /// Whether it waits for the client, or for us.
    pub(super) fn waits_for_client(&mut self, is_sent: bool) {
        if self.is_sent == is_sent {
            return;
        }
        self.is_sent = is_sent;
        self.watch.note(|seen| {
            let (from, to) = match is_sent {
                true => (&mut seen.handled, &mut seen.sent),
                false => (&mut seen.sent, &mut seen.handled),
            };
            *from = from.saturating_sub(1);
            *to += 1;
        });
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let is_sent = self.is_sent;
        self.watch.note(|seen| {
            let of = match is_sent {
                true => &mut seen.sent,
                false => &mut seen.handled,
            };
            *of = of.saturating_sub(1);
        });
    }
}
