//! Blocks made here, whole and damaged.
