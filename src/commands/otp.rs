//! `smsgw otp`: one-time codes through a running gateway.

use anyhow::{Context, Result};
use serde_json::json;

use crate::call::Gateway;
use crate::cli::{OtpAction, OtpArgs, OtpSendArgs, OtpVerifyArgs};
use crate::input;
use crate::print::{Printer, WrongUse};

/// Sends or checks a code.
pub(crate) async fn run(args: OtpArgs, printer: Printer) -> Result<()> {
    match args.action {
        OtpAction::Send(args) => send(args, printer).await,
        OtpAction::Verify(args) => verify(args, printer).await,
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
