//! Queries that people wrote: test scripts, dashboards and alerting rules.

use std::path::{Path, PathBuf};

use super::{assert_prints_as_itself, tree};

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(path);
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect()
}

/// The queries of a script that are not expected to fail.
fn queries_of_script(script: &str) -> Vec<&str> {
    let lines: Vec<&str> = script.lines().collect();
    let mut queries = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        // eval instant at <t> <query>, eval range from <t> to <t> step <d> <query>
        let query = if let Some(rest) = line.strip_prefix("eval instant at ") {
            rest.split_once(' ').unwrap().1
        } else if let Some(rest) = line.strip_prefix("eval range from ") {
            rest.splitn(6, ' ').nth(5).unwrap()
        } else {
            continue;
        };
        let fails = lines[i + 1..]
            .iter()
            .take_while(|line| line.starts_with([' ', '\t']))
            .any(|line| line.trim_start().starts_with("expect fail"));
        if !fails {
            queries.push(query.trim());
        }
    }
    queries
}

#[test]
fn queries_of_the_test_scripts() {
    let Some(dir) = shared("promqltest") else {
        return;
    };
    let mut count = 0;
    for file in files(&dir, ".test") {
        let script = std::fs::read_to_string(file).unwrap();
        for query in queries_of_script(&script) {
            assert_prints_as_itself(&tree(query));
            count += 1;
        }
    }
    assert!(count > 900, "{count}");
}

/// The string that a JSON line like `{"expr": "…"}` holds; `None` for other lines.
fn expr_of_json(line: &str) -> Option<String> {
    let text = line.trim().strip_prefix("{\"expr\": \"")?;
    let text = &text[..text.rfind("\"}").unwrap()];
    let mut expr = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            expr.push(c);
            continue;
        }
        match chars.next().unwrap() {
            'n' => expr.push('\n'),
            't' => expr.push('\t'),
            c @ ('"' | '\\' | '/') => expr.push(c),
            'u' => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).unwrap();
                expr.push(char::from_u32(code).unwrap());
            }
            other => panic!("\\{other} in {line}"),
        }
    }
    Some(expr)
}

#[test]
fn queries_of_dashboards() {
    let Some(dir) = shared("expositions/kube-prometheus") else {
        return;
    };
    let mut count = 0;
    for file in files(&dir, ".jsonl") {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let Some(query) = expr_of_json(line) else {
                continue;
            };
            // What Grafana puts there.
            let query = query.replace("$__rate_interval", "5m");
            assert_prints_as_itself(&tree(&query));
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

/// The values of `expr:` keys: plain on the same line, or a block of deeper lines.
fn exprs_of_rules(yaml: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = yaml.lines().collect();
    let mut exprs = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let Some(value) = line
            .trim_start()
            .trim_start_matches("- ")
            .strip_prefix("expr:")
        else {
            continue;
        };
        let value = value.trim();
        if !value.starts_with('|') && !value.starts_with('>') {
            exprs.push(value.to_owned());
            continue;
        }
        // The dash of a list item is part of the indentation.
        let key = line.find("expr:").unwrap();
        let block: Vec<&str> = lines[i + 1..]
            .iter()
            .take_while(|line| line.trim().is_empty() || indent(line) > key)
            .copied()
            .collect();
        exprs.push(block.join("\n"));
    }
    exprs
}

#[test]
fn queries_of_rules() {
    let Some(dir) = shared("expositions/kube-prometheus") else {
        return;
    };
    let mut count = 0;
    for file in files(&dir, "Rule.yaml") {
        for query in exprs_of_rules(&std::fs::read_to_string(file).unwrap()) {
            assert_prints_as_itself(&tree(&query));
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}
