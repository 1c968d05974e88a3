//! What a mapping says of one attribute.

use crate::model::reason::Reason;
use crate::model::value::Value;

/// What a mapping says of one attribute of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// This.
    Value(Value),
    /// The first of these that nobody has.
    Candidates(Vec<String>),
    /// Nothing.
    Undefined {
        /// It reads something that is not there yet: the attribute waits as it is.
        waits: bool,
    },
    /// It fails; the account freezes.
    Failed(Reason),
}
