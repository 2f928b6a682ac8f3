//! What every page of `layout.html` has around it: language, notices, who is logged in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::super::Shared;
use super::super::problem::{Problem, Tongue};
use super::super::visitor::{Unasked, Visitor, shown_as};
use crate::app::access::Right;
use crate::domain::language::Language;

/// The frame of one page; a handler takes it as an argument.
#[derive(Debug, Clone)]
pub(in crate::web) struct Frame {
    pub(in crate::web) lang: &'static str,
    /// The clock of test mode.
    pub(in crate::web) test_now: Option<String>,
    /// Why whoever sits at this machine is the operator without a login, where that is so.
    pub(in crate::web) unasked: Option<Unasked>,
    /// What a person or phone is called, and as what they are here.
    pub(in crate::web) who: Option<(String, String)>,
    /// Whether they have an account of their own.
    pub(in crate::web) has_account: bool,
    /// Whether they manage users.
    pub(in crate::web) manages_users: bool,
    /// Where they see the sources and what those sent, if they may.
    pub(in crate::web) sources: Option<&'static str>,
    /// Whether they read the audit log.
    pub(in crate::web) reads_audit: bool,
    /// What every form carries in its field `csrf`.
    pub(in crate::web) csrf: String,
}

impl Frame {
    /// Returns the frame of a page that knows nobody: errors.
    pub(in crate::web) fn bare(tongue: Tongue) -> Self {
        Self {
            lang: if tongue == Tongue::Vi { "vi" } else { "en" },
            test_now: None,
            unasked: None,
            who: None,
            has_account: false,
            manages_users: false,
            sources: None,
            reads_audit: false,
            csrf: String::new(),
        }
    }

    /// Returns the page's language.
    pub(in crate::web) fn language(&self) -> Language {
        if self.lang == "en" { Language::English } else { Language::Vietnamese }
    }

    /// Tells whether nobody was asked because nobody can log in yet.
    pub(in crate::web) fn nobody_yet(&self) -> bool {
        self.unasked == Some(Unasked::NobodyYet)
    }

    /// Tells whether nobody was asked because of test mode.
    pub(in crate::web) fn unasked_test(&self) -> bool {
        self.unasked == Some(Unasked::TestMode)
    }

    /// Returns the text of the page's language.
    pub(in crate::web) fn say<'t>(&self, vi: &'t str, en: &'t str) -> &'t str {
        if self.lang == "en" { en } else { vi }
    }
}

impl FromRequestParts<Shared> for Frame {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        let visitor = Visitor::from_request_parts(parts, web).await?;
        let tongue = Tongue::of_page(&parts.headers);
        let who = visitor.known.as_ref().filter(|_| visitor.unasked.is_none()).map(|known| {
            let (name, role) = shown_as(known);
            (name, tongue.choose(&role).to_owned())
        });
        Ok(Self {
            test_now: web.test_now(),
            unasked: visitor.unasked,
            who,
            has_account: visitor.unasked.is_none() && visitor.actor().is_some_and(|actor| actor.has(Right::UseAccount)),
            manages_users: visitor.unasked.is_none()
                && visitor.actor().is_some_and(|actor| actor.has(Right::ManageUsers)),
            sources: visitor.actor().filter(|actor| actor.has(Right::ReadSources)).map(|_| "/sources"),
            reads_audit: visitor.actor().is_some_and(|actor| actor.has(Right::ReadAudit)),
            csrf: visitor.csrf,
            ..Self::bare(tongue)
        })
    }
}
