//! The steps at which an expression is evaluated.

/// Evenly spaced times: `start_ms`, `start_ms + step_ms`, … There may be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Grid {
    /// Time of the first step.
    pub(crate) start_ms: i64,
    /// Distance of the steps, positive.
    pub(crate) step_ms: i64,
    /// How many there are.
    pub(crate) steps: usize,
}

impl Grid {
    /// A single step.
    pub(crate) fn instant(t_ms: i64) -> Self {
        Self {
            start_ms: t_ms,
            step_ms: 1,
            steps: 1,
        }
    }

    /// The steps from `start_ms` up to and including `end_ms`.
    pub(crate) fn between(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        let step_ms = step_ms.max(1);
        let steps = if end_ms < start_ms {
            0
        } else {
            let last = (i128::from(end_ms) - i128::from(start_ms)) / i128::from(step_ms);
            usize::try_from(last + 1).unwrap_or(usize::MAX)
        };
        Self {
            start_ms,
            step_ms,
            steps,
        }
    }

    /// Time of step `k`.
    pub(crate) fn time(&self, k: usize) -> i64 {
        let k = i64::try_from(k).unwrap_or(i64::MAX);
        self.start_ms.saturating_add(self.step_ms.saturating_mul(k))
    }

    /// All steps as one tile.
    pub(crate) fn whole(&self) -> Tile {
        Tile {
            first: 0,
            len: self.steps,
        }
    }

    /// The steps of the grid cut into tiles of at most `len` steps.
    pub(crate) fn tiles(&self, len: usize) -> impl Iterator<Item = Tile> {
        self.whole().pieces(len)
    }
}

/// Consecutive steps of a grid: `first`, …, `first + len - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Index of the first step in the grid.
    pub(crate) first: usize,
    /// How many steps.
    pub(crate) len: usize,
}

impl Tile {
    /// Index of the last step in the grid.
    pub(crate) fn last(&self) -> usize {
        self.first + self.len.saturating_sub(1)
    }

    /// Its steps cut into tiles of at most `len` steps.
    pub(crate) fn pieces(self, len: usize) -> impl Iterator<Item = Self> {
        let len = len.max(1);
        (0..self.len.div_ceil(len)).map(move |i| Self {
            first: self.first + i * len,
            len: len.min(self.len - i * len),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_inside() {
        assert_eq!(Grid::between(0, 60, 30).steps, 3);
        assert_eq!(Grid::between(0, 59, 30).steps, 2);
        assert_eq!(Grid::between(1, 0, 30).steps, 0);
        let all = Grid::between(1, i64::MAX, 1);
        assert_eq!(all.time(all.steps), i64::MAX);
    }

    #[test]
    fn tiles_cover_the_grid() {
        let grid = Grid::between(0, 9, 1);
        let tiles: Vec<_> = grid.tiles(4).map(|t| (t.first, t.len)).collect();
        assert_eq!(tiles, [(0, 4), (4, 4), (8, 2)]);
        let tile = Tile { first: 3, len: 5 };
        let pieces: Vec<_> = tile.pieces(3).map(|t| (t.first, t.len)).collect();
        assert_eq!(pieces, [(3, 3), (6, 2)]);
    }
}
