//! A run with some of its bytes replaced, or bytes as a run: an error, or series that can be read.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let sample = fuzzing::sample_run();
    assert_eq!(
        fuzzing::read_run(&sample).map(|series| series.len()),
        Ok(36)
    );
    sample
});

/// Where in the sample, counted from its start or its end, and what to put there.
type Patch = (bool, u16, u8);

fuzz_target!(|input: (Vec<Patch>, &[u8])| {
    let (patches, bytes) = input;
    if patches.is_empty() {
        let _ = fuzzing::read_run(bytes);
        return;
    }
    let mut run = SAMPLE.clone();
    for (from_end, at, byte) in patches {
        let at = usize::from(at) % run.len();
        let at = if from_end { run.len() - 1 - at } else { at };
        run[at] = byte;
    }
    let _ = fuzzing::read_run(&run);
});
