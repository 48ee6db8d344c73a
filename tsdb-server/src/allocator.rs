//! The allocator gives memory back soon after it is free.
//!
//! mimalloc waits for a second by itself, in which a flush or a crowd of queries adds what it takes to what the one before
//! has left; a tenth of it is enough (docs/decisions/0102-the-programs-allocator.md). It reads the delay from the environment when the program
//! starts, and the call that sets it later is not safe Rust; so the program is started once more, in the same process.

/// Milliseconds that memory is kept for use after it is free.
#[cfg(unix)]
const DELAY_MS: &str = "100";

/// Begins the program anew with the delay set, unless the environment says something about it already. Returns where that
/// is not possible or not needed.
#[cfg(unix)]
pub fn give_back_soon() {
    use std::os::unix::process::CommandExt as _;

    const VARIABLE: &str = "MIMALLOC_PURGE_DELAY";
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It returns only when it fails; then the program goes on as it is.
    let _ = command.args(arguments).env(VARIABLE, DELAY_MS).exec();
}

/// No system but Unix can replace a running program.
#[cfg(not(unix))]
pub fn give_back_soon() {}
