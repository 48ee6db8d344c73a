//! How many files the process may open, and how many of them connections may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Handles that connections leave to others at the least, if there are twice as many: the files of the store, its log, files that
/// are read on request.
const OTHERS: u64 = 256;

/// How many connections and how many partitions there may be: no more than are wanted, nor so many connections that the store finds no
/// handles while it is opened, nor so many files of partitions that it finds none for the next.
pub(crate) fn shares(connections: usize, partitions: usize) -> (usize, usize) {
    let Some(limit) = raised() else {
        return (connections, partitions);
    };
    let shares = shares_of(limit, connections, partitions);
    if shares != (connections, partitions) {
        tracing::warn!(
            connections = shares.0,
            partitions = shares.1,
            "the limit of open files (ulimit -n) is too low for --web.max-connections and --storage.max-partitions"
        );
    }
    shares
}

/// Raises the limit of open files as far as the process may, and returns it; `None` if there is none.
fn raised() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, highest) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            current
        }
    }
}

/// What a limit leaves of connections and partitions.
fn shares_of(limit: u64, connections: usize, partitions: usize) -> (usize, usize) {
    let at_most = |wanted: usize, share: u64| {
        let share = usize::try_from(share).unwrap_or(usize::MAX);
        wanted.min(share).max(1)
    };
    let connections = at_most(connections, limit - OTHERS.min(limit / 2));
    // While a partition is written to it has more than one file, now and then.
    let partitions = at_most(partitions, limit.saturating_sub(connections as u64) / 2);
    (connections, partitions)
}

#[cfg(test)]
mod tests {
    use super::shares_of;

    #[test]
    fn connections_and_partitions_leave_handles_to_others() {
        let shares = |limit| shares_of(limit, 512, 16_384);
        assert_eq!(shares(0), (1, 1));
        assert_eq!(shares(48), (24, 12));
        assert_eq!(shares(512), (256, 128));
        assert_eq!(shares(1_024), (512, 256));
        assert_eq!(shares(65_536), (512, 16_384));
        assert_eq!(shares_of(65_536, 100_000, 100_000), (65_280, 128));
    }
}
