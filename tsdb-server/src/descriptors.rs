//! How many files the process may open, and how many of them connections may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Handles that connections leave to others at the least, if there are twice as many: the files of the store, its log, files that
/// are read on request.
const OTHERS: u64 = 256;

/// How many connections there may be: no more than are `wanted`, nor so many that the store finds no handles while it is opened.
pub(crate) fn for_connections(wanted: usize) -> usize {
    let share = raised().map_or(usize::MAX, share);
    if share < wanted {
        tracing::warn!(
            connections = share,
            "the limit of open files (ulimit -n) is too low for --web.max-connections"
        );
    }
    share.min(wanted)
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

/// The share of connections in a limit.
fn share(limit: u64) -> usize {
    let share = limit - OTHERS.min(limit / 2);
    usize::try_from(share).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn connections_leave_handles_to_others() {
        for (limit, connections) in [(0, 0), (48, 24), (512, 256), (1024, 768), (65_536, 65_280)] {
            assert_eq!(share(limit), connections);
        }
    }
}
