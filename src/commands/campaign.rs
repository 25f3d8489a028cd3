//! `smsgw campaign`: one text for many people, through a running gateway.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::call::Gateway;
use crate::cli::{CampaignAction, CampaignArgs, ListArgs, OneCampaign, TestArgs};
use crate::input;
use crate::print::Printer;

mod add;
mod bar;
mod create;
mod list_file;
mod rejects;
mod results;
mod told;
mod watch;

/// Does to campaigns what was asked.
pub(crate) async fn run(args: CampaignArgs, printer: Printer) -> Result<()> {
    let gateway = Gateway::new(&args.api)?;
    match args.action {
        CampaignAction::Create(args) => create::run(&gateway, &args, printer).await,
        CampaignAction::Add(args) => add::run(&gateway, args, printer).await,
        CampaignAction::List(args) => list(&gateway, &args, printer).await,
        CampaignAction::Show(one) => {
            let campaign = gateway.get(&path(one, "")).await?;
            printer.show(&campaign, || told::campaign(&campaign))
        }
        CampaignAction::Preview(one) => {
            let preview = gateway.get(&path(one, "/preview")).await?;
            printer.show(&preview, || told::preview(&preview))
        }
        CampaignAction::Test(args) => test(&gateway, &args, printer).await,
        CampaignAction::Start(one) => act(&gateway, one, "/start", printer).await,
        CampaignAction::Watch(one) => watch::run(&gateway, one, printer).await,
        CampaignAction::Pause(one) => act(&gateway, one, "/pause", printer).await,
        CampaignAction::Resume(one) => act(&gateway, one, "/resume", printer).await,
        CampaignAction::Budget(args) => {
            let budget = create::budget("AMOUNT", &args.amount)?;
            let campaign = gateway.put(&path(args.of, "/budget"), &budget).await?;
            printer.show(&campaign, || told::campaign(&campaign))
        }
        CampaignAction::Cancel(one) => act(&gateway, one, "/cancel", printer).await,
        CampaignAction::Results(args) => results::run(&gateway, &args, printer).await,
    }
}

/// Where a campaign, or something of it, is asked for.
fn path(one: OneCampaign, part: &str) -> String {
    format!("/sms/campaigns/{}{part}", one.id)
}

async fn act(gateway: &Gateway, one: OneCampaign, action: &str, printer: Printer) -> Result<()> {
    let campaign = gateway.act(&path(one, action)).await?;
    printer.show(&campaign, || told::line(&campaign))
}

async fn list(gateway: &Gateway, args: &ListArgs, printer: Printer) -> Result<()> {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.status.clone().map(|status| ("status", status)));
    query.extend(args.before.map(|id| ("cursor", id.to_string())));
    let page = gateway.find("/sms/campaigns", &query).await?;
    let campaigns = page["campaigns"].as_array().map(Vec::as_slice).unwrap_or_default();
    if campaigns.is_empty() {
        return printer.tell("no such campaign; make one with `smsgw campaign create`");
    }
    campaigns.iter().try_for_each(|one| printer.show(one, || told::listed(one)))?;
    match page["next_cursor"].as_str() {
        Some(last) => printer.tell(&format!("there are more: --before {last}")),
        None => Ok(()),
    }
}

async fn test(gateway: &Gateway, args: &TestArgs, printer: Printer) -> Result<()> {
    let mut variables = Map::new();
    for pair in &args.vars {
        let (name, value) = input::pair("--var", pair)?;
        variables.insert(name.to_owned(), Value::from(value));
    }
    let body = json!({ "to": args.to, "variables": variables });
    let sent = gateway.post(&path(args.of, "/test"), &body, None).await?;
    printer.show(&sent, || {
        let field = |name: &str| sent[name].as_str().unwrap_or_default();
        format!("{} {}\n{}", field("message_id"), field("status"), field("text"))
    })
}
