//! A network of the test's own between the program and PostgreSQL: it cuts connections around a
//! COMMIT, and falls silent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Weather {
    /// It carries everything.
    Fair = 0,
    /// It carries the next COMMIT, has the server carry it out, and cuts before the answer.
    DropAnswer = 1,
    /// It cuts before the next COMMIT reaches the server.
    DropCommit = 2,
    /// It takes bytes in and gives none on until it is fair again: late, but whole.
    Late = 3,
    /// It swallows bytes and farewells, and keeps the connections open: nobody hears anything, as
    /// when the server's machine is gone.
    Silent = 4,
}

const WEATHERS: [Weather; 5] =
    [Weather::Fair, Weather::DropAnswer, Weather::DropCommit, Weather::Late, Weather::Silent];

#[derive(Default)]
struct Sky {
    weather: AtomicU8,
    cuts: AtomicU64,
    touched: AtomicU64,
}

impl Sky {
    fn weather(&self) -> Weather {
        WEATHERS[usize::from(self.weather.load(Ordering::SeqCst))]
    }
}

pub(crate) struct Proxy {
    sky: Arc<Sky>,
    pub(crate) port: u16,
}

impl Proxy {
    /// Stands before the server on a port of this machine.
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (sky, port) = (Arc::new(Sky::default()), listener.local_addr().unwrap().port());
        let shared = Arc::clone(&sky);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let lost = Arc::new(AtomicBool::new(false));
                for (number, (from, to)) in [(&client, &server), (&server, &client)].into_iter().enumerate() {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (sky, lost) = (Arc::clone(&shared), Arc::clone(&lost));
                    let _ = to.set_nodelay(true);
                    std::thread::spawn(move || {
                        carry(&from, &to, &sky, &lost, number == 0);
                        let _ = from.shutdown(Shutdown::Both);
                        if !lost.load(Ordering::SeqCst) {
                            let _ = to.shutdown(Shutdown::Both);
                        }
                    });
                }
                // Held open for as long as the test runs.
                std::mem::forget((client, server));
            }
        });
        Self { sky, port }
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.sky.weather.store(weather as u8, Ordering::SeqCst);
    }

    pub(crate) fn weather(&self) -> Weather {
        self.sky.weather()
    }

    /// Connections that it cut around a COMMIT.
    pub(crate) fn cuts(&self) -> u64 {
        self.sky.cuts.load(Ordering::SeqCst)
    }

    /// Packets that it delayed or swallowed.
    pub(crate) fn touched(&self) -> u64 {
        self.sky.touched.load(Ordering::SeqCst)
    }
}

/// Carries one direction until the connection ends or is cut.
fn carry(mut from: &TcpStream, mut to: &TcpStream, sky: &Sky, lost: &AtomicBool, to_server: bool) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = from.read(&mut bytes) else { return };
        let commit = to_server && bytes[..length].windows(7).any(|window| window == b"COMMIT\0");
        while sky.weather() == Weather::Late {
            sky.touched.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
        }
        match sky.weather() {
            weather @ (Weather::DropAnswer | Weather::DropCommit) if commit => {
                // One cut for each time it is asked for.
                let asked = sky.weather.compare_exchange(weather as u8, 0, Ordering::SeqCst, Ordering::SeqCst);
                if asked.is_ok() {
                    if weather == Weather::DropAnswer {
                        let _ = to.write_all(&bytes[..length]);
                        // The server has carried it out when it answers; the other direction has no
                        // chance to pass that on.
                        let _ = from.shutdown(Shutdown::Both);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    sky.cuts.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
            Weather::Silent => lost.store(true, Ordering::SeqCst),
            Weather::Fair | Weather::DropAnswer | Weather::DropCommit | Weather::Late => {}
        }
        if lost.load(Ordering::SeqCst) {
            // A connection that lost bytes never works again.
            sky.touched.fetch_add(1, Ordering::SeqCst);
        } else if to.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}
