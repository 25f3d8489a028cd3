//! `smsgw send`: one message through a running gateway.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::call::Gateway;
use crate::cli::SendArgs;
use crate::input;
use crate::print::Printer;

/// Sends and prints what the gateway says.
pub(crate) async fn run(args: SendArgs, printer: Printer) -> Result<()> {
    let gateway = Gateway::new(&args.api)?;
    let body = body(&args)?;
    let answer = gateway.post("/sms/send-transactional", &body, args.idempotency_key.as_deref()).await?;
    printer.show(&answer, || {
        let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", field("message_id"), field("status"))
    })
}

/// Without what was not given: the gateway knows the usual values.
fn body(args: &SendArgs) -> Result<Value> {
    let text = match args.text.as_deref() {
        Some("-") => Some(input::read("-")?.trim_end_matches(['\n', '\r']).to_owned()),
        given => given.map(str::to_owned),
    };
    let mut vars = Map::new();
    for pair in &args.vars {
        let (name, value) = input::pair("--var", pair)?;
        vars.insert(name.to_owned(), Value::from(value));
    }
    let all = json!({
        "to": args.to,
        "text": text,
        "template": args.template,
        "vars": args.template.is_some().then_some(vars),
        "user_id": args.user_id,
        "provider_hint": args.provider_hint,
        "send_at": args.send_at,
        "expires_in": args.expires_in,
        "at_most_once": args.at_most_once.then_some(true),
    });
    Ok(input::given(all))
}
