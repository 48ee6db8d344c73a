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

/// The expressions of kube-prometheus's dashboards, with values for their variables.
pub(crate) fn dashboards() -> Vec<String> {
    let mut queries = Vec::new();
    let Some(dir) = shared("expositions/kube-prometheus") else {
        return queries;
    };
    for file in files(&dir, ".jsonl") {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            queries.extend(expr_of_json(line).map(|query| with_variables(&query)));
        }
    }
    queries
}

/// What Grafana puts there: an interval, and a value for any other variable.
fn with_variables(query: &str) -> String {
    let query = query.replace("$__rate_interval", "5m");
    let mut parts = query.split('$');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        // `$1` of `label_replace`, and the end of a regular expression, are not variables.
        if part.len() == rest.len() || part.starts_with(|c: char| c.is_ascii_digit()) {
            out += "$";
            out += part;
        } else {
            out += "x";
            out += rest;
        }
    }
    out
}

#[test]
fn queries_of_dashboards() {
    let queries = dashboards();
    assert!(
        queries.is_empty() || queries.len() == 497,
        "{}",
        queries.len()
    );
    for query in queries {
        assert_prints_as_itself(&tree(&query));
    }
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

/// The expressions of kube-prometheus's rules.
pub(crate) fn rules() -> Vec<String> {
    let mut queries = Vec::new();
    let Some(dir) = shared("expositions/kube-prometheus") else {
        return queries;
    };
    for file in files(&dir, "Rule.yaml") {
        queries.extend(exprs_of_rules(&std::fs::read_to_string(file).unwrap()));
    }
    queries
}

#[test]
fn queries_of_rules() {
    let queries = rules();
    assert!(
        queries.is_empty() || queries.len() > 200,
        "{}",
        queries.len()
    );
    for query in queries {
        assert_prints_as_itself(&tree(&query));
    }
}
