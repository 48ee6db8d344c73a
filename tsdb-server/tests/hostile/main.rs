//! What comes from outside to hurt: each request of a corpus is sent to a running server, which afterwards has to be alive, take
//! a write and answer a query, have used a bounded amount of memory, and have answered with the right status in time.
//!
//! ```sh
//! cargo test -p tsdb-server --test hostile                       # the quick ones
//! cargo build --release -p tsdb-server                           # all of them
//! TSDB_SERVER_PROGRAM=$PWD/target/release/tsdb-server cargo test -p tsdb-server --test hostile -- --ignored --nocapture
//! ```
#![expect(clippy::unwrap_used, reason = "test code")]

mod bodies;
mod case;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod influx;
mod memory;
mod queries;
mod remote_write;
mod server;
mod sly;
mod wire;

use case::Case;
use server::Server;

fn corpus() -> Vec<Case> {
    [
        remote_write::cases(),
        bodies::cases(),
        queries::cases(),
        influx::cases(),
        wire::cases(),
        sly::cases(),
        memory::cases(),
        remote_write::floods(),
    ]
    .concat()
}

/// Sends them one by one, and fails with the list of those that hurt.
fn run(cases: &[Case], server: &mut Server) {
    let mut hurt = Vec::new();
    for case in cases {
        let outcome = server.suffer(case);
        println!("{outcome}");
        if !outcome.faults.is_empty() {
            hurt.push(outcome.to_string());
        }
    }
    assert!(
        hurt.is_empty(),
        "{} of {}:\n{}",
        hurt.len(),
        cases.len(),
        hurt.join("\n")
    );
}

#[test]
fn quick_requests_do_not_hurt() {
    let cases: Vec<Case> = corpus().into_iter().filter(|case| !case.is_heavy).collect();
    assert!(cases.len() > 150, "{}", cases.len());
    run(&cases, &mut Server::filled(300).patient());
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn no_request_hurts() {
    let only = std::env::var("TSDB_HOSTILE_ONLY").unwrap_or_default();
    let cases: Vec<Case> = corpus()
        .into_iter()
        .filter(|case| case.name.contains(&only))
        .collect();
    run(&cases, &mut Server::filled(4_000));
}
