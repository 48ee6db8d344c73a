//! The program: flags, logs, then the server until a signal ends it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use tsdb_server::{
    Cli, Command, ImportCommand, give_back_soon, run, run_import, telemetry, verify,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes: 0 clean, 1 runtime error, 2 bad flags or configuration; those of the commands are in their help.
fn main() -> ExitCode {
    give_back_soon();
    let Cli { command, config } = Cli::parse(); // prints and exits with 2 on bad flags, with 0 after --help
    if let Some(Command::Verify(args)) = command {
        return verify(&args);
    }
    if let Err(reason) = config.check() {
        eprintln!("error: {reason}\n\nFor more information, try '--help'.");
        return ExitCode::from(2);
    }
    let settings = config.read_settings().map(drop);
    if let Err(reason) = settings.and_then(|()| config.check_web_config()) {
        eprintln!("error: {reason}");
        return ExitCode::from(2);
    }
    telemetry::init_logs(config.log_level, config.log_format);
    if let Some(Command::Import(import)) = command {
        return import_files(&import);
    }
    // What takes long runs on threads of its own; these move bytes, and where there are more of them than that needs they wake
    // each other in vain.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.div_ceil(2))
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            tracing::error!(error = %e, "cannot start the async runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!(error = %e, "the server ended with an error");
            ExitCode::FAILURE
        }
    }
}

/// Exit code 1 as well when something of the files was refused.
fn import_files(command: &ImportCommand) -> ExitCode {
    match run_import(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}
