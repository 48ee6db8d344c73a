//! `tsdb-server import`: what other stores left in files, into a data directory that no server has open.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tsdb_core::{Db, Durability, Options};
use tsdb_influx::Influx;

use super::progress::Progress;
use super::sink::Sink;
use super::text_lines::TextOptions;
use super::{block, file, influx};
use crate::config::Settings;
use crate::ingest::WriteError;
use crate::text::Format;

/// Imports files into a data directory that no server has open.
///
/// What was interrupted, by whatever, is run again: samples that are there already are accepted and kept once.
#[derive(Clone, Debug, Args)]
pub struct ImportCommand {
    /// Directory of the store; made if it is not there. Nothing is dropped by age here: a server that opens the store
    /// drops what is older than its retention.
    #[arg(
        long = "data-dir",
        visible_alias = "storage.tsdb.path",
        value_name = "DIR",
        default_value = "./data",
        global = true
    )]
    data_dir: PathBuf,

    /// The configuration file of the server that the store is for: its retention classes are those of what is imported.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        env = "TSDB_CONFIG_FILE",
        global = true
    )]
    config_file: Option<PathBuf>,

    #[command(subcommand)]
    source: Source,
}

/// What is imported.
#[derive(Clone, Debug, Subcommand)]
enum Source {
    /// Blocks of a Prometheus: one, or all in a data directory or a snapshot. The write-ahead log beside them is not read:
    /// a snapshot has its samples in a block.
    PrometheusBlocks {
        /// The directory.
        dir: PathBuf,
    },
    /// A file of OpenMetrics text, with a time on every sample. Files may be compressed by gzip.
    Openmetrics {
        /// The file; - is standard input.
        file: PathBuf,
        /// Insists on every rule of OpenMetrics, and stops at the first line that breaks one.
        #[arg(long)]
        strict: bool,
    },
    /// A file of `influx_inspect export`: line protocol with times in nanoseconds, and the database in comments.
    Influx {
        /// The file; - is standard input.
        file: PathBuf,
    },
}

/// Runs the import, and tells on stderr how far it is and what became of it. True when everything was accepted.
///
/// # Errors
/// What kept it from going on.
pub fn run(command: &ImportCommand) -> Result<bool, String> {
    let settings = match &command.config_file {
        Some(path) => Settings::read(path, None, None).map_err(|e| e.to_string())?,
        None => Settings::default(),
    };
    let db = Db::open(&command.data_dir, options(&settings))
        .map_err(|e| format!("{}: {e}", command.data_dir.display()))?;
    let mut sink = Sink::new(db.clone());
    let mut progress = Progress::new();
    let imported = import(command, &db, &mut sink, &mut progress);
    let closed = db.close().map_err(|e| e.to_string());
    progress.finish(sink.summary());
    imported.map_err(|e| e.message)?;
    closed?;
    match sink.summary().refusal() {
        Some(refusal) => {
            eprintln!("not everything was accepted: {refusal}");
            Ok(false)
        }
        None => Ok(true),
    }
}

/// The log is synced at the end: what a crash of the machine takes before is imported again.
fn options(settings: &Settings) -> Options {
    let options = Options::new()
        .retention(None)
        .future_limit(None)
        .durability(Durability::Never);
    // What is written keeps its class for life; no age counts here.
    let classes = settings.retention.of_store().classes.into_iter();
    classes.fold(options, |options, class| {
        options.retention_class(class.matchers, None)
    })
}

fn import(
    command: &ImportCommand,
    db: &Db,
    sink: &mut Sink,
    progress: &mut Progress,
) -> Result<(), WriteError> {
    match &command.source {
        Source::PrometheusBlocks { dir } => {
            let blocks = block::find(dir)?;
            block::import(&blocks, sink, progress)
        }
        Source::Openmetrics { file, strict } => {
            let options = TextOptions {
                format: Format::OpenMetrics,
                default_t_ms: None,
                extra_labels: Vec::new(),
                strict: *strict,
            };
            file::import(file, &options, sink, progress)
        }
        Source::Influx { file } => {
            let influx = Influx::open(db.clone(), Some(&command.data_dir));
            let influx = influx.map_err(|e| WriteError::bad_request(e.to_string()))?;
            influx::import(file, &influx, sink.summary_mut(), progress)
        }
    }
}
