//! The broker: connect, declare the topology, publish, consume.
//!
//! Invariant: publishing and consuming use connections of their own, so that a broker that blocks
//! publishers (memory or disk alarm) still takes our acknowledgements.

pub(crate) mod connect;
pub(crate) mod consumer;
pub(crate) mod publisher;
pub(crate) mod topology;
