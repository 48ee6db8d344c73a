//! Criterion benchmarks of the parts live in `benches/`; this library is empty on purpose.
