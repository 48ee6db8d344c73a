//! The command line: the server's flags, or a command.

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::import::ImportCommand;
use crate::verify::VerifyArgs;

/// A time-series database that speaks Prometheus: remote write in, PromQL out.
#[derive(Clone, Debug, Parser)]
#[command(name = "tsdb-server", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How to serve.
    #[command(flatten)]
    pub config: Config,
}

/// What the program does beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Reads every byte of a store that no server has open, and reports what is damaged. Changes nothing.
    ///
    /// Exit codes: 0 nothing is damaged, 1 something is, 2 there is nothing to read.
    Verify(VerifyArgs),
    /// Imports files into a data directory that no server has open.
    Import(ImportCommand),
}
