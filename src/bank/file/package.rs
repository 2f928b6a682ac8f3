//! The zip container of a workbook, read so that a bomb is refused while it unpacks: what an
//! archive says of its own sizes is never believed.

use std::collections::HashMap;
use std::io::{self, BufReader, Cursor, Read};

use quick_xml::Reader;
use zip::ZipArchive;
use zip::result::ZipError;

use super::limits::{KEPT_PART_BYTES_MAX, PARTS_MAX, RATIO_FREE_BYTES, UNPACK_RATIO_MAX, UNPACKED_BYTES_MAX};
use super::refusal::{Limit, Refusal, Rule, Wanted};
use super::xml::{LimitMet, shown};

/// What every part's entry in a container's directory begins with.
const LISTED: &[u8] = b"PK\x01\x02";

/// An open container.
pub(crate) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Where each part lies, by its name in lower case.
    names: HashMap<String, usize>,
    /// What may still be unpacked, in bytes.
    left: u64,
}

/// A part as it unpacks.
pub(crate) type Part<'a> = Reader<BufReader<Limited<Box<dyn Read + 'a>>>>;

/// Whether a part streams by or is kept in memory, which has the lower limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// Read once, row by row.
    Streams,
    /// Held whole.
    Kept,
}

impl<'a> Package<'a> {
    /// Opens a container.
    ///
    /// # Errors
    /// When it is damaged or holds too many parts.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Refusal> {
        // Before the directory is read, which takes memory for each part that it lists.
        if bytes.windows(LISTED.len()).filter(|window| *window == LISTED).count() > PARTS_MAX {
            let most = u64::try_from(PARTS_MAX).unwrap_or(u64::MAX);
            return Err(Refusal::whole(Rule::Limit(Limit::Parts, most)));
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| refuse(&error))?;
        let mut names = HashMap::new();
        for (index, name) in archive.file_names_raw().enumerate() {
            let name = String::from_utf8_lossy(name).replace('\\', "/").to_lowercase();
            names.entry(name).or_insert(index);
        }
        Ok(Self { archive, names, left: UNPACKED_BYTES_MAX })
    }

    /// Reads a part as XML; `None` when there is none with this name.
    ///
    /// # Errors
    /// What `read` finds, a limit, or a damaged or locked part.
    pub(crate) fn part<T>(
        &mut self,
        name: &str,
        keeping: Keeping,
        read: impl FnOnce(&mut Part<'_>) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        let key = name.trim_start_matches('/').to_lowercase();
        let Some(index) = self.names.get(&key).copied() else { return Ok(None) };
        let file = self.archive.by_index(index).map_err(|error| refuse(&error))?;
        let limit = match keeping {
            Keeping::Streams => self.left,
            Keeping::Kept => self.left.min(KEPT_PART_BYTES_MAX),
        };
        let ratio = file.compressed_size().saturating_mul(UNPACK_RATIO_MAX).max(RATIO_FREE_BYTES);
        let limited = Limited { inner: Box::new(file) as Box<dyn Read + '_>, taken: 0, limit, ratio };
        let mut reader = Reader::from_reader(BufReader::with_capacity(64 << 10, limited));
        let found = read(&mut reader)?;
        self.left = self.left.saturating_sub(reader.get_ref().get_ref().taken);
        Ok(Some(found))
    }
}

fn refuse(error: &ZipError) -> Refusal {
    let locked = matches!(error, ZipError::InvalidPassword)
        || matches!(error, ZipError::UnsupportedArchive(why) if *why == ZipError::PASSWORD_REQUIRED);
    let rule = if locked { Rule::OldWorkbook } else { Rule::Not(Wanted::Intact, shown(&error.to_string())) };
    Refusal::whole(rule)
}

/// Counts what comes out of a part and stops at the limits.
pub(crate) struct Limited<R> {
    inner: R,
    taken: u64,
    limit: u64,
    ratio: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken = self.taken.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.taken > self.ratio {
            return Err(io::Error::other(LimitMet(Limit::UnpackRatio, UNPACK_RATIO_MAX)));
        }
        if self.taken > self.limit {
            return Err(io::Error::other(LimitMet(Limit::UnpackedBytes, self.limit)));
        }
        Ok(count)
    }
}
