//! Where a run keeps its files: one private directory per process, one sub-directory per cluster, broker or relay.
//!
//! A run's directory is watched by `scripts/reap.sh` through a pipe: however this process ends (return, panic,
//! Ctrl-C, kill -9), the pipe closes, and the script ends what is left by the pid files and removes the directory.
//! Directories of failed tests are kept, for their logs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The script that ends what a run left behind.
pub const REAP: &str = include_str!("../../../scripts/reap.sh");

/// The user PostgreSQL runs as when we are root; it refuses to run as root itself.
pub const POSTGRES_USER: &str = "postgres";

static RUN: OnceLock<Run> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(1);

struct Run {
    path: PathBuf,
    /// Kept so that its standard input stays open exactly as long as this process lives.
    _reaper: Option<Child>,
}

/// Whether this process is root, and so has to start PostgreSQL as somebody else.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The repository's `target` directory.
pub fn target() -> PathBuf {
    if let Some(path) = std::env::var_os("CARGO_TARGET_DIR") {
        return PathBuf::from(path);
    }
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target")
        .canonicalize()
        .unwrap_or_else(|_| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
            fs::create_dir_all(&path).expect("the target directory can be made");
            path
        })
}

/// Makes `path` this process's run directory, to stay when the process ends (`up`). Call it before anything else.
pub fn settle_in(path: &Path) {
    make(&path.join("pids"));
    assert!(
        RUN.set(Run {
            path: path.to_owned(),
            _reaper: None
        })
        .is_ok(),
        "the run directory is already chosen"
    );
}

/// This process's run directory.
pub fn run_directory() -> &'static Path {
    &RUN.get_or_init(begin).path
}

/// Where the pid files are.
pub fn pids() -> PathBuf {
    run_directory().join("pids")
}

/// Keeps the run's files for a look at the logs.
pub fn keep() {
    let _ = fs::write(run_directory().join("keep"), "");
}

/// A place under which run directories may be made: `target/e2e`, or the system's temporary directory when the
/// user PostgreSQL has to run as may not pass through to `target`.
pub fn base(name: &str) -> PathBuf {
    let base = target().join(name);
    make(&base);
    if !is_root() || reachable(&base) {
        return base;
    }
    let base = std::env::temp_dir().join(format!("officesync-{name}"));
    make(&base);
    base
}

/// A directory below the run's, removed when dropped, unless a test is failing.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Makes a new one; `name` is for the reader.
    pub fn new(name: &str) -> Directory {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = run_directory().join(format!("{number}-{name}"));
        make(&path);
        Directory { path }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the files there for good.
    pub fn leave(self) -> PathBuf {
        let path = self.path.clone();
        std::mem::forget(self);
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            keep();
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn begin() -> Run {
    let program = std::env::current_exe().ok();
    let name = program
        .as_deref()
        .and_then(Path::file_stem)
        .and_then(|stem| stem.to_str())
        .and_then(|stem| stem.split('-').next())
        .unwrap_or("run")
        .to_owned();
    let path = base("e2e").join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    make(&path.join("pids"));
    let reaper = Command::new("setsid")
        .args(["sh", "-c", REAP, "reap.sh"])
        .arg(&path)
        .arg("--wait")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setsid and sh are there");
    Run {
        path,
        _reaper: Some(reaper),
    }
}

/// Makes a directory nobody else can list; as root others may pass through it, for PostgreSQL's own user.
fn make(path: &Path) {
    fs::create_dir_all(path)
        .unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
    let mode = if is_root() { 0o711 } else { 0o700 };
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
}

fn reachable(path: &Path) -> bool {
    as_postgres("test")
        .arg("-x")
        .arg(path)
        .status()
        .is_ok_and(|status| status.success())
}

/// A command that runs as PostgreSQL's user when we are root, and as ourselves otherwise.
pub fn as_postgres(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            POSTGRES_USER,
            "--regid",
            POSTGRES_USER,
            "--init-groups",
            "--",
        ])
        .arg(program);
    command
}
