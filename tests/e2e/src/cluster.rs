//! A private PostgreSQL cluster: made, started, stopped gently or at once, started again.
//!
//! The programs are those of the `pg_config` in `PG_CONFIG` (or the path). As root the server runs as the
//! `postgres` user, because it refuses root. Loopback only, no socket files, no password.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::User;
use tokio_postgres::{Client, Config, NoTls};

use crate::directory::{self, Directory, POSTGRES_USER, as_postgres};
use crate::process::{Process, run};
use crate::{ports, wait};

/// What every cluster of the tests is set to; durability is on, because crashes are what is tested.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
max_prepared_transactions = 20
shared_buffers = 128MB
max_wal_size = 2GB
checkpoint_timeout = 15min
fsync = on
synchronous_commit = on
jit = off
timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_min_messages = warning
";

/// A cluster with its data and, most of the time, its server.
#[derive(Debug)]
pub struct Cluster {
    // The server is declared, and so dropped, before the files under it.
    server: Option<Process>,
    port: u16,
    directory: Directory,
}

impl Cluster {
    /// A new cluster, started. `settings` are further lines of `postgresql.conf`.
    pub async fn start(name: &str, settings: &str) -> Cluster {
        let directory = Directory::new(&format!("postgres-{name}"));
        let data = directory.path().join("data");
        run(Command::new("cp").arg("-a").arg(template()).arg(&data));
        let port = ports::free();
        let mut configuration =
            fs::read_to_string(data.join("postgresql.conf")).expect("initdb wrote it");
        configuration.push_str(&format!(
            "{SETTINGS}port = {port}\ncluster_name = '{name}'\n{settings}\n"
        ));
        fs::write(data.join("postgresql.conf"), configuration).expect("it can be written");
        let mut cluster = Cluster {
            directory,
            port,
            server: None,
        };
        cluster.begin().await;
        cluster
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's log file.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Starts the server again after a stop, and waits until it answers.
    pub async fn begin(&mut self) {
        assert!(self.server.is_none(), "the server already runs");
        let mut command = as_postgres(bin("postgres"));
        command
            .arg("-D")
            .arg(self.directory.path().join("data"))
            // With it, every error of the extension would carry a backtrace as its detail.
            .env_remove("RUST_BACKTRACE")
            .current_dir("/");
        self.server = Some(Process::start(
            "postgres",
            command,
            &self.log(),
            Signal::SIGQUIT,
        ));
        let (port, log) = (self.port, self.log());
        wait::until("PostgreSQL to answer", wait::RECOVERY, || async {
            match connect(port, "postgres", "postgres").await {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("{error}\n{}", tail(&log, 10))),
            }
        })
        .await;
    }

    /// Stops it as an operator does (fast shutdown).
    pub fn stop(&mut self) {
        self.end(Signal::SIGINT);
    }

    /// Stops it as a power cut does (immediate shutdown): what was not flushed is gone.
    pub fn stop_immediately(&mut self) {
        self.end(Signal::SIGQUIT);
    }

    /// Makes it a standby that only reads from its next start on (it must be stopped).
    pub fn make_standby(&self) {
        assert!(self.server.is_none(), "stop the server first");
        fs::write(self.directory.path().join("data/standby.signal"), "")
            .expect("it can be written");
    }

    /// Leaves the server and its data when this value goes away.
    pub fn leave(mut self) {
        if let Some(server) = &mut self.server {
            server.leave();
        }
        self.directory.leave();
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut server) = self.server.take() {
            server.stop(signal, Duration::from_secs(60));
        }
    }
}

/// Opens a connection and lets it run in the background.
pub async fn connect(
    port: u16,
    user: &str,
    database: &str,
) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = Config::new()
        .host("127.0.0.1")
        .port(port)
        .user(user)
        .dbname(database)
        .connect_timeout(Duration::from_secs(5))
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The `pg_config` to use.
pub fn pg_config() -> String {
    std::env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".to_owned())
}

/// The last `count` lines of a file.
pub fn tail(path: &Path, count: usize) -> String {
    let text = fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn bin(program: &str) -> PathBuf {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| PathBuf::from(run(Command::new(pg_config()).arg("--bindir")).trim()))
        .join(program)
}

/// A freshly made cluster that the others are copies of: `initdb` takes longer than `cp`.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let home = directory::run_directory().join("template");
        fs::create_dir_all(&home).expect("the directory can be made");
        if directory::is_root() {
            let user = User::from_name(POSTGRES_USER)
                .ok()
                .flatten()
                .unwrap_or_else(|| {
                    panic!("there is no user {POSTGRES_USER}: `make deps` installs PostgreSQL")
                });
            chown(&home, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("root may");
        }
        let data = home.join("data");
        run(as_postgres(bin("initdb"))
            .current_dir("/")
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .arg(&data));
        data
    })
}
