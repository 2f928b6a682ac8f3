//! Files that people hand in, as rows: told apart by their first bytes, read within named limits,
//! and refused by name. Used by `statement` and by the import of vendors; knows no column by itself.
//!
//! | step | where |
//! |---|---|
//! | tell the kind by the first bytes | here |
//! | bytes → text | `decode` |
//! | XLSX → rows | `package`, `workbook`, `sheet`, `xml` |
//! | CSV → rows | `separated` |

pub(crate) mod decode;
pub(crate) mod grid;
pub mod limits;
mod package;
pub mod refusal;
pub(crate) mod separated;
mod sheet;
pub(crate) mod workbook;
pub(crate) mod xml;

use refusal::{Refusal, Rule};

/// What a file is by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A zip archive, as XLSX workbooks are.
    Workbook,
    /// None of the kinds that are known not to be text.
    Text,
}

/// Tells what a file is.
///
/// # Errors
/// [`Rule::Empty`], [`Rule::OldWorkbook`], and [`Rule::NotAStatement`] for PDFs, pictures and other
/// archives.
pub(crate) fn kind(bytes: &[u8]) -> Result<Kind, Refusal> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::whole(Rule::Empty));
    }
    match bytes {
        [b'P', b'K', 3, 4, ..] => Ok(Kind::Workbook),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Err(Refusal::whole(Rule::OldWorkbook)),
        [b'%', b'P', b'D', b'F', ..]
        | [0x89, b'P', b'N', b'G', ..]
        | [0xFF, 0xD8, ..]
        | [0x1F, 0x8B, ..]
        | [b'P', b'K', ..] => Err(Refusal::whole(Rule::NotAStatement)),
        _ => Ok(Kind::Text),
    }
}
