//! A head office and its branches, joined by a broker.

use crate::broker::{Broker, Permission};
use crate::office::Office;
use crate::topology::Topology;
use crate::wait;

/// The offices; the head is the first.
#[derive(Debug)]
pub struct Company {
    offices: Vec<Office>,
    virtual_host: String,
    /// The administrator's address in this company's virtual host.
    admin_url: String,
}

impl Company {
    /// Opens a head and `branches` branches on the broker all tests share, relays not yet started.
    pub async fn open(branches: usize) -> Company {
        Company::open_on(Broker::shared().await, branches).await
    }

    /// The same on a broker of the test's own.
    pub async fn open_on(broker: &Broker, branches: usize) -> Company {
        Company::open_with(broker, branches, "").await
    }

    /// The same, with further lines for each `postgresql.conf`.
    pub async fn open_with(broker: &Broker, branches: usize, cluster_settings: &str) -> Company {
        let names: Vec<String> = (0..=branches).map(office_name).collect();
        let virtual_host = broker.virtual_host(&permissions(branches));
        let opening = names.iter().enumerate().map(|(number, name)| {
            open_office(broker, &virtual_host, number, name, cluster_settings)
        });
        let offices = futures_util::future::join_all(opening).await;
        let admin_url = broker.url("admin", &virtual_host);
        Company {
            offices,
            virtual_host,
            admin_url,
        }
    }

    /// Opens a head and branches, makes the tables of `schema` everywhere, tracks `tables` both ways, starts all
    /// relays, and waits until the branches are welcome.
    pub async fn running(branches: usize, schema: &str, tables: &[&str]) -> Company {
        let mut company = Company::open(branches).await;
        company.found(schema, tables).await;
        company
    }

    /// Makes and tracks tables and starts the relays, in a company that was just opened.
    pub async fn found(&mut self, schema: &str, tables: &[&str]) {
        self.everywhere(schema).await;
        for table in tables {
            self.everywhere(&format!("SELECT officesync.track('{table}', 'both')"))
                .await;
        }
        self.start_relays().await;
    }

    /// Opens one more branch (tables and relay are the caller's to add) and gives its number.
    pub async fn add_branch(&mut self, broker: &Broker) -> usize {
        let number = self.offices.len();
        broker.define(&self.virtual_host, &permissions(number));
        let office =
            open_office(broker, &self.virtual_host, number, &office_name(number), "").await;
        self.offices.push(office);
        number
    }

    /// Runs the same statements at every office, at the head last: what is tracked there is made at the branches.
    pub async fn everywhere(&self, sql: &str) {
        for office in self.offices.iter().rev() {
            office.run(sql).await;
        }
    }

    /// Starts every relay that does not run, and waits until every branch is welcome.
    pub async fn start_relays(&mut self) {
        for office in &mut self.offices {
            if office.relay.is_none() {
                office.start_relay();
            }
        }
        self.await_welcome().await;
    }

    /// Waits until every branch knows its place in the head's log.
    pub async fn await_welcome(&self) {
        for office in self.branches() {
            wait::until(
                &format!("{} to be welcome at the head", office.name),
                wait::RECOVERY,
                || async {
                    let known = office
                        .try_value("SELECT count(*) FROM officesync.inbox_position()")
                        .await?;
                    let log = office
                        .relay
                        .as_ref()
                        .map(|relay| crate::cluster::tail(&relay.log(), 10));
                    if known == "1" {
                        Ok(())
                    } else {
                        Err(format!("{known} positions\n{}", log.unwrap_or_default()))
                    }
                },
            )
            .await;
        }
    }

    /// The head office.
    pub fn head(&self) -> &Office {
        &self.offices[0]
    }

    /// An office by number: 0 is the head, 1 the first branch.
    pub fn office(&self, number: usize) -> &Office {
        &self.offices[number]
    }

    /// The same, to do something to it.
    pub fn office_mut(&mut self, number: usize) -> &mut Office {
        &mut self.offices[number]
    }

    /// All offices, the head first.
    pub fn offices(&self) -> &[Office] {
        &self.offices
    }

    /// All offices, to do something to them.
    pub fn offices_mut(&mut self) -> &mut [Office] {
        &mut self.offices
    }

    /// The branches.
    pub fn branches(&self) -> &[Office] {
        &self.offices[1..]
    }

    /// The virtual host of this company in the broker.
    pub fn virtual_host(&self) -> &str {
        &self.virtual_host
    }

    /// An administrator's look into the broker.
    pub async fn topology(&self) -> Topology {
        Topology::open(&self.admin_url).await
    }

    /// Leaves all offices running (`up`).
    pub fn leave(mut self) {
        for office in std::mem::take(&mut self.offices) {
            office.leave();
        }
    }
}

/// A test that fails shows what every relay said last: where it runs, the files are soon gone.
impl Drop for Company {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for office in &self.offices {
            if let Some(relay) = &office.relay {
                let log = crate::cluster::tail(&relay.log(), 25);
                eprintln!("--- the relay of {}:\n{log}", office.name);
            }
        }
    }
}

/// What the users of a company of so many branches may do in the broker.
pub fn permissions(branches: usize) -> Vec<Permission> {
    let mut permissions = vec![Permission::head()];
    permissions.extend((1..=branches).map(|number| Permission::branch(&office_name(number))));
    permissions
}

/// The name of an office by number.
pub fn office_name(number: usize) -> String {
    if number == 0 {
        "head".to_owned()
    } else {
        format!("branch{number}")
    }
}

async fn open_office(
    broker: &Broker,
    host: &str,
    number: usize,
    name: &str,
    cluster_settings: &str,
) -> Office {
    let role = if number == 0 { "head" } else { "branch" };
    Office::open(
        name,
        role,
        broker.port(),
        |port| broker.url_through(port, name, host),
        cluster_settings,
    )
    .await
}
