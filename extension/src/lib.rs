//! The PostgreSQL extension `officesync`, in the order in which a change travels.
//!
//! [`capture`] turns each changed row into a line of the change format, [`buffer`] keeps it per
//! subtransaction, [`outbox`] writes it when the transaction is about to commit and [`doorbell`]
//! wakes the relay. At the other office [`apply`] writes it again, and [`merge`]
//! where it meets changes that its office had not seen; [`load`] fills a branch that is new. Statements that change
//! the schema go the same way: [`ddl`]. [`transaction`] ties the first
//! part to the events of a transaction; [`pg`] holds everything unsafe. What needs no Rust is SQL,
//! in the folder `sql/`.
//!
//! The functions are declared in `sql/functions/`, by hand, so that the installed script is what
//! is written there.

mod addressed;
mod apply;
mod batch;
mod buffer;
mod capture;
mod civil;
mod ddl;
mod doorbell;
mod drain;
mod load;
mod merge;
mod office;
mod outbox;
#[allow(unsafe_code)]
mod pg;
mod reading;
mod refuse;
mod tick;
mod transaction;
mod verify;

pgrx::pg_module_magic!();

/// Called by PostgreSQL when it loads the library into a session.
#[pgrx::pg_guard]
#[allow(non_snake_case)]
pub extern "C-unwind" fn _PG_init() {
    pg::xact::register_callbacks();
    pg::catalog::watch();
    pg::statement::watch();
    merge::clock::define_setting();
    tick::define_setting();
}
