//! A private RabbitMQ node: its own name, ports, files, cookie and port mapper; nothing of the system's is touched.
//!
//! The server script under the library directory is used, not Debian's wrapper, which insists on the system's own
//! user and directories. Users are offices: name, random password, and permissions for their own things only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lapin::{Connection, ConnectionProperties};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::directory::Directory;
use crate::process::{Process, run};
use crate::{ports, seed, wait};

/// A node, its users' passwords and, most of the time, its server.
#[derive(Debug)]
pub struct Broker {
    // The server is declared, and so dropped, before the files under it.
    server: Option<Process>,
    mapper: Process,
    node: String,
    port: u16,
    distribution_port: u16,
    mapper_port: u16,
    secret: String,
    directory: Directory,
}

/// The permissions of one office's user in one virtual host.
#[derive(Debug, Clone)]
pub struct Permission {
    /// User and office name.
    pub user: String,
    /// What it may declare and delete, as RabbitMQ's regular expression.
    pub configure: String,
    /// What it may publish to and bind.
    pub write: String,
    /// What it may consume from and bind to.
    pub read: String,
}

impl Permission {
    /// What the head office's relay needs.
    pub fn head() -> Permission {
        let own = "^officesync\\.".to_owned();
        Permission {
            user: "head".to_owned(),
            configure: own.clone(),
            write: own.clone(),
            read: own,
        }
    }

    /// What a branch's relay needs: the two exchanges, the head's queue to bind it, and its own queue.
    pub fn branch(name: &str) -> Permission {
        Permission {
            user: name.to_owned(),
            configure: format!("^officesync\\.(up|down|head|branch\\.{name})$"),
            write: format!("^officesync\\.(up|head|branch\\.{name})$"),
            read: format!("^officesync\\.(up|down|branch\\.{name})$"),
        }
    }
}

impl Broker {
    /// The node all tests of one process share, each with a virtual host of its own. It ends with the process.
    pub async fn shared() -> &'static Broker {
        static SHARED: tokio::sync::OnceCell<Broker> = tokio::sync::OnceCell::const_new();
        SHARED.get_or_init(Broker::start).await
    }

    /// A node of one's own, to do things to.
    pub async fn start() -> Broker {
        let directory = Directory::new("rabbitmq");
        let mapper_port = ports::free();
        let mut mapper = Command::new("epmd");
        mapper.args(["-port", &mapper_port.to_string(), "-address", "127.0.0.1"]);
        let mapper = Process::start(
            "epmd",
            mapper,
            &directory.path().join("epmd.log"),
            Signal::SIGKILL,
        );
        let port = ports::free();
        let mut broker = Broker {
            node: format!("officesync-{port}@localhost"),
            port,
            distribution_port: ports::free(),
            mapper_port,
            secret: seed::secret(),
            mapper,
            server: None,
            directory,
        };
        broker.write_configuration();
        broker.begin().await;
        broker
    }

    /// Starts the server again after a stop, and waits until it takes connections.
    pub async fn begin(&mut self) {
        assert!(self.server.is_none(), "the node already runs");
        let mut command = self.command("rabbitmq-server");
        // With input "allowed" the script hands its process over to the server, so that the pid is the server's.
        command.env("RABBITMQ_ALLOW_INPUT", "1").arg("-noinput");
        self.server = Some(Process::start(
            "rabbitmq",
            command,
            &self.path("server.log"),
            Signal::SIGKILL,
        ));
        let url = self.url("admin", "/");
        wait::until("RabbitMQ to answer", wait::RECOVERY, || async {
            // lapin may wait forever when a server that is still starting hangs up on it.
            let connecting = Connection::connect(&url, ConnectionProperties::default());
            match tokio::time::timeout(Duration::from_secs(5), connecting).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no answer within 5 s".to_owned()),
            }
        })
        .await;
        // It takes connections a moment before it takes commands.
        self.control(&["await_startup"]);
    }

    /// Makes a virtual host with these users in it; returns its name.
    pub fn virtual_host(&self, permissions: &[Permission]) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("company{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.define(&name, permissions);
        name
    }

    /// Makes the virtual host `name` and these users, or brings them up to date.
    pub fn define(&self, name: &str, permissions: &[Permission]) {
        let users = permissions
            .iter()
            .map(|p| json!({"name": p.user, "password": self.password(&p.user), "tags": ""}))
            .collect::<Vec<_>>();
        let mut granted = permissions
            .iter()
            .map(|p| json!({"user": p.user, "vhost": name, "configure": p.configure, "write": p.write, "read": p.read}))
            .collect::<Vec<_>>();
        granted.push(
            json!({"user": "admin", "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}),
        );
        let file = self.path(&format!("define-{name}.json"));
        let definitions =
            json!({"users": users, "vhosts": [{"name": name}], "permissions": granted});
        fs::write(&file, definitions.to_string()).expect("the definitions can be written");
        self.control(&[
            "import_definitions",
            &file.display().to_string(),
            "--format",
            "json",
        ]);
    }

    /// The address for `user` in a virtual host, with its password.
    pub fn url(&self, user: &str, virtual_host: &str) -> String {
        self.url_through(self.port, user, virtual_host)
    }

    /// The same through another port (a proxy's).
    pub fn url_through(&self, port: u16, user: &str, virtual_host: &str) -> String {
        let host = virtual_host.replace('/', "%2f");
        format!(
            "amqp://{user}:{}@127.0.0.1:{port}/{host}",
            self.password(user)
        )
    }

    /// The password of a user: as hard to guess as the node's secret, and the same in each virtual host.
    pub fn password(&self, user: &str) -> String {
        format!("{}-{user}", self.secret)
    }

    /// The AMQP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Process::pid)
    }

    /// Runs `rabbitmqctl` on this node and returns what it printed.
    pub fn control(&self, arguments: &[&str]) -> String {
        run(self
            .command("rabbitmqctl")
            .args(["-n", &self.node, "-q"])
            .args(arguments))
    }

    /// Raises the memory alarm: publishers are blocked until [`Broker::clear_memory_alarm`].
    pub fn raise_memory_alarm(&self) {
        self.control(&["set_vm_memory_high_watermark", "absolute", "1"]);
    }

    /// Ends the memory alarm.
    pub fn clear_memory_alarm(&self) {
        self.control(&["set_vm_memory_high_watermark", "absolute", "2GB"]);
    }

    /// Stops the node as an operator does.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.stop(Signal::SIGTERM, Duration::from_secs(60));
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Throws away all its data (it must be stopped); who used it has to be defined again.
    pub fn forget(&mut self) {
        assert!(self.server.is_none(), "stop the node first");
        fs::remove_dir_all(self.path("mnesia")).expect("the data can be removed");
        fs::create_dir_all(self.path("mnesia")).expect("the directory can be made");
    }

    /// Leaves the node and its data when this value goes away.
    pub fn leave(mut self) {
        self.mapper.leave();
        if let Some(server) = &mut self.server {
            server.leave();
        }
        self.directory.leave();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write_configuration(&self) {
        for name in ["home", "mnesia", "log", "schema", "generated"] {
            fs::create_dir_all(self.path(name)).expect("the directory can be made");
        }
        let configuration = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\ndisk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 2GB\n\
             default_user = admin\ndefault_pass = {}\nlog.console = false\n",
            self.port,
            self.password("admin")
        );
        fs::write(self.path("rabbitmq.conf"), configuration).expect("it can be written");
        fs::write(self.path("enabled_plugins"), "[].\n").expect("it can be written");
        fs::write(self.path("environment"), "").expect("it can be written");
    }

    /// A RabbitMQ program with the environment of this node and nobody else's.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(Path::new(library()).join(program));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RABBITMQ_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.directory.path())
            .env("HOME", self.path("home"))
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", self.path("mnesia"))
            .env("RABBITMQ_LOG_BASE", self.path("log"))
            .env("RABBITMQ_SCHEMA_DIR", self.path("schema"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", self.path("generated"))
            .env(
                "RABBITMQ_ENABLED_PLUGINS_FILE",
                self.path("enabled_plugins"),
            )
            .env("RABBITMQ_CONF_ENV_FILE", self.path("environment"))
            .env("RABBITMQ_CONFIG_FILE", self.path("rabbitmq.conf"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command
    }
}

/// Where RabbitMQ's own scripts are.
fn library() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        std::env::var("RABBITMQ_BIN").unwrap_or_else(|_| {
            let usual = "/usr/lib/rabbitmq/bin";
            assert!(
                Path::new(usual).exists(),
                "no RabbitMQ in {usual}: run `make deps`, or set RABBITMQ_BIN"
            );
            usual.to_owned()
        })
    })
}
