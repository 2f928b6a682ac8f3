//! People, phones and programs at the doors of one server, without a socket: what a browser keeps, it
//! sends again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use axum::{Extension, Router};
use serde_json::Value;
use socho::app::access::{Actor, Role};
use socho::app::manage_users::NewUser;
use socho::app::pair_device::CodeFor;
use socho::web::{self, Door, Web};
use tower::ServiceExt as _;

use crate::world::World;

pub(crate) const PASSWORD: &str = "cá lóc nướng trui";

/// A server of a world's book.
#[derive(Clone)]
pub(crate) struct Site {
    router: Router,
}

impl Site {
    /// Serves a book as on a machine of its own, behind a proxy with TLS.
    pub(crate) fn of(world: &World) -> Self {
        Self::with(world, Door { loopback: false, public_url: Some("https://cho.example".to_owned()) })
    }

    pub(crate) fn with(world: &World, door: Door) -> Self {
        Self { router: web::everything(Web::new(Arc::clone(&world.app), None, door)) }
    }

    /// Serves what another process serves.
    pub(crate) fn serving(router: Router) -> Self {
        Self { router }
    }

    /// Somebody at a browser or program of their own.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor {
            router: self.router.clone(),
            cookies: BTreeMap::new(),
            headers: vec![("host".to_owned(), "cho.example".to_owned())],
            peer: "203.0.113.7:40000".parse().unwrap(),
        }
    }
}

/// Somebody at a browser or program of their own.
#[derive(Clone)]
pub(crate) struct Visitor {
    router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) peer: SocketAddr,
}

/// An answer that was read whole.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) set_cookies: Vec<String>,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns what the page's forms carry.
    pub(crate) fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Visitor {
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn at_address(mut self, peer: &str) -> Self {
        self.peer = format!("{peer}:40000").parse().unwrap();
        self
    }

    /// Asks as a browser does for a page.
    pub(crate) async fn page(&mut self, path: &str) -> Seen {
        self.send("GET", path, &[("accept", "text/html")], "").await
    }

    /// Asks as a program does.
    pub(crate) async fn get(&mut self, path: &str) -> Seen {
        self.send("GET", path, &[], "").await
    }

    /// Sends a form of ours.
    pub(crate) async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let headers = [("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &headers, &body.join("&")).await
    }

    /// Sends JSON as a page of ours does.
    pub(crate) async fn json(&mut self, method: &str, path: &str, body: &str) -> Seen {
        self.send(method, path, &[("content-type", "application/json"), ("origin", "https://cho.example")], body).await
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let router = self.router.clone().layer(Extension(ConnectInfo(self.peer)));
        let response = router.oneshot(request).await.unwrap();
        let seen = seen(response).await;
        for cookie in &seen.set_cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            assert!(name.starts_with("__Host-") && rest.contains("; Path=/;") && !rest.contains("Domain"), "{cookie}");
            assert!(["Secure", "HttpOnly", "SameSite=Lax"].iter().all(|part| rest.contains(part)), "{cookie}");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        seen
    }

    /// Logs in with a name and a password; returns the answer.
    pub(crate) async fn log_in(&mut self, name: &str, password: &str) -> Seen {
        let csrf = self.page("/login").await.csrf();
        self.form("/login", &[("csrf", &csrf), ("name", name), ("password", password)]).await
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

async fn seen(response: Response<Body>) -> Seen {
    let (parts, body) = response.into_parts();
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let set_cookies = parts.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
    Seen {
        status: parts.status.as_u16(),
        location: text("location").unwrap_or_default(),
        set_cookies: set_cookies.collect(),
        body: String::from_utf8_lossy(&axum::body::to_bytes(body, 64 << 20).await.unwrap()).into_owned(),
        headers: parts.headers,
    }
}

/// Adds a user whose password is [`PASSWORD`]; who has chosen it already.
pub(crate) async fn user(world: &World, name: &str, role: Role, market: Option<&str>) {
    let new = NewUser {
        name: name.parse().unwrap(),
        full_name: format!("Người {name}").parse().unwrap(),
        role,
        market: market.map(|code| code.parse().unwrap()),
        password: Some(PASSWORD.to_owned()),
        must_change: false,
    };
    world.app.add_user(&Actor::operator(), new).await.unwrap();
}

/// Pairs a phone with a stall as a vendor does, from the card's code.
pub(crate) async fn phone(world: &World, site: &Site, market: &str, stall: &str, name: &str) -> Visitor {
    let card = CodeFor::Card { ends_devices: false };
    let issued = world.app.issue_pairing_code(&Actor::operator(), &market.parse().unwrap(), stall, card).await.unwrap();
    let mut phone = site.visitor();
    let csrf = phone.page(&issued.path()).await.csrf();
    let paired = phone.form(&issued.path(), &[("csrf", &csrf), ("name", name)]).await;
    assert_eq!((paired.status, paired.location.as_str()), (303, "/stall"), "{}", paired.body);
    phone
}
