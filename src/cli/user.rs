//! `socho user`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, Lang, line, read_input, table, to_stdout};
use crate::app::App;
use crate::app::access::{Actor, Role, role_name};
use crate::app::manage_users::{NewUser, SessionShown, UserShown, user_json};
use crate::domain::calendar::{rfc3339, vietnam_time};
use crate::domain::identity::{SessionId, UserName};
use crate::domain::ids::MarketCode;
use crate::domain::text::Name;

/// Largest password file, in bytes.
const PASSWORD_FILE_MAX: u64 = 4_096;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add somebody who may log in; prints their first password, which they must change
    #[command(
        after_help = "The first user closes the book: from then on pages and API ask for a login, except on the\ncommand line, which belongs to whoever holds the database.\n\nExample: socho user add --name lan --full-name \"Trần Thị Lan\" --role manager --market TAN"
    )]
    Add(Add),
    /// List users
    #[command(after_help = "Example: socho user list --json")]
    List,
    /// Shut somebody out at once: their sessions end
    #[command(after_help = "Example: socho user disable lan")]
    Disable(One),
    /// Let somebody in again
    #[command(after_help = "Example: socho user enable lan")]
    Enable(One),
    /// Give somebody a new first password; their sessions end
    #[command(after_help = "Example: socho user password lan")]
    Password {
        /// The user's name
        name: UserName,
        /// A file that holds the password; one is made when not given
        #[arg(long)]
        password_file: Option<String>,
    },
    /// Take somebody's second factor away, whose phone and recovery codes are lost
    #[command(after_help = "Example: socho user drop-second-factor lan")]
    DropSecondFactor(One),
    /// Give somebody another role; it counts at once
    #[command(after_help = "Example: socho user role lan --role auditor")]
    Role {
        /// The user's name
        name: UserName,
        /// The role: manager, city, auditor or admin
        #[arg(long)]
        role: Role,
        /// A manager's market
        #[arg(long)]
        market: Option<MarketCode>,
    },
    /// List somebody's live sessions
    #[command(after_help = "Example: socho user sessions lan")]
    Sessions(One),
    /// End a session of somebody's, or all of them
    #[command(after_help = "Example: socho user revoke lan --all")]
    Revoke {
        /// The user's name
        name: UserName,
        /// The session, `ses_…`
        #[arg(required_unless_present = "all")]
        session: Option<SessionId>,
        /// All of them
        #[arg(long, conflicts_with = "session")]
        all: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The name at login: 2 to 40 of a-z, 0-9, '.', '-' and '_'
    #[arg(long)]
    name: UserName,
    /// The person's name
    #[arg(long)]
    full_name: Name,
    /// The role: manager, city, auditor or admin
    #[arg(long)]
    role: Role,
    /// A manager's market
    #[arg(long)]
    market: Option<MarketCode>,
    /// A file that holds the first password; one is made when not given
    #[arg(long)]
    password_file: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The user's name
    name: UserName,
}

pub(super) async fn run(context: &Context, command: User) -> Result<Exit, Failure> {
    // Whoever begins a book may begin it with its people.
    let begins = matches!(command, User::Add(_));
    let app = if begins { context.open_or_make().await? } else { context.open().await? };
    let done = act(context, &app, command).await;
    app.close().await;
    done.map(|()| Exit::Ok)
}

async fn act(context: &Context, app: &App, command: User) -> Result<(), Failure> {
    let actor = Actor::operator();
    match command {
        User::Add(Add { name, full_name, role, market, password_file }) => {
            let password = password_file.as_deref().map(password).transpose()?;
            let new = NewUser { name, full_name, role, market, password, must_change: true };
            let (user, made) = app.add_user(&actor, new).await?;
            added(context, &user, made.as_deref());
        }
        User::List => list(context, &app.users(&actor).await?),
        User::Disable(One { name }) => {
            app.set_user_disabled(&actor, &name, true).await?;
            say(
                context,
                format!("Đã khóa {name}; mọi phiên đã kết thúc."),
                format!("{name} is shut out; every session ended."),
            );
        }
        User::Enable(One { name }) => {
            app.set_user_disabled(&actor, &name, false).await?;
            say(context, format!("Đã mở lại {name}."), format!("{name} may log in again."));
        }
        User::Password { name, password_file } => {
            let given = password_file.as_deref().map(password).transpose()?;
            let made = app.reset_password(&actor, &name, given.as_deref()).await?;
            if context.json {
                line(json!({"name": name.as_str(), "password": made}).to_string());
            } else {
                let (vi, en) = match made {
                    Some(made) => (format!(": {made}"), format!(": {made}")),
                    None => (" đã đặt".to_owned(), " is set".to_owned()),
                };
                say(
                    context,
                    format!("Mật khẩu mới của {name}{vi} (phải đổi khi đăng nhập)"),
                    format!("new password of {name}{en} (to be changed at login)"),
                );
            }
        }
        User::DropSecondFactor(One { name }) => {
            app.reset_second_factor(&actor, &name).await?;
            say(context, format!("Đã gỡ xác thực hai bước của {name}."), format!("{name} has no second factor now."));
        }
        User::Role { name, role, market } => {
            app.set_user_role(&actor, &name, role, market.as_ref()).await?;
            say(context, format!("{name} nay là {}.", role_name(role).vi), format!("{name} is {role} now."));
        }
        User::Sessions(One { name }) => sessions(context, &app.sessions(&actor, Some(&name)).await?),
        User::Revoke { name, session, all: _ } => {
            let ended = app.end_sessions(&actor, Some(&name), session).await?;
            say(context, format!("Đã kết thúc {ended} phiên."), format!("{ended} sessions ended"));
        }
    }
    Ok(())
}

fn say(context: &Context, vi: String, en: String) {
    line(if context.lang == Lang::Vi { vi } else { en });
}

/// Reads a password from a file: its first line.
fn password(path: &str) -> Result<String, Failure> {
    let bytes = read_input(path, PASSWORD_FILE_MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(Exit::Refused, format!("{path} không phải UTF-8."), format!("{path} is not UTF-8."))
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn added(context: &Context, user: &UserShown, made: Option<&str>) {
    if context.json {
        let mut shown = user_json(user);
        if let Some(object) = shown.as_object_mut() {
            object.insert("password".to_owned(), json!(made));
        }
        line(shown.to_string());
        return;
    }
    let role = role_name(user.role);
    match context.lang {
        Lang::Vi => line(format!("Đã thêm {} ({}), {}.", user.name, user.full_name, role.vi)),
        Lang::En => line(format!("added {} ({}), {}", user.name, user.full_name, role.en)),
    }
    if let Some(made) = made {
        say(
            context,
            format!("Mật khẩu lần đầu: {made} (chỉ hiện lần này; phải đổi khi đăng nhập)"),
            format!("first password: {made} (shown this once; to be changed at login)"),
        );
    }
}

fn list(context: &Context, users: &[UserShown]) {
    if context.json {
        line(json!({"data": users.iter().map(user_json).collect::<Vec<_>>(), "has_more": false}).to_string());
        return;
    }
    let heads = context.lang.heads(
        ["Tên", "Họ và tên", "Vai trò", "Chợ", "Lần cuối", "Trạng thái"],
        ["Name", "Full name", "Role", "Market", "Last login", "State"],
    );
    let rows = users.iter().map(|user| {
        let state = match (user.disabled_at, user.must_change) {
            (Some(_), _) => ["đã khóa", "shut out"],
            (None, true) => ["chưa đổi mật khẩu đầu", "first password"],
            (None, false) => ["", ""],
        };
        let [state] = context.lang.heads([state[0]], [state[1]]);
        let role = role_name(user.role);
        vec![
            user.name.to_string(),
            user.full_name.clone(),
            context.lang.choose(&role).to_owned(),
            user.market.as_ref().map(ToString::to_string).unwrap_or_default(),
            user.last_login_at.map(vietnam_time).unwrap_or_default(),
            state.to_owned(),
        ]
    });
    to_stdout(&table(&heads, rows.collect()));
}

fn sessions(context: &Context, sessions: &[SessionShown]) {
    if context.json {
        let shown = sessions.iter().map(|session| {
            json!({
                "id": session.id.to_string(), "address": session.address, "agent": session.agent,
                "created_at": rfc3339(session.created_at), "last_seen_at": rfc3339(session.last_seen_at),
            })
        });
        line(json!({"data": shown.collect::<Vec<_>>(), "has_more": false}).to_string());
        return;
    }
    let heads = context.lang.heads(
        ["Phiên", "Từ lúc", "Dùng lần cuối", "Địa chỉ", "Trình duyệt"],
        ["Session", "Since", "Last used", "Address", "Browser"],
    );
    let rows = sessions.iter().map(|session| {
        let (since, seen) = (vietnam_time(session.created_at), vietnam_time(session.last_seen_at));
        vec![session.id.to_string(), since, seen, session.address.clone(), session.agent.clone()]
    });
    to_stdout(&table(&heads, rows.collect()));
}
