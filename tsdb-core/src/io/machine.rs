//! What the machine, or the control group around the process, has.

use std::fs::read_to_string;

/// Memory in bytes: the limit of the control group (version 2 or 1) where there is one, else that of the machine.
pub(crate) fn memory_of_machine() -> Option<u64> {
    let machine = read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(total_of_meminfo);
    let group = group_limits().into_iter().flatten().min();
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

/// The limits of the group and of those around it; in a container the group is the root of what can be seen.
fn group_limits() -> Vec<Option<u64>> {
    let own = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut limits = Vec::new();
    for (root, file, path) in own.lines().filter_map(group_of) {
        let mut path = path;
        loop {
            let limit = read_to_string(format!("{root}{path}/{file}"));
            limits.push(limit.ok().and_then(|text| text.trim().parse().ok()));
            match path.rsplit_once('/') {
                Some((around, _)) => path = around,
                None => break,
            }
        }
    }
    limits
}

/// Where the files of a group are, from its line in `/proc/self/cgroup`: `hierarchy:controllers:path`.
fn group_of(line: &str) -> Option<(&'static str, &'static str, &str)> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, path) = rest.split_once(':')?;
    let path = path.trim_end_matches('/');
    if controllers.is_empty() {
        Some(("/sys/fs/cgroup", "memory.max", path))
    } else if controllers.split(',').any(|name| name == "memory") {
        Some(("/sys/fs/cgroup/memory", "memory.limit_in_bytes", path))
    } else {
        None
    }
}

fn total_of_meminfo(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_both_versions_are_found() {
        assert_eq!(
            group_of("0::/system.slice/tsdb.service"),
            Some(("/sys/fs/cgroup", "memory.max", "/system.slice/tsdb.service"))
        );
        assert_eq!(
            group_of("9:cpu,memory:/docker/1"),
            Some((
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "/docker/1"
            ))
        );
        assert_eq!(group_of("0::/"), Some(("/sys/fs/cgroup", "memory.max", "")));
        assert_eq!(group_of("3:cpu:/x"), None);
        assert_eq!(group_of("nonsense"), None);
    }

    #[test]
    fn meminfo_is_in_kib() {
        let text = "MemTotal:       24689764 kB\nMemFree:  1 kB\n";
        assert_eq!(total_of_meminfo(text), Some(24_689_764 << 10));
        assert_eq!(total_of_meminfo("MemTotal: x kB"), None);
    }
}
