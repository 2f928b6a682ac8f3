//! Files that appear whole or not at all: written under another name, flushed, renamed, and the
//! folder flushed. A crash leaves `NAME.partial` behind, which nothing opens and the next try
//! removes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What SQLite may keep beside a database file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// May a file that is there already be replaced?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Never.
    Refuse,
    /// The caller asked for it.
    Replace,
}

/// Why a file cannot be placed.
#[derive(Debug)]
pub(crate) enum PlaceError {
    /// It is there already.
    Exists(PathBuf),
    /// What belongs to another database file of this name lies beside it.
    LeftOver(PathBuf),
    /// Another process is writing it at this moment.
    Busy(PathBuf),
    /// What the system said.
    Io(PathBuf, io::Error),
}

/// A file on its way. Dropping it without [`Self::finish`] removes what was written.
#[derive(Debug)]
pub(crate) struct Partial {
    target: PathBuf,
    path: PathBuf,
    overwrite: Overwrite,
    /// Held so that two processes never write one file.
    lock: Option<File>,
}

impl Partial {
    /// Makes the empty file under its other name, readable by its owner alone.
    pub(crate) fn begin(target: &Path, overwrite: Overwrite) -> Result<Self, PlaceError> {
        let with = |suffix: &str| {
            let mut name = target.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        refuse(target, overwrite)?;
        // SQLite would take them for the new file's own and replay them into it.
        for left in COMPANIONS.map(with) {
            if fs::metadata(&left).is_ok_and(|found| found.len() > 0) {
                return Err(PlaceError::LeftOver(left));
            }
        }
        let partial = with(".partial");
        let io = |error| PlaceError::Io(partial.clone(), error);
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&partial).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(PlaceError::Busy(partial)),
            Err(fs::TryLockError::Error(error)) => return Err(io(error)),
        }
        // Its last writer may have given it its name just now: then this is no longer ours to empty.
        let here = fs::metadata(&partial).map_err(io)?;
        let held = lock.metadata().map_err(io)?;
        if (here.dev(), here.ino()) != (held.dev(), held.ino()) {
            return Err(PlaceError::Busy(partial));
        }
        lock.set_len(0).map_err(io)?;
        for stale in COMPANIONS.map(|companion| with(&format!(".partial{companion}"))) {
            remove(&stale).map_err(io)?;
        }
        Ok(Self { target: target.to_owned(), path: partial, overwrite, lock: Some(lock) })
    }

    /// Returns where to write.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Flushes the file, gives it its name and flushes the folder.
    pub(crate) fn finish(mut self) -> Result<(), PlaceError> {
        let io = |error| PlaceError::Io(self.target.clone(), error);
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(io)?;
        match self.overwrite {
            Overwrite::Replace => fs::rename(&self.path, &self.target).map_err(io)?,
            // A link, unlike a rename, is refused when the name has been taken meanwhile.
            Overwrite::Refuse => match fs::hard_link(&self.path, &self.target) {
                Ok(()) => fs::remove_file(&self.path).map_err(io)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(PlaceError::Exists(self.target.clone()));
                }
                // Not every file system has links.
                Err(_) => {
                    refuse(&self.target, Overwrite::Refuse)?;
                    fs::rename(&self.path, &self.target).map_err(io)?;
                }
            },
        }
        self.lock = None;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(io)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // What cannot be removed now, the next try removes.
            let _ = remove(&self.path);
            for companion in COMPANIONS {
                let mut name = self.path.as_os_str().to_owned();
                name.push(companion);
                let _ = remove(Path::new(&name));
            }
        }
    }
}

fn refuse(target: &Path, overwrite: Overwrite) -> Result<(), PlaceError> {
    // A name whose link leads nowhere is taken as well.
    if overwrite == Overwrite::Refuse && fs::symlink_metadata(target).is_ok() {
        return Err(PlaceError::Exists(target.to_owned()));
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
