//! On whose behalf this program acts at this moment, and by which request: what the audit log records.
//!
//! `web` says so once for each request, at its door; the command line says nothing, and acts as the
//! operator, who holds the database file. It goes with the task: work that is handed to another task
//! takes what it needs along.

use super::access::{Actor, Scope, Via};
use crate::domain::audit::ActorKind;

/// Who acts, and how they asked.
#[derive(Debug, Clone, Default)]
pub struct Acting {
    /// Who; nobody who is known yet when none: a login, a phone that is paired.
    pub actor: Option<Actor>,
    /// The request's id.
    pub request_id: Option<String>,
}

tokio::task_local! {
    static ACTING: Acting;
}

/// Does a piece of work on somebody's behalf.
pub async fn acting_as<F: Future>(acting: Acting, work: F) -> F::Output {
    ACTING.scope(acting, work).await
}

/// Returns on whose behalf this task acts.
pub(crate) fn acting() -> Acting {
    let operator = |_| Acting { actor: Some(Actor::operator()), request_id: None };
    ACTING.try_with(Clone::clone).unwrap_or_else(operator)
}

/// Returns as what an actor is recorded.
pub(crate) fn kind_of(actor: &Actor) -> ActorKind {
    match (actor.via(), actor.scope()) {
        (Via::Database, _) => ActorKind::Operator,
        (Via::Session { .. }, _) => ActorKind::User,
        (Via::Device(_), _) | (_, Scope::Stall(_)) => ActorKind::Phone,
        (Via::Key(_), _) => ActorKind::Key,
    }
}
