//! Whole offices, a broker, faults: one binary, so that tests wait beside one another and not in turn.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test panics

mod big;
mod broker;
mod bypass;
mod check;
mod config;
mod conflicts;
mod crash;
mod fuzz;
mod harness;
mod jit;
mod join;
mod lane;
mod left_behind;
mod network;
mod one_branch;
mod order;
mod pgbench;
mod reading;
mod schema;
mod schema_fuzz;
mod schema_tools;
mod status;
mod stories;
mod subsets;
mod sync;
mod travel;
mod values;
mod verify;
