//! Bytes as a page of Prometheus's text format and of OpenMetrics: events or errors with a line, lenient and strict.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_server::text::{Event, Format, Strict, events};

fuzz_target!(|page: &[u8]| {
    let lines = page.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let mut rules = Strict::default();
        for event in events(page, format) {
            match event {
                Ok(event) => {
                    let _ = rules.check(&event);
                    if let Event::Sample(sample) = event {
                        assert!(!sample.name.is_empty());
                        sample.labels.iter().for_each(drop);
                    }
                }
                Err(e) => assert!(e.line <= lines, "{e}"),
            }
        }
    }
});
