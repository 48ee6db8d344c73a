//! Text as a label regex and, after the first newline, a value: literals and prefix agree with what matches.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::LabelRegex;

fuzz_target!(|text: &str| {
    let (pattern, value) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(regex) = LabelRegex::new(pattern) else {
        return;
    };
    // `captures` always asks the automaton, `is_match` may ask the literals.
    assert_eq!(regex.is_match(value), regex.captures(value).is_some());
    if regex.is_match(value) {
        assert!(value.starts_with(regex.prefix()));
    }
    for literal in regex.literals().unwrap_or_default() {
        assert!(regex.captures(literal).is_some());
        assert!(literal.starts_with(regex.prefix()));
    }
});
