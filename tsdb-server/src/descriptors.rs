//! Whether the process may open as many files as it has connections.

/// Handles beside those of connections: the files of the store, its log, files that are read on request.
const OTHERS: u64 = 256;

/// Says so when there are fewer file handles than the connections that are allowed take: `accept` will fail before the
/// bound is reached, and idle connections are closed to go on.
pub(crate) fn warn_if_few(connections: usize) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let needed = connections as u64 + OTHERS;
    if let Some(limit) = soft_limit(&limits).filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "the limit of open files (ulimit -n) is too low for --web.max-connections"
        );
    }
}

/// The soft limit of open files in the text of `/proc/self/limits`; `None` when there is none or it is not told.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::soft_limit;

    #[test]
    fn the_soft_limit_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             95897                95897                processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit(&limits.replace("1024", "unlimited")), None);
        assert_eq!(soft_limit(""), None);
    }
}
