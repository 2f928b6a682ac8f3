//! Writing an export: a zip file, entry by entry, each entry's SHA-256 taken on the way.

use std::io::{self, Seek, Write};

use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::SUMS;
use crate::domain::hash::Hash;

/// A zip file that is being written.
pub struct Archive<W: Write + Seek> {
    zip: ZipWriter<W>,
    sums: Vec<(String, Hash)>,
    open: Option<(String, Sha256)>,
}

impl<W: Write + Seek> Archive<W> {
    /// Begins a file.
    pub fn new(to: W) -> Self {
        Self { zip: ZipWriter::new(to), sums: Vec::new(), open: None }
    }

    /// Begins an entry; what is written next belongs to it.
    ///
    /// # Errors
    /// What the file's disk says.
    pub fn begin(&mut self, name: &str) -> io::Result<()> {
        self.end();
        // Journals of large markets pass 4 GiB.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.zip.start_file(name, options)?;
        self.open = Some((name.to_owned(), Sha256::new()));
        Ok(())
    }

    /// Writes bytes of the open entry.
    ///
    /// # Errors
    /// What the file's disk says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some((_, sum)) = &mut self.open {
            sum.update(bytes);
        }
        self.zip.write_all(bytes)
    }

    /// Writes a line and its end.
    ///
    /// # Errors
    /// What the file's disk says.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        self.write(line.as_bytes())?;
        self.write(b"\n")
    }

    /// Writes a whole entry.
    ///
    /// # Errors
    /// What the file's disk says.
    pub fn entry(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        self.write(bytes)
    }

    /// Writes the sums of all entries and ends the file.
    ///
    /// # Errors
    /// What the file's disk says.
    pub fn finish(mut self) -> io::Result<W> {
        self.end();
        let sums = std::mem::take(&mut self.sums);
        self.begin(SUMS)?;
        for (name, sum) in sums {
            self.line(&format!("{sum}  {name}"))?;
        }
        Ok(self.zip.finish()?)
    }

    fn end(&mut self) {
        if let Some((name, sum)) = self.open.take() {
            self.sums.push((name, Hash(sum.finalize().into())));
        }
    }
}
