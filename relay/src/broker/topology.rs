//! Exchanges, queues and bindings.
//!
//! Invariant: declaring is idempotent and never changes what exists; a queue that exists with other
//! properties is an error that names it, not something to work around.

use lapin::options::{
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind};

use crate::database::{Office, Role};
use crate::error::{Error, Result, is_away};
use crate::message::{EXCHANGE_DOWN, EXCHANGE_UP, KEY_ALL, KEY_HEAD, QUEUE_HEAD, branch_queue};

/// The queue an office consumes.
pub(crate) fn own_queue(office: &Office) -> String {
    match office.role {
        Role::Head => QUEUE_HEAD.to_owned(),
        Role::Branch => branch_queue(&office.name),
    }
}

/// Declares everything an office needs. What belongs to the head need only be there: a branch's broker
/// user may well have no right to declare it.
pub(crate) async fn declare(connection: &Connection, office: &Office) -> Result<()> {
    for exchange in [EXCHANGE_UP, EXCHANGE_DOWN] {
        let declared = declare_exchange(connection, exchange).await;
        if forbidden(&declared) && exchange_exists(connection, exchange).await? {
            continue;
        }
        declared.map_err(|error| explain(error, exchange))?;
    }
    let declared = declare_queue(connection, QUEUE_HEAD, EXCHANGE_UP, &[KEY_HEAD]).await;
    let others = office.role == Role::Branch && forbidden(&declared);
    if !(others && queue_exists(connection, QUEUE_HEAD).await?) {
        declared.map_err(|error| explain(error, QUEUE_HEAD))?;
    }
    if office.role == Role::Branch {
        let queue = branch_queue(&office.name);
        let keys = [KEY_ALL, office.name.as_str()];
        declare_queue(connection, &queue, EXCHANGE_DOWN, &keys)
            .await
            .map_err(|error| explain(error, &queue))?;
    }
    Ok(())
}

type Answer = std::result::Result<(), lapin::Error>;

fn forbidden(answer: &Answer) -> bool {
    const ACCESS_REFUSED: u16 = 403;
    matches!(answer, Err(error) if reply_code(error) == Some(ACCESS_REFUSED))
}

async fn declare_exchange(connection: &Connection, exchange: &str) -> Answer {
    let channel = connection.create_channel().await?;
    let options = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .exchange_declare(
            exchange.into(),
            ExchangeKind::Direct,
            options,
            FieldTable::default(),
        )
        .await?;
    close(&channel).await;
    Ok(())
}

async fn declare_queue(
    connection: &Connection,
    queue: &str,
    exchange: &str,
    keys: &[&str],
) -> Answer {
    create_queue(connection, queue).await?;
    let channel = connection.create_channel().await?;
    for key in keys {
        channel
            .queue_bind(
                queue.into(),
                exchange.into(),
                (*key).into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
    }
    close(&channel).await;
    Ok(())
}

/// A quorum queue drops a message after so many redeliveries: 20 from RabbitMQ 4 on unless told otherwise. A
/// lane that fails is halted here long before, so the limit is put out of reach. Not by -1: RabbitMQ 4 takes
/// that as no limit, RabbitMQ 3 takes it as less than one and drops what is given back once.
const OUT_OF_REACH: i32 = i32::MAX;

/// A queue that was declared without a limit is taken as it is.
async fn create_queue(connection: &Connection, queue: &str) -> Answer {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    let mut limited = arguments.clone();
    limited.insert("x-delivery-limit".into(), AMQPValue::LongInt(OUT_OF_REACH));
    let refused = match try_create(connection, queue, limited).await {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let about_limit =
        reply_code(&refused) == Some(406) && refused.to_string().contains("x-delivery-limit");
    if !about_limit {
        return Err(refused);
    }
    tracing::debug!(queue, "the queue exists with another delivery limit");
    try_create(connection, queue, arguments).await
}

async fn try_create(connection: &Connection, queue: &str, arguments: FieldTable) -> Answer {
    let channel = connection.create_channel().await?;
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await?;
    close(&channel).await;
    Ok(())
}

/// Whether a queue exists; asked on a channel of its own, which a missing queue closes.
pub(crate) async fn queue_exists(connection: &Connection, queue: &str) -> Result<bool> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        durable: true,
        ..Default::default()
    };
    let answer = channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await;
    found(&channel, answer.map(drop), queue).await
}

/// Deletes a queue with all that is in it; one that is missing is as good.
pub(crate) async fn delete_queue(connection: &Connection, queue: &str) -> Result<()> {
    let channel = connection.create_channel().await?;
    let answer = channel
        .queue_delete(queue.into(), QueueDeleteOptions::default())
        .await;
    found(&channel, answer.map(drop), queue).await.map(drop)
}

/// How many messages wait in a queue; none where it is missing.
pub(crate) async fn messages_in(connection: &Connection, queue: &str) -> Result<u32> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        durable: true,
        ..Default::default()
    };
    let answer = channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await;
    let waiting = answer.as_ref().map_or(0, lapin::Queue::message_count);
    found(&channel, answer.map(drop), queue).await?;
    Ok(waiting)
}

/// Whether an exchange exists.
pub(crate) async fn exchange_exists(connection: &Connection, exchange: &str) -> Result<bool> {
    let channel = connection.create_channel().await?;
    let options = ExchangeDeclareOptions {
        passive: true,
        durable: true,
        ..Default::default()
    };
    let answer = channel
        .exchange_declare(
            exchange.into(),
            ExchangeKind::Direct,
            options,
            FieldTable::default(),
        )
        .await;
    found(&channel, answer, exchange).await
}

async fn found(channel: &Channel, answer: Answer, object: &str) -> Result<bool> {
    match answer {
        Ok(()) => {
            close(channel).await;
            Ok(true)
        }
        Err(error) if is_missing(&error) => Ok(false),
        // RESOURCE_LOCKED and quorum queues without a leader: it exists, but cannot be asked.
        Err(error) if reply_code(&error) == Some(405) => Ok(true),
        Err(error) => Err(explain(error, object)),
    }
}

fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(amqp) => Some(amqp.get_id()),
        _ => None,
    }
}

/// Whether an answer says that what was asked for is not there, and not just without a leader now.
pub(crate) fn is_missing(error: &lapin::Error) -> bool {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(amqp) => {
            amqp.get_id() == 404 && !is_away(amqp.get_message().as_str())
        }
        _ => false,
    }
}

pub(crate) fn explain(error: lapin::Error, object: &str) -> Error {
    match reply_code(&error) {
        Some(406) => Error::Topology {
            object: object.to_owned(),
            problem: format!("it exists with other properties ({error})"),
            remedy: "let it run empty and delete it, the relay declares it again; \
                     or remove the policy that changes it"
                .to_owned(),
        },
        Some(403) => Error::Topology {
            object: object.to_owned(),
            problem: format!("the broker user may not use it ({error})"),
            remedy: "grant the user configure, write and read on what is its own".to_owned(),
        },
        _ => Error::Broker(error),
    }
}

/// Closes a channel that was opened for one question.
async fn close(channel: &Channel) {
    if let Err(error) = channel.close(200, "done".into()).await {
        tracing::debug!(%error, "a channel was closed already");
    }
}
