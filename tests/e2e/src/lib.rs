//! Whole offices on one machine: PostgreSQL clusters, a private RabbitMQ, the relays, links that can be cut, and the
//! checks that every office ends with the same rows.
//!
//! From the machine up: a run's private [`directory`], free [`ports`], a child [`process`]; a [`cluster`] and a
//! [`broker`] (with its [`topology`]); a [`proxy`] between them; a [`relay`]; an [`office`] made of these and a
//! [`company`] made of offices. Then what happens there: [`workload`] writes, [`digest`] measures, [`converge`]
//! waits and compares, [`wait`] polls, [`seed`] repeats. [`fuzz`] writes what nobody would think of, with [`values`] of
//! every type.

// A harness panics: a test that cannot start its server has failed, and the message is what the reader needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod directory;
pub mod ports;
pub mod process;

pub mod cluster;

pub mod broker;
pub mod topology;

pub mod proxy;
pub mod relay;

pub mod company;
pub mod office;

pub mod converge;
pub mod digest;
pub mod fuzz;
pub mod seed;
pub mod values;
pub mod wait;
pub mod workload;
