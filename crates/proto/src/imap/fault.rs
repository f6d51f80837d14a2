//! Why a command line was not understood.

/// The reason that a command is refused by the grammar alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The line does not follow the grammar: `BAD` with this hint.
    Syntax(&'static str),
    /// No such command: `BAD`.
    Unknown,
    /// The line ends in the middle of a literal. Only seen while a command is still being collected.
    Incomplete,
    /// A mailbox name is not valid modified UTF-7 or too long: `NO [CANNOT]` (RFC 5530 §3).
    Name,
    /// A search names a charset that is not known: `NO [BADCHARSET]` (RFC 3501 §7.1).
    Charset,
}

/// What a parsing function gives back.
pub type Parsed<T> = Result<T, Fault>;

/// A syntax fault with a hint for the person who reads the client's log.
pub(crate) fn syntax<T>(hint: &'static str) -> Parsed<T> {
    Err(Fault::Syntax(hint))
}
