//! `up` and `down`: a company that stays, and its end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::directory;
use officesync_e2e::office::DATABASE;
use officesync_e2e::workload;

/// Where the addresses are written, whatever directory the servers had to be put in.
fn env_file() -> PathBuf {
    directory::target().join("up").join("env")
}

/// Starts a company and leaves it running; true when it is up.
pub(crate) async fn up(branches: usize) -> bool {
    if let Ok(text) = fs::read_to_string(env_file()) {
        if text
            .lines()
            .any(|line| line == format!("BOOT_ID={}", boot_id()))
        {
            println!(
                "It is already up; `make down` stops it. Its addresses, from {}:\n",
                env_file().display()
            );
            print!("{text}");
            return true;
        }
        // Left from before the machine was started again.
        end();
    }
    let home = directory::base("up");
    directory::settle_in(&home);
    println!("Starting a head office and {branches} branches ...");
    let broker = Broker::start().await;
    let mut company = Company::open_on(&broker, branches).await;
    let host = company.virtual_host().to_owned();
    for office in company.offices_mut() {
        // Straight to the broker: the links that can be cut live only as long as this process.
        office.settings.amqp_url = broker.url(&office.name, &host);
    }
    company.found(workload::SCHEMA, &workload::TABLES).await;
    let text = addresses(&company, &broker, &host);
    fs::create_dir_all(directory::target().join("up")).expect("target/up can be made");
    fs::write(env_file(), &text).expect("target/up/env can be written");
    // There is a password in it.
    let _ = fs::set_permissions(env_file(), fs::Permissions::from_mode(0o600));
    company.leave();
    broker.leave();
    println!(
        "It is up. Addresses, also in {}:\n\n{text}",
        env_file().display()
    );
    println!("Try next:");
    println!("  . {}", env_file().display());
    println!(
        "  psql $BRANCH1_URL -c \"INSERT INTO products VALUES (gen_random_uuid(), 'tea', 2.50)\""
    );
    println!("  psql $HEAD_URL -c 'TABLE products'");
    println!("  psql $HEAD_URL -c 'TABLE officesync.outbox_status'");
    println!("  make down");
    true
}

/// Stops what `up` started, and nothing else.
pub(crate) fn down() -> ExitCode {
    if !env_file().exists() && !directory::base("up").join("pids").exists() {
        println!("Nothing is up.");
        return ExitCode::SUCCESS;
    }
    if end() {
        println!("Stopped.");
        ExitCode::SUCCESS
    } else {
        eprintln!("officesync-demo: not everything could be stopped");
        ExitCode::FAILURE
    }
}

fn end() -> bool {
    let ended = Command::new("sh")
        .args(["-c", directory::REAP, "reap.sh"])
        .arg(directory::base("up"))
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let _ = fs::remove_file(env_file());
    ended
}

fn addresses(company: &Company, broker: &Broker, host: &str) -> String {
    let mut text = String::new();
    for office in company.offices() {
        let name = office.name.to_uppercase();
        text.push_str(&format!(
            "{name}_URL=postgres://postgres@127.0.0.1:{}/{DATABASE}\n",
            office.cluster.port()
        ));
    }
    text.push_str(&format!("AMQP_URL={}\n", broker.url("admin", host)));
    text.push_str(&format!("BOOT_ID={}\n", boot_id()));
    text
}

/// Changes with each start of the machine.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}
