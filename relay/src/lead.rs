//! The lead session: one database connection that listens and holds the lead of this office.
//!
//! Invariant: exactly one relay of an office works; the lead lives and dies with this session, so
//! whoever loses the session has lost the lead and must stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Database};
use crate::database::{self, Client, Office};
use crate::error::{Error, Result};

/// How often a standby asks for the lead.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Who is woken by which notification, and the end of the session.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    /// Channel `officesync`: a commit wrote to the outbox.
    pub(crate) outbox: Notify,
    /// Channel `officesync_lane`: an operator asked to retry or skip.
    pub(crate) lanes: Notify,
    /// Channel `officesync_reading`: something is wanted of our tables, or a branch has left.
    pub(crate) readings: Notify,
    /// Channel `officesync_pause`: an operator has paused or resumed something.
    pub(crate) paused: Notify,
    /// Cancelled when the connection ends, for whatever reason.
    pub(crate) lost: CancellationToken,
}

/// A session that is listening; the lead once `lead` returned.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) office: Office,
    pub(crate) wakers: Arc<Wakers>,
}

/// Connects, introduces the relay and listens. Listening comes before every query about what is new.
pub(crate) async fn connect(config: &Config) -> Result<Session> {
    let (client, wakers) = open(&config.database).await?;
    let office = database::relay_start(&client).await.map_err(unfit)?;
    database::listen(&client).await?;
    Ok(Session {
        client,
        office,
        wakers,
    })
}

/// Opens one connection whose notifications go to the wakers.
pub(crate) async fn open(server: &Database) -> Result<(Client, Arc<Wakers>)> {
    let parameters = server.parameters()?;
    let tls = crate::tls::for_database(&server.tls)?;
    let (client, mut connection) = parameters.connect(tls).await?;
    let wakers = Arc::new(Wakers::default());
    let told = Arc::clone(&wakers);
    let driver = tokio::spawn(async move {
        let _ended = told.lost.clone().drop_guard();
        loop {
            match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(notice))) => match notice.channel() {
                    "officesync" => told.outbox.notify_one(),
                    "officesync_lane" => told.lanes.notify_one(),
                    "officesync_pause" => told.paused.notify_one(),
                    "officesync_reading" => told.readings.notify_one(),
                    _ => {}
                },
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "the lead session's connection ended");
                    break;
                }
                None => break,
            }
        }
    });
    Ok((Client::new(client, driver), wakers))
}

/// Waits until this session has the lead. `None` when told to stop first.
pub(crate) async fn lead(session: &Session, stop: &CancellationToken) -> Result<Option<()>> {
    let mut standing_by = false;
    loop {
        if database::try_lead(&session.client).await? {
            return Ok(Some(()));
        }
        if !standing_by {
            standing_by = true;
            tracing::info!(
                office = session.office.name,
                "another relay leads this office; standing by"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = session.wakers.lost.cancelled() => return Err(Error::SessionLost),
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
    }
}

/// An error that `relay_start` or `status` itself raises says that this database does not fit; it is not
/// one of the errors that pass.
pub(crate) fn unfit(error: Error) -> Error {
    use crate::error::Kind;
    match (&error, error.kind()) {
        (Error::Database(inner), Kind::DatabaseRefuses) => {
            let text = match inner.as_db_error() {
                Some(database) if matches!(database.code().code(), "3F000" | "42883" | "42P01") => {
                    "the officesync extension is missing here or is another version; \
                     run CREATE EXTENSION officesync, or ALTER EXTENSION officesync UPDATE"
                        .to_owned()
                }
                Some(database) => match database.hint() {
                    Some(hint) => format!("{}; {hint}", database.message()),
                    None => database.message().to_owned(),
                },
                None => return error,
            };
            Error::Unfit(text)
        }
        _ => error,
    }
}
