//! What users do to one table at several offices, by chance from a seed, and what must have become of it at the end.
//!
//! The model of the protocol (`convergence`) runs it many thousand times; the end-to-end tests of the whole project
//! take the same files and let it happen to real offices.

pub(crate) mod chance;
pub(crate) mod rules;
pub(crate) mod table;
pub(crate) mod users;
pub(crate) mod written;
