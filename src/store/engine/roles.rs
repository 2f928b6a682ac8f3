//! PostgreSQL's two roles: `socho_owner` owns the tables, `socho_serve` serves them and cannot
//! update, delete or truncate the journal (DESIGN §3). SQLite has no roles; triggers guard it.

use sqlx::PgConnection;

/// Tables the serving role may only read and add to.
const APPEND_ONLY: &str = "batches, postings, inbox, day_closes, market_keys, day_balances, balance_steps, day_spreads, \
    stall_numbers, qr_codes, qr_prints, qr_print_cards, pairing_dates, pairing_credits, \
    statements, statement_files, statement_parts, statement_days, statement_refunds, reconciliations, \
    audit_log, redactions";

/// Tables whose rows it may also change.
const CHANGEABLE: &str = "installation, markets, market_places, account_routes, sources, source_accounts, \
    market_cutoffs, stalls, vendors, tenancies, receiving_accounts, account_stalls, market_head, deliveries, \
    reference_agreements, balances, daily_totals, hourly_totals, date_totals, source_totals, users, recovery_codes, \
    sessions, api_keys, login_attempts, devices, pairing_codes, disputes, cash_lines, assignment_proposals, \
    statement_lines, source_hours, audit_head, webhooks, idempotency_keys";

/// Tables whose rows it may remove: redacted text, accounts taken off a source's list, reports that
/// a person booked as money of their own, what has run out of logins and codes,
/// subscriptions that ended.
const REMOVABLE: &str = "inbox_texts, source_accounts, pairings, recovery_codes, sessions, login_attempts, \
    pairing_codes, assignment_proposals, webhooks, webhook_attempts, idempotency_keys, \
    heard_requests";

/// Makes both roles when they are missing and lets the login act as either.
///
/// # Errors
/// When the login may not make roles or grant on the schema; serving then goes on under the login
/// with triggers alone guarding the journal, and says so.
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for role in ["socho_owner", "socho_serve"] {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(&mut *connection)
            .await?;
        if !known {
            run(connection, format!("CREATE ROLE {role} NOLOGIN")).await?;
        }
        let member: bool = sqlx::query_scalar("SELECT pg_has_role(current_user, $1, 'MEMBER')")
            .bind(role)
            .fetch_one(&mut *connection)
            .await?;
        if !member {
            run(connection, format!("GRANT {role} TO CURRENT_USER")).await?;
        }
    }
    run(connection, "GRANT USAGE, CREATE ON SCHEMA public TO socho_owner".to_owned()).await?;
    run(connection, "GRANT USAGE ON SCHEMA public TO socho_serve".to_owned()).await
}

/// Gives the serving role exactly what it needs, as the owner of the tables.
pub(super) async fn grant(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for statement in [
        format!("GRANT SELECT, INSERT ON {APPEND_ONLY} TO socho_serve"),
        format!("GRANT SELECT, INSERT, UPDATE ON {CHANGEABLE} TO socho_serve"),
        format!("GRANT SELECT, INSERT, DELETE ON {REMOVABLE} TO socho_serve"),
        "GRANT SELECT ON _sqlx_migrations TO socho_serve".to_owned(),
    ] {
        run(connection, statement).await?;
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.map(|_| ())
}
