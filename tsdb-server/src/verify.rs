//! `tsdb-server verify`: what is damaged of a store, for people and for programs.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tsdb_core::{DamagedUnit, Db, LossCause, LostRange, VerifyReport};

/// Something is damaged.
const DAMAGED: u8 = 1;
/// There is nothing to read.
const UNREADABLE: u8 = 2;

/// What to verify, and how to tell.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Directory of the store.
    pub dir: PathBuf,

    /// One JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// Verifies a store and prints the report on standard output.
#[must_use]
pub fn verify(args: &VerifyArgs) -> ExitCode {
    let report = match Db::verify(&args.dir) {
        Ok(report) => report,
        Err(e) => {
            eprintln!("error: {e}");
            return ExitCode::from(UNREADABLE);
        }
    };
    let mut out = io::stdout().lock();
    let told = if args.json {
        writeln!(out, "{}", as_json(&report))
    } else {
        lines(&mut out, &report)
    };
    // Who reads it has gone away: the exit code still tells.
    drop(told);
    if report.damages.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DAMAGED)
    }
}

fn lines(out: &mut impl Write, report: &VerifyReport) -> io::Result<()> {
    for unit in &report.damages {
        let DamagedUnit { path, offset, .. } = unit;
        write!(out, "damaged: {} at byte {offset}", path.display())?;
        if unit.bytes > 0 {
            write!(out, ", {} bytes", unit.bytes)?;
        }
        write!(out, ": {}", unit.what)?;
        match &unit.lost {
            Some(lost) => writeln!(out, "; {lost}")?,
            None => writeln!(out)?,
        }
    }
    for (path, lost) in &report.lost {
        writeln!(out, "lost earlier: {lost} ({})", path.display())?;
    }
    writeln!(
        out,
        "{} runs with {} samples and {} frames of the write-ahead log read, {} units damaged",
        report.runs,
        report.samples,
        report.frames,
        report.damages.len()
    )
}

fn as_json(report: &VerifyReport) -> Value {
    let damages = report.damages.iter().map(|unit| {
        json!({
            "path": unit.path.to_string_lossy(),
            "offset": unit.offset,
            "bytes": unit.bytes,
            "what": unit.what,
            "lost": unit.lost.as_ref().map(lost_as_json),
        })
    });
    let lost = report
        .lost
        .iter()
        .map(|(path, lost)| json!({"path": path.to_string_lossy(), "lost": lost_as_json(lost)}));
    json!({
        "runs": report.runs,
        "samples": report.samples,
        "frames": report.frames,
        "damages": damages.collect::<Vec<_>>(),
        "lost": lost.collect::<Vec<_>>(),
    })
}

fn lost_as_json(lost: &LostRange) -> Value {
    json!({
        "from_ms": lost.range.start_ms,
        "to_ms": lost.range.end_ms,
        "series": lost.series,
        "samples": lost.samples,
        "cause": match lost.cause {
            LossCause::DamagedRun => "run",
            LossCause::DamagedLog => "log",
            _ => "other",
        },
    })
}
