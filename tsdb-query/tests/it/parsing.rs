//! Queries of every form parse, and what is none is refused with Prometheus's words.

use tsdb_query::parse::{ParseOptions, parse};

fn shared(path: &str) -> Option<std::path::PathBuf> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// The expressions that the test scripts evaluate and that may not fail, joined with their continuation lines.
fn queries_of_scripts() -> Vec<String> {
    let Some(dir) = shared("promqltest") else {
        return Vec::new();
    };
    let mut queries = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "test") {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = script.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix("eval instant at ") else {
                continue;
            };
            let fails = lines[i + 1..]
                .iter()
                .take_while(|l| l.starts_with([' ', '\t']))
                .any(|l| l.trim().starts_with("expect fail"));
            if !fails {
                let (_, query) = rest.split_once(' ').unwrap();
                queries.push(query.trim().to_owned());
            }
        }
        for (i, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix("eval range from ") else {
                continue;
            };
            let fails = lines[i + 1..]
                .iter()
                .take_while(|l| l.starts_with([' ', '\t']))
                .any(|l| l.trim().starts_with("expect fail"));
            if !fails {
                // from <t> to <t> step <d> <query>
                queries.push(rest.splitn(6, ' ').nth(5).unwrap().trim().to_owned());
            }
        }
    }
    queries
}

#[test]
fn scripts_parse() {
    let mut bad = 0;
    let queries = queries_of_scripts();
    for q in &queries {
        if let Err(e) = parse(q, &ParseOptions::default()) {
            eprintln!("{q}\n  {e}");
            bad += 1;
        }
    }
    eprintln!("{} queries", queries.len());
    assert_eq!(bad, 0);
}
