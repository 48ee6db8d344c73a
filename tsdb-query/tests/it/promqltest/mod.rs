//! Prometheus's own scripts, and ours. What does not pass yet is listed in `not_yet.txt`.

mod run;
mod script;
mod series;

use tsdb_query::Engine;

#[test]
fn explore() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/promqltest");
    let mut options = tsdb_query::EngineOptions::default();
    options.delayed_name_removal = std::env::var("EAGER").is_err();
    let engine = Engine::new(options);
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let commands = match script::parse(&text) {
            Ok(c) => c,
            Err(e) => {
                println!("{file:?} {e}");
                continue;
            }
        };
        let outcomes = run::run(&commands, &engine, &|data| {
            Box::new(crate::memory::Memory::new(data))
        });
        let passed = outcomes.iter().filter(|o| o.result.is_ok()).count();
        println!(
            "## {} {passed}/{}",
            file.file_name().unwrap().to_str().unwrap(),
            outcomes.len()
        );
        for o in outcomes {
            if let Err(e) = o.result {
                println!(
                    "{}:{} [{}] {} -- {}",
                    file.file_name().unwrap().to_str().unwrap(),
                    o.line,
                    e.lacks,
                    o.expr,
                    e.message
                );
            }
        }
    }
}
