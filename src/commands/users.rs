//! `smsgw users`: what is known of a user, for whoever helps them.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::second_factor::Method;
use shared::store::otp_sessions::{self, ListedSession};
use shared::store::remembered_devices::{self, Device};
use shared::store::{contact_settings, two_factor};
use sqlx::PgPool;

use crate::cli::{UsersAction, UsersArgs};
use crate::commands::open;
use crate::print::Printer;

/// The latest sessions that are shown.
const SESSIONS: i64 = 10;

/// All that is shown.
#[derive(Serialize)]
struct User {
    user_id: String,
    phone: Option<String>,
    method: Method,
    app_since: Option<DateTime<Utc>>,
    backup_codes_remaining: i64,
    devices: Vec<Device>,
    sessions: Vec<ListedSession>,
}

/// Shows a user.
pub(crate) async fn run(args: UsersArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    match args.action {
        UsersAction::Show { id } => {
            let user = find(&pool, id).await.context("the user cannot be read")?;
            printer.show(&user, || told(&user))
        }
    }
}

async fn find(pool: &PgPool, user_id: String) -> sqlx::Result<User> {
    let settings = contact_settings::find(pool, &user_id).await?;
    let factors = two_factor::find(pool, &user_id).await?;
    Ok(User {
        phone: settings.and_then(|settings| settings.phone),
        method: factors.method,
        app_since: factors.app_since,
        backup_codes_remaining: factors.backup_codes_remaining,
        devices: remembered_devices::list(pool, &user_id).await?,
        sessions: otp_sessions::list(pool, None, Some(&user_id), SESSIONS).await?,
        user_id,
    })
}

fn told(user: &User) -> String {
    let User { user_id, phone, method, app_since, backup_codes_remaining, devices, sessions } = user;
    let mut lines = vec![
        format!("user          {user_id}"),
        format!("phone         {}", phone.as_deref().unwrap_or("unknown")),
        format!("second factor {}", method.as_str()),
        format!(
            "app           {}",
            app_since.map_or_else(|| "none".to_owned(), |at| format!("since {}", time(at)))
        ),
        format!("backup codes  {backup_codes_remaining} unused"),
        format!("devices       {}", devices.len()),
    ];
    lines.extend(devices.iter().map(|device| {
        let used =
            device.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", time(at)));
        format!("  {}  {}  {used}, until {}", device.id, device.name, time(device.expires_at))
    }));
    lines.push(format!("latest codes  {}", sessions.len()));
    lines.extend(sessions.iter().map(|session| {
        let ListedSession { id, created_at, purpose, status, attempts, max_attempts, .. } = session;
        format!("  {}  {id}  {purpose:14} {status:11} checks {attempts}/{max_attempts}", time(*created_at))
    }));
    lines.join("\n")
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
