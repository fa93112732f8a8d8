//! One connection to RabbitMQ.
//!
//! Invariant: no automatic recovery; a broken connection is an error here and its owner starts over.

use std::sync::Arc;
use std::time::Duration;

use lapin::{Connection, ConnectionProperties};

use crate::config::Broker;
use crate::error::{Error, Result};

/// TCP, TLS and the AMQP handshake together may take this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// An open connection and the user it was opened as. Dropping it closes it.
///
/// lapin closes a connection when its last handle goes, but a consumer that was being made keeps handles
/// inside the library; such a connection would live on and swallow messages as a second consumer.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Arc<Connection>,
    pub(crate) user: String,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && self.connection.status().connected()
        {
            let connection = Arc::clone(&self.connection);
            runtime.spawn(async move { close(&connection).await });
        }
    }
}

/// Connects; `name` is what the broker's own lists show.
pub(crate) async fn connect(broker: &Broker, name: String) -> Result<Link> {
    let uri = broker.uri()?;
    let user = uri.expose().authority.userinfo.username.clone();
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connecting = Connection::connect_uri_with_config(
        uri.expose().clone(),
        properties,
        crate::tls::for_broker(&broker.tls)?,
        lapin::runtime::default_runtime()?,
    );
    let connection = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|_| Error::BrokerTimeout)??;
    Ok(Link {
        connection: Arc::new(connection),
        user,
    })
}

/// An attempt to connect with all that belongs to it: on a link that breaks at that moment, a channel or a declaration may
/// never be answered.
pub(crate) async fn attempt<T>(connecting: impl Future<Output = Result<T>>) -> Result<T> {
    /// A link of 64 kbit/s with half a second each way takes fifteen seconds.
    const PATIENCE: Duration = Duration::from_secs(30);
    tokio::time::timeout(PATIENCE, connecting)
        .await
        .unwrap_or(Err(Error::BrokerTimeout))
}

impl Link {
    /// Says goodbye; a connection that is gone already is fine.
    pub(crate) async fn close(&self) {
        close(&self.connection).await;
    }
}

async fn close(connection: &Connection) {
    const PATIENCE: Duration = Duration::from_secs(2);
    let goodbye = connection.close(200, "the relay stops".into());
    if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, goodbye).await {
        tracing::debug!(%error, "the broker connection was closed already");
    }
}
