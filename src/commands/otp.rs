//! `smsgw otp`: one-time codes through a running gateway; sessions and locks as the database has them.

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::store::otp_sessions::{self, ListedSession};
use shared::store::{otp_failures, two_factor_failures};

use crate::call::Gateway;
use crate::cli::{OtpAction, OtpArgs, OtpSendArgs, OtpSessionsArgs, OtpUnlockArgs, OtpVerifyArgs};
use crate::commands::open;
use crate::input;
use crate::print::{Printer, WrongUse};

/// Sends or checks a code, lists sessions or unlocks a phone or a user.
pub(crate) async fn run(args: OtpArgs, printer: Printer) -> Result<()> {
    match args.action {
        OtpAction::Send(args) => send(args, printer).await,
        OtpAction::Verify(args) => verify(args, printer).await,
        OtpAction::Sessions(args) => sessions(args, printer).await,
        OtpAction::Unlock(args) => unlock(args, printer).await,
    }
}

async fn send(args: OtpSendArgs, printer: Printer) -> Result<()> {
    let body = input::given(json!({
        "phone": args.phone,
        "purpose": args.purpose,
        "user_id": args.user_id,
        "locale": args.locale,
        "provider_hint": args.provider_hint,
    }));
    let answer = Gateway::new(&args.api)?.post("/otp/send", &body, None).await?;
    printer.show(&answer, || answer["session_id"].as_str().unwrap_or_default().to_owned())
}

/// The code comes by standard input: a command line can be read by others on the machine.
async fn verify(args: OtpVerifyArgs, printer: Printer) -> Result<()> {
    let gateway = Gateway::new(&args.api)?;
    let mut code = String::new();
    std::io::stdin().read_line(&mut code).context("cannot read standard input")?;
    if code.trim().is_empty() {
        return Err(
            WrongUse::new("the code is read from standard input: echo 123456 | smsgw otp verify …").into()
        );
    }
    let body = json!({ "session_id": args.session_id, "otp": code.trim() });
    let answer = gateway.post("/otp/verify", &body, None).await?;
    printer.show(&answer, || "verified".to_owned())
}

async fn sessions(args: OtpSessionsArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let found =
        otp_sessions::list(&pool, args.phone.as_ref(), args.user_id.as_deref(), i64::from(args.limit)).await;
    let found = found.context("the sessions cannot be read")?;
    if found.is_empty() {
        return printer.tell("no such session; those that ended unverified are kept for a day");
    }
    found.iter().try_for_each(|session| printer.show(session, || line(session)))
}

fn line(session: &ListedSession) -> String {
    let ListedSession { id, created_at, purpose, phone, status, attempts, max_attempts, sends, .. } = session;
    let provider = session.provider_name.as_deref().unwrap_or("-");
    let why = session.withheld.as_deref().unwrap_or_default();
    let time = created_at.format("%Y-%m-%d %H:%M:%S");
    format!(
        "{time}  {id}  {purpose:14} {phone:16} {status:11} checks {attempts}/{max_attempts}, codes {sends}, by {provider} {why}"
    )
    .trim_end()
    .to_owned()
}

async fn unlock(args: OtpUnlockArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let (of, forgotten) = match (&args.phone, &args.user) {
        (Some(phone), _) => (phone.as_str(), otp_failures::forget(&pool, phone).await),
        (None, Some(user)) => (user.as_str(), two_factor_failures::forget(&pool, user).await),
        (None, None) => return Err(WrongUse::new("say whom: a phone, or --user ID").into()),
    };
    if !forgotten.context("the lock cannot be lifted")? {
        bail!("{of} has no wrong codes to forget");
    }
    printer.show(&json!({ "unlocked": of }), || format!("unlocked: {of}"))
}
