//! What programs that interrupt a tracer share: the spans that they make, and how they check them.

mod made;
mod packets;
mod traced;

pub use made::{Checked, fail};
pub use packets::PACKETS;
pub use traced::{Side, Traced};
