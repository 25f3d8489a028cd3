//! `smsgw campaign create`: a draft.

use anyhow::Result;
use serde_json::{Value, json};

use crate::call::Gateway;
use crate::cli::CreateArgs;
use crate::input;
use crate::print::{Printer, WrongUse};

/// Makes a draft and prints its id alone, for the commands that follow.
pub(super) async fn run(gateway: &Gateway, args: &CreateArgs, printer: Printer) -> Result<()> {
    let made = gateway.post("/sms/campaigns", &body(args)?, args.idempotency_key.as_deref()).await?;
    printer.show(&made, || made["campaign_id"].as_str().unwrap_or_default().to_owned())
}

/// Without what was not given: the gateway knows the usual values.
fn body(args: &CreateArgs) -> Result<Value> {
    let text = match args.text.as_deref() {
        Some("-") => Some(input::read("-")?.trim_end_matches(['\n', '\r']).to_owned()),
        given => given.map(str::to_owned),
    };
    Ok(input::given(json!({
        "name": args.name,
        "text": text,
        "template": args.template,
        "locale": args.locale,
        "sender": args.sender,
        "lane": args.lane,
        "start_at": args.start_at,
        "expires_at": args.expires_at,
        "message_expires_in": args.message_expires_in,
        "max_per_second": args.max_per_second,
        "weight": args.weight,
        "budget": args.budget.as_deref().map(|text| budget("--budget", text)).transpose()?,
        "provider_hint": args.provider_hint,
        "dedupe_key": args.dedupe_key,
        "dedupe_window_hours": args.dedupe_window_hours,
    })))
}

/// An amount with its currency behind it, with or without a blank between.
pub(super) fn budget(of: &str, text: &str) -> Result<Value, WrongUse> {
    let at = text.find(|c: char| c.is_ascii_alphabetic()).filter(|&at| at > 0);
    let Some((amount, currency)) = at.map(|at| text.split_at(at)) else {
        return Err(WrongUse::new(format!("{of} {text:?} is no amount with its currency, such as 12.50EUR")));
    };
    Ok(json!({ "amount": amount.trim(), "currency": currency.trim() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_has_a_currency() {
        for text in ["12.50EUR", "12.50 EUR"] {
            assert_eq!(
                budget("--budget", text).expect(text),
                json!({ "amount": "12.50", "currency": "EUR" })
            );
        }
        for wrong in ["12.50", "EUR", "", "€ 5"] {
            assert!(budget("--budget", wrong).is_err(), "{wrong}");
        }
    }
}
