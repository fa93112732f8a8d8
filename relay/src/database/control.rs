//! What offices say to one another about themselves.

use std::sync::Arc;

use super::{Client, Parameters, many, one};
use crate::error::Result;
use crate::message::Load;

const RECEIVE_HELLO: &str = "SELECT start, received, received_incarnation, resend_from, number, coalesce(rejoins, false) \
     FROM officesync.receive_hello($1, $2, $3, $4, $5, $6, $7)";
const RECEIVE_WELCOME: &str =
    "SELECT resend_from, ask_from FROM officesync.receive_welcome($1, $2, $3, $4, $5, $6, $7, $8)";
const REQUIRE_SENDER: &str = "SELECT officesync.require_sender($1, $2, $3)";
const RECEIVE_POSITION: &str = "SELECT officesync.receive_position($1, $2, $3, $4, $5)";
const TELL_TABLES: &str =
    "SELECT digest, definitions, functions FROM officesync.tell_tables($1, $2, $3, $4)";
const HELD_TABLES: &str = "SELECT officesync.held_tables($1)";
const RECEIVE_TABLES: &str = "SELECT officesync.receive_tables($1, $2, $3, $4, $5, $6)";
const QUEUES_TO_DELETE: &str = "SELECT officesync.queues_to_delete()";
const QUEUE_DELETED: &str = "SELECT officesync.queue_deleted($1)";

/// What `receive_hello` answers.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) start: i64,
    pub(crate) received: i64,
    pub(crate) received_incarnation: Option<String>,
    pub(crate) resend_from: Option<i64>,
    /// The branch's number among the offices.
    pub(crate) number: Option<i32>,
    /// The branch was away too long, and goes on at `start`.
    pub(crate) rejoins: bool,
}

/// What `receive_welcome` answers.
#[derive(Debug)]
pub(crate) struct Welcomed {
    /// The first of our ticks that the head lacks.
    pub(crate) resend_from: Option<i64>,
    /// The first of the head's ticks that we lack.
    pub(crate) ask_from: Option<i64>,
}

/// What `tell_tables` answers.
#[derive(Debug)]
pub(crate) struct Told {
    /// What the present state of our definitions goes by.
    pub(crate) digest: String,
    /// The definitions, unless the asker knows this state.
    pub(crate) definitions: Option<Arc<str>>,
    /// At a branch, with the definitions: the functions it has, as `schema.name`.
    pub(crate) functions: Option<Vec<String>>,
}

/// Who sent a control message.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) origin: String,
    pub(crate) incarnation: String,
    pub(crate) broker_user: Option<String>,
}

pub(crate) async fn receive_hello(
    client: &Client,
    sender: &Sender,
    role: &str,
    position: Option<i64>,
    position_incarnation: Option<&str>,
    load: Option<Load>,
) -> Result<Greeting> {
    let load = load.map(Load::as_str);
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &role,
        &position,
        &position_incarnation,
        &sender.broker_user,
        &load,
    ];
    let row = one(client, RECEIVE_HELLO, parameters).await?;
    Ok(Greeting {
        start: row.try_get::<_, Option<i64>>(0)?.unwrap_or(0),
        received: row.try_get::<_, Option<i64>>(1)?.unwrap_or(0),
        received_incarnation: row.try_get(2)?,
        resend_from: row.try_get(3)?,
        number: row.try_get(4)?,
        rejoins: row.try_get(5)?,
    })
}

/// What a head says in its welcome.
#[derive(Debug)]
pub(crate) struct Welcome {
    pub(crate) start: i64,
    pub(crate) received: i64,
    pub(crate) received_incarnation: Option<String>,
    pub(crate) number: Option<i32>,
    pub(crate) rejoins: bool,
}

pub(crate) async fn receive_welcome(
    client: &Client,
    sender: &Sender,
    welcome: &Welcome,
) -> Result<Welcomed> {
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &welcome.start,
        &welcome.received,
        &welcome.received_incarnation,
        &sender.broker_user,
        &welcome.number,
        &welcome.rejoins,
    ];
    let row = one(client, RECEIVE_WELCOME, parameters).await?;
    Ok(Welcomed {
        resend_from: row.try_get(0)?,
        ask_from: row.try_get(1)?,
    })
}

pub(crate) async fn receive_position(
    client: &Client,
    sender: &Sender,
    position: i64,
    position_incarnation: &str,
) -> Result<()> {
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &sender.broker_user,
        &position,
        &position_incarnation,
    ];
    one(client, RECEIVE_POSITION, parameters).await.map(drop)
}

/// An error unless the office is known as one that sends as this user of the broker.
pub(crate) async fn require_sender(client: &Client, sender: &Sender) -> Result<()> {
    let parameters: Parameters<'_> = &[&sender.origin, &sender.incarnation, &sender.broker_user];
    one(client, REQUIRE_SENDER, parameters).await.map(drop)
}

/// `peer`: who asks; refused unless it is known. None: we ourselves.
pub(crate) async fn tell_tables(
    client: &Client,
    known: Option<&str>,
    peer: Option<&Sender>,
) -> Result<Told> {
    let parameters: Parameters<'_> = &[
        &known,
        &peer.map(|peer| &peer.origin),
        &peer.map(|peer| &peer.incarnation),
        &peer.and_then(|peer| peer.broker_user.as_ref()),
    ];
    let row = one(client, TELL_TABLES, parameters).await?;
    Ok(Told {
        digest: row.try_get(0)?,
        definitions: row.try_get::<_, Option<&str>>(1)?.map(Arc::from),
        functions: row.try_get(2)?,
    })
}

pub(crate) async fn held_tables(client: &Client, origin: &str) -> Result<Option<String>> {
    Ok(one(client, HELD_TABLES, &[&origin]).await?.try_get(0)?)
}

/// Whether what the peer told is news.
pub(crate) async fn receive_tables(
    client: &Client,
    sender: &Sender,
    digest: &str,
    definitions: &str,
    functions: Option<&[String]>,
) -> Result<bool> {
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &sender.broker_user,
        &digest,
        &definitions,
        &functions,
    ];
    Ok(one(client, RECEIVE_TABLES, parameters).await?.try_get(0)?)
}

/// The branches that have left, and whose queues have not been deleted yet.
pub(crate) async fn queues_to_delete(client: &Client) -> Result<Vec<String>> {
    let rows = many(client, QUEUES_TO_DELETE, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

pub(crate) async fn queue_deleted(client: &Client, branch: &str) -> Result<()> {
    one(client, QUEUE_DELETED, &[&branch]).await.map(drop)
}
