//! Names of files: what a file is can be told without opening it.
//!
//! ```text
//! <start of the partition, 16 hex digits>-<file id, 16 hex digits>.run            live, unless another replaces it
//!                                                                 .run.pending    written, its set not yet complete
//!                                                                 .run.tmp        being written
//!                                                                 .run.damaged    set aside
//! ```
//!
//! The sign bit of the start is flipped, so that names sort in order of time.

use std::path::Path;

/// Partition and id, as a name tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunName {
    pub(crate) partition_start_ms: i64,
    pub(crate) file_id: u64,
}

/// How far a file got in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    Pending,
    Tmp,
    Damaged,
}

impl State {
    const ALL: [Self; 4] = [Self::Live, Self::Pending, Self::Tmp, Self::Damaged];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Live => ".run",
            Self::Pending => ".run.pending",
            Self::Tmp => ".run.tmp",
            Self::Damaged => ".run.damaged",
        }
    }
}

const SIGN: u64 = 1 << 63;
const DIGITS: usize = 16;

impl RunName {
    /// The file name in a state.
    pub(crate) fn file_name(self, state: State) -> String {
        let start = self.partition_start_ms.cast_unsigned() ^ SIGN;
        format!("{start:016x}-{:016x}{}", self.file_id, state.suffix())
    }

    /// What the last part of a path tells; `None` for names that are not ours.
    pub(crate) fn parse(path: &Path) -> Option<(Self, State)> {
        let name = path.file_name()?.to_str()?;
        let (start, rest) = name.split_at_checked(DIGITS)?;
        let (file_id, suffix) = rest.strip_prefix('-')?.split_at_checked(DIGITS)?;
        let state = State::ALL
            .into_iter()
            .find(|state| state.suffix() == suffix)?;
        let name = Self {
            partition_start_ms: (hex(start)? ^ SIGN).cast_signed(),
            file_id: hex(file_id)?,
        };
        Some((name, state))
    }
}

fn hex(digits: &str) -> Option<u64> {
    // `from_str_radix` takes signs and capitals, so that one number would have many names.
    let ours = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.bytes().all(ours).then_some(())?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_sort_by_time() {
        let name = |partition_start_ms| RunName {
            partition_start_ms,
            file_id: 0xabc,
        };
        let names = [i64::MIN, -1, 0, 86_400_000, i64::MAX].map(name);
        for state in State::ALL {
            let files = names.map(|name| name.file_name(state));
            assert!(files.is_sorted());
            for (name, file) in names.iter().zip(&files) {
                assert_eq!(RunName::parse(Path::new(file)), Some((*name, state)));
            }
        }
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in [
            "",
            "x.run",
            "8000000000000000-000000000000000A.run",
            "8000000000000000-+00000000000000a.run",
            "8000000000000000-000000000000000a.run2",
        ] {
            assert_eq!(RunName::parse(Path::new(name)), None, "{name}");
        }
    }
}
