//! How a source's request is answered, and what became of its items.

use super::error::Message;
use crate::domain::inbox::Outcome;

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyStatus {
    /// Taken, and durable.
    Accepted,
    /// Authentication missing or wrong; nothing was stored.
    Unauthenticated,
    /// The source may not send from this address; nothing was looked into or stored.
    Elsewhere,
    /// The signature is right, its time is not; kept.
    Stale,
    /// Cannot be read; kept.
    Unreadable,
    /// No such source, or the dialect has no such path.
    NoSuchSource,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// How it went.
    pub status: ReplyStatus,
    /// The answer in the dialect's own JSON; `None` where it has no words for this.
    pub body: Option<String>,
    /// A stable code for the answer without words of its own.
    pub code: &'static str,
    /// The same for people.
    pub message: Message,
    /// What became of each item, for callers that show it (the command line).
    pub items: Vec<ItemAnswer>,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemAnswer {
    /// Its name.
    pub item: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where the outcome alone does not say it.
    pub reason: Option<String>,
    /// The posting, by name.
    pub posting: Option<String>,
    /// The item that the delivery's body is kept with, where that is none of those answered: the body of
    /// a delivery for several markets is recorded first, and apart.
    pub body_in: Option<String>,
}

impl ReplyStatus {
    const ALL: [Self; 6] =
        [Self::Accepted, Self::Unauthenticated, Self::Elsewhere, Self::Stale, Self::Unreadable, Self::NoSuchSource];

    /// Returns the word that the delivery log is kept with.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unauthenticated => "unauthenticated",
            Self::Elsewhere => "elsewhere",
            Self::Stale => "stale",
            Self::Unreadable => "unreadable",
            Self::NoSuchSource => "no_such_source",
        }
    }

    /// Reads such a word.
    pub(crate) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}
