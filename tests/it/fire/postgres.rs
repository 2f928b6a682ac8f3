//! A PostgreSQL server of a test's own, that it may stop, starve and restart.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use sqlx::{Connection as _, Executor as _};

use super::site::new_folder;
use super::{skipped, wait};

pub(crate) struct PgServer {
    folder: PathBuf,
    bin: PathBuf,
    pub(crate) port: u16,
    settings: String,
}

impl PgServer {
    /// Makes and starts a cluster; `None`, and a word about it, where PostgreSQL is not installed.
    pub(crate) fn start(test: &str, max_connections: u32, rng: &mut fastrand::Rng) -> Option<Self> {
        let Some(bin) = programs() else {
            assert!(std::env::var("CI").is_err(), "CI needs PostgreSQL's server programs");
            skipped(test, "PostgreSQL's server programs are not installed");
            return None;
        };
        // Below the ports that Linux gives to whoever connects.
        let (folder, port) = (new_folder(), rng.u16(20_000..32_000));
        let settings = format!("-p {port} -h 127.0.0.1 -k {} -c max_connections={max_connections}", folder.display());
        let server = Self { folder, bin, port, settings };
        let owner = if is_root() { "postgres" } else { "" };
        if !owner.is_empty() {
            run(Command::new("chown").arg(owner).arg(&server.folder));
        }
        run(server.command("initdb").args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]));
        server.resume();
        Some(server)
    }

    /// Starts it again where it was stopped; returns once it takes connections.
    pub(crate) fn resume(&self) {
        let log = self.folder.join("log");
        run(self.command("pg_ctl").arg("-l").arg(log).args(["-w", "-o", &self.settings, "start"]));
    }

    /// Stops it as a power cut would: no farewell to sessions, no checkpoint.
    pub(crate) fn stop_at_once(&self) {
        run(self.command("pg_ctl").args(["-m", "immediate", "-w", "stop"]));
    }

    /// Makes a database; its address.
    pub(crate) fn database(&self, name: &str) -> String {
        let url = |database: &str| format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        wait(async {
            let mut connection = sqlx::PgConnection::connect(&url("postgres")).await.unwrap();
            connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        });
        url(name)
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder).arg("-D").arg(self.folder.join("cluster"));
        command
    }
}

impl Drop for PgServer {
    fn drop(&mut self) {
        let _ = self.command("pg_ctl").args(["-m", "immediate", "stop"]).stdout(Stdio::null()).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Returns the folder of the newest server programs.
fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest =
        installed.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists()).max_by_key(version);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    newest.map(|folder| folder.join("bin")).or_else(on_path)
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(output.success(), "{command:?}: {output}");
}
