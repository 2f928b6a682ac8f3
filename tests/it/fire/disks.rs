//! Disks of a test's own: a small one that fills up, and one whose power can be cut. Both need
//! root; without it a test says "skipped".

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::postgres::is_root;
use super::site::new_folder;
use super::skipped;

pub(crate) struct Disk {
    folder: PathBuf,
    /// Where it is mounted.
    pub(crate) path: PathBuf,
    /// The loop device, when there is one.
    device: Option<String>,
}

impl Disk {
    /// A file system in memory of this many MiB.
    pub(crate) fn small(test: &str, mebibytes: usize) -> Option<Self> {
        let size = format!("size={mebibytes}m");
        Self::mounted(test, None, &["-t", "tmpfs", "-o", &size, "none"])
    }

    /// XFS on a loop device: it can be shut down as a power cut would.
    pub(crate) fn xfs(test: &str) -> Option<Self> {
        if !is_root() || !works(Command::new("mkfs.xfs").arg("-V")) || !works(Command::new("xfs_io").arg("-V")) {
            skipped(test, "needs root, mkfs.xfs and xfs_io (package xfsprogs)");
            return None;
        }
        let image = new_folder().join("disk");
        std::fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
        let attached = Command::new("losetup").args(["-f", "--show"]).arg(&image).output().unwrap();
        let device = String::from_utf8_lossy(&attached.stdout).trim().to_owned();
        let made = attached.status.success() && works(Command::new("mkfs.xfs").args(["-q", &device]));
        if !made {
            let _ = Command::new("losetup").args(["-d", &device]).stderr(Stdio::null()).status();
            let _ = std::fs::remove_dir_all(image.parent().unwrap());
            skipped(test, "no loop device can be had here");
            return None;
        }
        let disk = Self::mounted(test, Some(device.clone()), &["-t", "xfs", &device]);
        let _ = std::fs::hard_link(&image, disk.as_ref()?.folder.join("disk"));
        let _ = std::fs::remove_dir_all(image.parent().unwrap());
        disk
    }

    fn mounted(test: &str, device: Option<String>, arguments: &[&str]) -> Option<Self> {
        let folder = new_folder();
        let disk = Self { path: folder.join("mounted"), folder, device };
        std::fs::create_dir_all(&disk.path).unwrap();
        if is_root() && works(Command::new("mount").args(arguments).arg(&disk.path)) {
            return Some(disk);
        }
        skipped(test, "nothing can be mounted here: needs root and the right to mount");
        None
    }

    /// Fills what room is left with a file; returns its path.
    pub(crate) fn fill(&self) -> PathBuf {
        let ballast = self.path.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        let block = vec![1_u8; 4_096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        ballast
    }

    /// Cuts the power: what the file system has not written by now is gone.
    pub(crate) fn cut(&self) {
        let mut command = Command::new("xfs_io");
        assert!(works(command.args(["-x", "-c", "shutdown"]).arg(&self.path)), "xfs_io could not shut the disk down");
    }

    /// Turns the power on again: mounts it anew, which replays its log. Nobody may use it meanwhile.
    pub(crate) fn restore(&self) {
        let device = self.device.as_deref().unwrap();
        // A process that is being started elsewhere may hold our files for the blink of an eye.
        let mut tries = 0;
        while !works(Command::new("umount").arg(&self.path)) {
            tries += 1;
            assert!(tries < 200, "umount {}", self.path.display());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(works(Command::new("mount").args(["-t", "xfs", device]).arg(&self.path)), "mount {device}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).stderr(Stdio::null()).status();
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
        // Only when nothing is mounted there any more.
        let _ = std::fs::remove_dir(&self.path);
        if !self.path.exists() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

pub(crate) fn works(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|done| done.success())
}

/// Returns the size of a file in bytes, 0 when it is not there.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}
