//! Text as a PromQL query: an error, or a tree that prints as a query with the same tree, on one line and on several.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_query::parse::{ParseOptions, parse};

fuzz_target!(|text: &str| {
    let options = ParseOptions::default();
    let Ok(expr) = parse(text, &options) else {
        return;
    };
    let end = expr.span().end as usize;
    assert!(end <= text.len() && text.is_char_boundary(end));
    let pretty = expr.pretty(options.max_len);
    for printed in std::iter::once(expr.to_string()).chain(pretty) {
        // Printed, a query can outgrow the limit that it was read under.
        if printed.len() > options.max_len {
            continue;
        }
        match parse(&printed, &options) {
            Ok(again) => assert!(again.same_as(&expr), "{printed} reads otherwise"),
            Err(e) => panic!("{printed}\n{e}"),
        }
    }
});
