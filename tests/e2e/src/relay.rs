//! One `officesync-relay` process, and what can happen to it.

use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::cluster::tail;
use crate::directory::{Directory, target};
use crate::process::Process;

/// The failpoints a relay built with `--features failpoints` knows, in the order of a change's journey.
pub const FAILPOINTS: [&str; 6] = [
    "publish_before",
    "publish_confirm",
    "confirm_settle",
    "apply_mid",
    "apply_flush",
    "apply_ack",
];

/// How a relay is started: its two servers and any further settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// PostgreSQL of its office.
    pub database_url: String,
    /// RabbitMQ, with user and password.
    pub amqp_url: String,
    /// Further environment variables, full names.
    pub environment: Vec<(String, String)>,
}

/// A relay process.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    directory: Directory,
}

impl Relay {
    /// Starts one.
    pub fn start(office: &str, settings: &Settings) -> Relay {
        let directory = Directory::new(&format!("relay-{office}"));
        let log = directory.path().join("log");
        let process = Process::start("officesync-relay", command(settings), &log, Signal::SIGKILL);
        Relay { process, directory }
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// All it has logged.
    pub fn logged(&self) -> String {
        tail(&self.log(), usize::MAX)
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Freezes it.
    pub fn freeze(&mut self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets a frozen one go on.
    pub fn thaw(&mut self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Asks it to finish (SIGTERM) and gives its exit status.
    pub fn finish(&mut self) -> ExitStatus {
        self.process.signal(Signal::SIGTERM);
        self.process.wait(Duration::from_secs(40))
    }

    /// Leaves it running when this value goes away.
    pub fn leave(mut self) {
        self.process.leave();
        self.directory.leave();
    }
}

/// The program: `OFFICESYNC_RELAY_BIN`; or what was built next to this one, the one with failpoints first in tests.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("OFFICESYNC_RELAY_BIN") {
        return PathBuf::from(path);
    }
    let built = if cfg!(debug_assertions) {
        [
            "debug/officesync-relay-failpoints",
            "debug/officesync-relay",
        ]
        .as_slice()
    } else {
        ["release/officesync-relay"].as_slice()
    };
    let found = built
        .iter()
        .map(|name| target().join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!("no relay at {built:?}: run `make build`, or set OFFICESYNC_RELAY_BIN")
    })
}

/// The relay with arguments and environment of a test's choice, run to its end; panics when it does not end.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    run_within(Duration::from_secs(20), arguments, environment)
}

/// The same for what may take its time.
pub fn run_within(patience: Duration, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = bare();
    command.args(arguments).envs(environment.iter().copied());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the relay can be started");
    let deadline = Instant::now() + patience;
    while child
        .try_wait()
        .expect("a child can be waited for")
        .is_none()
    {
        if Instant::now() >= deadline {
            let _ = child.kill();
            let said = child.wait_with_output().map(|output| {
                [output.stdout, output.stderr]
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                    .concat()
            });
            panic!("the relay did not end with {arguments:?} {environment:?}: {said:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("its output can be read")
}

fn command(settings: &Settings) -> Command {
    let mut command = bare();
    command
        .arg("run")
        .env("OFFICESYNC_DATABASE_URL", &settings.database_url)
        .env("OFFICESYNC_AMQP_URL", &settings.amqp_url)
        .env("OFFICESYNC_LOG_FORMAT", "text");
    // For a closer look at a failing test: `E2E_RELAY_LOG=debug`.
    if let Some(filter) = std::env::var_os("E2E_RELAY_LOG") {
        command.env("OFFICESYNC_LOG", filter);
    }
    for (name, value) in &settings.environment {
        command.env(name, value);
    }
    command
}

/// The relay without any of our own `OFFICESYNC_` variables, which it would refuse as unknown settings.
fn bare() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OFFICESYNC_") {
            command.env_remove(name);
        }
    }
    command.env_remove("FAILPOINTS").env_remove("RUST_LOG");
    command
}
