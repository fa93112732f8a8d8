//! The guard against clocks that run ahead: a change from the future would win every conflict until then.

use crate::civil;
use crate::pg::xact;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::borrow::Cow;

/// How far an office's clock may be ahead of this one's, in milliseconds.
static MAX_AHEAD: GucSetting<i32> = GucSetting::<i32>::new(60_000);

/// Makes the setting known; called once, when the library is loaded.
pub(crate) fn define_setting() {
    GucRegistry::define_int_guc(
        c"officesync.max_clock_ahead",
        c"How far the clock of another office may be ahead.",
        c"Commit times that are further ahead count as now when a conflict is decided.",
        &MAX_AHEAD,
        0,
        i32::MAX,
        GucContext::Sighup,
        GucFlags::UNIT_MS,
    );
}

/// The commit time, or now where it is too far ahead; microseconds since 2000-01-01 UTC.
pub(crate) fn capped(commit_time: i64) -> i64 {
    let now = xact::now();
    if commit_time > now.saturating_add(i64::from(MAX_AHEAD.get()) * 1000) {
        now
    } else {
        commit_time
    }
}

/// The same for a time as it stands on the wire.
pub(crate) fn capped_text(commit_time: &str) -> Cow<'_, str> {
    let Some(given) = civil::read_timestamp(commit_time.as_bytes(), true) else {
        return Cow::Borrowed(commit_time);
    };
    let counted = capped(given);
    let text = (counted != given)
        .then(|| civil::timestamp(counted))
        .flatten();
    match text {
        Some(text) => {
            let text = text.with_utc_offset();
            Cow::Owned(String::from_utf8_lossy(text.as_bytes()).into_owned())
        }
        None => Cow::Borrowed(commit_time),
    }
}
