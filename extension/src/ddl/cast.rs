//! Values of one type as values of another.

use crate::pg::spi::{self, Parameter, Statement};
use crate::pg::subxact;
use pgrx::pg_sys::TEXTOID;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The statements that cast a text from one type to another, by their names; none where there is no such cast.
type Casts = HashMap<(String, String), Option<Rc<Statement>>>;

thread_local! {
    static CASTS: RefCell<Casts> = RefCell::default();
}

/// The text of a value of one type as one of another; None where it is none.
pub(super) fn cast(text: &str, old: &str, new: &str) -> Option<String> {
    let known = (old.to_owned(), new.to_owned());
    let prepared = CASTS.with_borrow_mut(|casts| {
        casts
            .entry(known)
            .or_insert_with(|| {
                let sql = format!("SELECT format('%s', ($1::{old})::{new})");
                let prepare =
                    || spi::connected(|| Some(Rc::new(Statement::prepare(&sql, &[TEXTOID]))));
                subxact::attempt(prepare)
            })
            .clone()
    })?;
    subxact::attempt(|| {
        spi::connected(|| {
            let rows = prepared.rows(&[Parameter::Text(text)], 1);
            rows.text(0, 0).map(str::to_owned)
        })
    })
}
