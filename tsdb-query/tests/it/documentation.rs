//! `docs/promql.md` lists the functions as the function table has them.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::fmt::Write;

use tsdb_query::ast::ValueType;
use tsdb_query::functions::{FUNCTIONS, Function};

/// `clamp(V, S, S)`
fn signature(f: &Function) -> String {
    let letter = |ty: &ValueType| match ty {
        ValueType::Vector => "V",
        ValueType::Matrix => "M",
        ValueType::Scalar => "S",
        ValueType::String => "T",
    };
    let mut args: Vec<String> = f.args.iter().map(|ty| letter(ty).to_owned()).collect();
    match f.variadic {
        0 => {}
        // With one more allowed than the list has, the last of the list may be left out; with more it may be repeated.
        1 => args.last_mut().into_iter().for_each(|arg| arg.push('?')),
        _ => args.last_mut().into_iter().for_each(|arg| arg.push('…')),
    }
    format!("{}({})", f.name, args.join(", "))
}

fn list() -> String {
    let mut out = String::from("| function | value | |\n|---|---|---|\n");
    for f in FUNCTIONS {
        let note = if f.experimental { "experimental" } else { "" };
        let returns = f.returns.documented();
        writeln!(out, "| `{}` | {returns} | {note} |", signature(f)).unwrap();
    }
    out
}

/// To make it anew: run with `TSDB_WRITE_DOCS=1`.
#[test]
fn the_documentation_lists_the_functions_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/promql.md");
    let text = std::fs::read_to_string(path).unwrap();
    let begin = "<!-- made from tsdb-query/src/functions/table.rs; a test compares -->\n";
    let (before, rest) = text.split_once(begin).unwrap();
    let (listed, after) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os("TSDB_WRITE_DOCS").is_some() {
        let list = list();
        std::fs::write(path, format!("{before}{begin}{list}<!-- end -->{after}")).unwrap();
        return;
    }
    assert_eq!(listed, list());
}
