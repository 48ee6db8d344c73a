//! How many heaps the allocator of glibc has.
//!
//! It makes up to eight a CPU, one for each thread while there are fewer, and what a heap once took it seldom gives back: with
//! many threads a crowd leaves several times the memory that it used at once. As many as there are CPUs do
//! (docs/decisions/0111-few-heaps.md). Their number is read from the environment when a program starts, so that it is set by
//! starting it once more, in the same process.

/// Begins the program anew with fewer heaps, unless the environment says how many there are. Returns where that is not possible
/// or not needed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn limit_arenas() {
    use std::os::unix::process::CommandExt as _;

    const VARIABLE: &str = "MALLOC_ARENA_MAX";
    let is_set = |name| std::env::var_os(name).is_some();
    if is_set(VARIABLE) || is_set("GLIBC_TUNABLES") {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It returns only when it fails; then the program goes on as it is.
    let _ = command
        .args(arguments)
        .env(VARIABLE, cpus.max(2).to_string())
        .exec();
}

/// Other allocators have other rules.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn limit_arenas() {}
