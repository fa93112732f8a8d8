//! The definitions of tracked tables: ours told to the peers, theirs handed to the database.
//!
//! Invariant: each side says at every hello and welcome which state of the other's it holds, and is told
//! a newer one; so any of it may be lost. Nothing is applied by what is told here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::lane::Shared;
use crate::database::{self, Role, Sender};
use crate::error::Result;
use crate::message::{Control, KEY_ALL, KEY_HEAD};
use crate::outbox::listen::Command;

const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Looking may take this part of the time: where there are very many tables, it is done more rarely.
const LOOK_SHARE: u32 = 100;
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// A peer that asks more often is not answered: it asks again in a minute.
const ANSWER_EVERY: Duration = Duration::from_secs(5);
/// So many peers' last answers are remembered.
const MAX_ANSWERED: usize = 1_000;

/// When our own definitions are looked at, and what they were.
#[derive(Debug, Default)]
pub(super) struct Tables {
    known: Option<String>,
    look_at: Option<Instant>,
    answered: HashMap<String, Instant>,
    told_trouble: Option<String>,
}

impl Tables {
    /// The next look; at once when there was none.
    pub(super) fn look_at(&self) -> Option<Instant> {
        Some(self.look_at.unwrap_or_else(Instant::now))
    }

    pub(super) fn due(&self, now: Instant) -> bool {
        self.look_at.is_none_or(|at| at <= now)
    }

    /// Looks whether our definitions have changed; if so, tells all peers.
    pub(super) async fn look(&mut self, shared: &Shared) {
        self.look_at = Some(Instant::now() + LOOK_EVERY);
        let looked = self.tell_all_if_new(shared).await;
        self.note(looked);
    }

    /// Trouble is told once, not each time; it stops nothing else, and all of this is tried again anyway.
    fn note(&mut self, done: Result<()>) {
        let trouble = done.err().map(|error| error.to_string());
        if let Some(error) = &trouble
            && self.told_trouble != trouble
        {
            tracing::warn!(
                error,
                "the offices' tables could not be compared; trying again"
            );
        }
        self.told_trouble = trouble;
    }

    async fn tell_all_if_new(&mut self, shared: &Shared) -> Result<()> {
        let client = shared.applier.aside().await?;
        let began = Instant::now();
        let told = database::tell_tables(&client, self.known.as_deref(), None).await?;
        drop(client);
        let rest = began.elapsed() * LOOK_SHARE;
        self.look_at = Some(Instant::now() + rest.clamp(LOOK_EVERY, LOOK_AT_LEAST_EVERY));
        let Some(definitions) = told.definitions else {
            return Ok(());
        };
        // The first look of a session only learns: the peers ask for what they lack.
        let first = self.known.replace(told.digest.clone()).is_none();
        if !first {
            let control = Control::Tables {
                digest: told.digest,
                definitions,
                functions: told.functions,
            };
            let key = match shared.office.role {
                Role::Head => KEY_ALL,
                Role::Branch => KEY_HEAD,
            };
            say(shared, key.to_owned(), control).await;
            shared.recheck.notify_one();
        }
        Ok(())
    }

    /// Says to a peer which state of its definitions we hold.
    pub(super) async fn ask(&mut self, shared: &Shared, peer: &Sender) {
        let asked = ask(shared, peer).await;
        self.note(asked);
    }

    /// A peer has said which state of ours it holds: tells it the present one if that is another.
    pub(super) async fn tell(&mut self, shared: &Shared, peer: &Sender, held: Option<&str>) {
        let now = Instant::now();
        let answered = self.answered.get(&peer.origin);
        if answered.is_some_and(|at| now < *at + ANSWER_EVERY) {
            return;
        }
        if self.answered.len() >= MAX_ANSWERED {
            self.answered.clear();
        }
        self.answered.insert(peer.origin.clone(), now);
        let told = tell(shared, peer, held).await;
        self.note(told);
    }

    /// A peer has told its definitions.
    pub(super) async fn receive(
        shared: &Shared,
        peer: &Sender,
        digest: &str,
        definitions: &str,
        functions: Option<&[String]>,
    ) -> Result<()> {
        let client = shared.applier.aside().await?;
        let news = database::receive_tables(&client, peer, digest, definitions, functions).await?;
        drop(client);
        if news {
            tracing::debug!(
                origin = peer.origin,
                bytes = definitions.len(),
                "an office has told how its tables are defined"
            );
            shared.recheck.notify_one();
        }
        Ok(())
    }
}

async fn ask(shared: &Shared, peer: &Sender) -> Result<()> {
    let client = shared.applier.aside().await?;
    let digest = database::held_tables(&client, &peer.origin).await?;
    drop(client);
    say(shared, key(shared, peer), Control::TablesHeld { digest }).await;
    Ok(())
}

async fn tell(shared: &Shared, peer: &Sender, held: Option<&str>) -> Result<()> {
    let client = shared.applier.aside().await?;
    let told = database::tell_tables(&client, held, Some(peer)).await?;
    drop(client);
    if let Some(definitions) = told.definitions {
        let control = Control::Tables {
            digest: told.digest,
            definitions,
            functions: told.functions,
        };
        say(shared, key(shared, peer), control).await;
    }
    Ok(())
}

fn key(shared: &Shared, peer: &Sender) -> String {
    match shared.office.role {
        Role::Head => peer.origin.clone(),
        Role::Branch => KEY_HEAD.to_owned(),
    }
}

async fn say(shared: &Shared, key: String, control: Control) {
    let sending = shared.commands.send(Command::Say { key, control });
    shared.stop.run_until_cancelled(sending).await;
}
