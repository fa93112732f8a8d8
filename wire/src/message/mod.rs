//! What surrounds the lines: the identity and headers of a message, the content encodings, and the
//! control messages. Plain values only; what a broker library calls them is the relay's business.

mod control;
mod encoding;
mod header;
mod id;
mod name;
mod packed;
mod reading;

pub use control::{Control, Load, Outcome, Role};
pub use encoding::Encoding;
pub use header::{
    CONTENT_TYPE_CONTROL, CONTENT_TYPE_TICK, HEADER_CONTINUED, HEADER_CREATED, HEADER_INCARNATION,
    HEADER_LAST, HEADER_ORIGIN, HEADER_PART, HEADER_POSITION, HEADER_POSITION_INCARNATION,
    HEADER_PREVIOUS, HEADER_TARGETED, HEADER_TICK, HEADER_VERSION, TYPE_CONTROL, TYPE_TICK,
    TickHeader,
};
pub use id::{MessageId, control_message_id};
pub use name::{KEY_ALL, KEY_HEAD, is_incarnation, office_name};
pub use packed::{MAX_CONTROL_BYTES, MAX_PLAIN_CONTROL_BYTES, unpack};
pub use reading::{
    CONTENT_TYPE_READING, HEADER_KIND, HEADER_NUMBER, MAX_READING_BYTES, ReadingHeader,
    TYPE_READING,
};
