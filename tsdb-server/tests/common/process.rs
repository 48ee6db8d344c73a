//! Programs under test. Whatever happens to the test, they are killed when their handle is dropped.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::http::{self, Response};

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    /// What it said on stderr, which is shown when the test fails.
    log: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Starts it. Its stderr is read to the end: a full pipe would stop it.
    pub(crate) fn start(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in lines.map_while(Result::ok) {
                    log.lock().unwrap().push(line);
                }
            }
        });
        Self { name, child, log }
    }

    /// Waits for something that the log says.
    fn wait_for_line<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let found = || self.log.lock().unwrap().iter().find_map(|line| find(line));
        until(&format!("log of {}", self.name), found)
    }

    /// Of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it said so far.
    pub(crate) fn said(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it ends by itself; its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    /// SIGKILL.
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Ok(log) = self.log.lock()
        {
            let last = log.len().saturating_sub(30);
            eprintln!("the last that {} said:", self.name);
            log.iter().skip(last).for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// Asks again and again until there is an answer; fails after a while.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "timeout: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An address on this machine where nothing listens.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A running tsdb-server.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) program: Program,
    pub(crate) address: String,
}

impl Process {
    /// The program of this build, or the one that `TSDB_SERVER_PROGRAM` names.
    pub(crate) fn path() -> OsString {
        std::env::var_os("TSDB_SERVER_PROGRAM")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_tsdb-server").into())
    }

    /// Starts it on a directory and a free port, and waits until it is ready.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_at("127.0.0.1:0", dir, &[])
    }

    /// The same at an address.
    pub(crate) fn start_at(address: &str, dir: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(Self::path());
        command.args(["--listen", address, "--data-dir"]).arg(dir);
        let process = Self::of(Program::start({
            command.args(flags);
            command
        }));
        until("/-/ready", || {
            let answer = http::request(&process.address, "GET /-/ready", &[], &[]);
            answer.is_ok_and(|a| a.status == 200).then_some(())
        });
        process
    }

    /// A program that was started otherwise; it need not be ready.
    pub(crate) fn of(program: Program) -> Self {
        let address = program.wait_for_line(|line| {
            let (_, address) = line.split_once("msg=listening address=")?;
            Some(address.to_owned())
        });
        Self { program, address }
    }

    /// Status and body; `line` is method and target.
    pub(crate) fn request(&self, line: &str, body: &[u8]) -> (u16, String) {
        let Response { status, body } = http::request(&self.address, line, &[], body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}
