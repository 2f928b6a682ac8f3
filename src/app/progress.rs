//! How far a long piece of work is, for whoever watches it.

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A file is copied; counted in bytes.
    CopyBytes,
    /// A book is copied row by row; counted in rows.
    CopyRows,
    /// A file's hash is taken; counted in bytes.
    Hash,
    /// The journal is written to a file; counted in postings.
    Export,
    /// The journal is verified; counted in postings.
    Verify,
    /// Cards are drawn and read back; counted in cards.
    Cards,
}

/// How far it is. `total` is what is expected, and may be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// How much of it is done.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// Hears of progress, from any thread and often.
pub type Listener<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Listens to nothing.
pub fn unheard(_: Progress) {}
