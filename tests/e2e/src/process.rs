//! A child process with a pid file: started with its output in a log, ended by its pid and never by its name.
//!
//! The pid file is what lets `scripts/reap.sh` end it when this process dies in a way that runs no destructor.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::directory;

/// A running (or ended) child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    end_with: Signal,
    pid_file: PathBuf,
    left: bool,
}

impl Process {
    /// Starts `command` in a process group of its own (a Ctrl-C at the terminal is ours alone to handle), with its
    /// output appended to `log`. `end_with` is the signal that ends it when nobody asks for a gentler way.
    pub fn start(name: &str, mut command: Command, log: &Path, end_with: Signal) -> Process {
        let out = open_log(log);
        let err = out.try_clone().expect("a log file can be opened twice");
        let program = format!("{:?}", command.get_program());
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let pid = child.id();
        let start = start_time(pid).unwrap_or_else(|| "0".to_owned());
        let pid_file = directory::pids().join(pid.to_string());
        let number = end_with.as_str().trim_start_matches("SIG");
        fs::write(&pid_file, format!("{pid} {start} {number} {name}\n"))
            .expect("the pid file can be written");
        Process {
            name: name.to_owned(),
            child,
            end_with,
            pid_file,
            left: false,
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal; one to an ended process does nothing.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
        }
    }

    /// The exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for the end without asking for it; panics when it takes longer than `patience`.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        self.wait_for(patience).unwrap_or_else(|| {
            panic!(
                "{} (pid {}) still runs after {patience:?}",
                self.name,
                self.pid()
            )
        })
    }

    /// Sends `signal` and waits for the end; kills what does not end in time.
    pub fn stop(&mut self, signal: Signal, patience: Duration) -> ExitStatus {
        self.signal(signal);
        if let Some(status) = self.wait_for(patience) {
            return status;
        }
        self.signal(Signal::SIGKILL);
        self.wait(Duration::from_secs(10))
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait(Duration::from_secs(10));
    }

    /// Leaves it running when this value goes away; its pid file stays for whoever ends it.
    pub fn leave(&mut self) {
        self.left = true;
    }

    /// The most memory it ever held, in kilobytes (VmHWM), and what it holds now (VmRSS).
    pub fn memory_kb(&self) -> (u64, u64) {
        memory_kb(self.pid())
    }

    fn wait_for(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                let _ = fs::remove_file(&self.pid_file);
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.left && self.ended().is_none() {
            // A stopped process takes no signal but KILL before it goes on.
            self.signal(Signal::SIGCONT);
            self.stop(self.end_with, Duration::from_secs(15));
        }
    }
}

/// Peak and present resident memory of a process, in kilobytes; zeros once it is gone.
pub fn memory_kb(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
            .unwrap_or(0)
    };
    (field("VmHWM:"), field("VmRSS:"))
}

/// The kernel's start time of a process: with the pid it names one process for ever.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

fn open_log(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap_or_else(|error| panic!("cannot write the log {}: {error}", path.display()))
}

/// Runs a command to its end and returns what it printed; panics with its output when it fails.
pub fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {shown}: {error}"));
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{shown} failed ({})\n{out}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    out
}
