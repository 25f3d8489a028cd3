//! `smsgw campaign watch`: a campaign until its end.

use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::call::Gateway;
use crate::cli::OneCampaign;
use crate::commands::campaign::{bar, path, told};
use crate::print::{AlreadyTold, Printer, Refusal};

/// How often is looked.
const POLL: Duration = Duration::from_secs(1);
/// So many looks in a row may fail, as while a gateway is restarted.
const MOST_MISSED: u32 = 60;

/// Shows how far it is until it has ended, or until interrupted: the campaign goes on then.
pub(super) async fn run(gateway: &Gateway, one: OneCampaign, printer: Printer) -> Result<()> {
    let mut watch = Watch { bar: bar::of_messages(printer), printer, shown: String::new(), missed: 0 };
    let watched = async {
        loop {
            if let Some(ended) = watch.look(gateway.get(&path(one, "")).await)? {
                return Ok(ended);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let ended: Result<Value> = tokio::select! {
        ended = watched => ended,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            watch.bar.finish_and_clear();
            eprintln!("the campaign goes on; `smsgw campaign watch {0}` looks again, `smsgw campaign pause {0}` stops it", one.id);
            return Ok(());
        }
    };
    watch.bar.finish_and_clear();
    match told::status(&ended?) {
        "cancelled" => Err(AlreadyTold.into()),
        _ => Ok(()),
    }
}

struct Watch {
    bar: ProgressBar,
    printer: Printer,
    /// What was shown last.
    shown: String,
    missed: u32,
}

impl Watch {
    /// Shows what was found; gives the campaign once it has ended.
    fn look(&mut self, found: Result<Value>) -> Result<Option<Value>> {
        let campaign = match found {
            Ok(campaign) => campaign,
            // It was there before: a gateway that is away for a moment ends no watching.
            Err(error) if !error.is::<Refusal>() && !self.shown.is_empty() && self.missed < MOST_MISSED => {
                self.missed += 1;
                self.bar.set_message("the gateway does not answer");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.missed = 0;
        if told::status(&campaign) == "draft" {
            bail!("it is a draft, of which nothing is sent: `smsgw campaign start` lets it begin");
        }
        let is_over = matches!(told::status(&campaign), "finished" | "cancelled");
        self.show(&campaign, is_over)?;
        Ok(is_over.then_some(campaign))
    }

    fn show(&mut self, campaign: &Value, is_over: bool) -> Result<()> {
        let line = told::line(campaign);
        if self.bar.is_hidden() || is_over {
            if line != self.shown {
                self.bar.finish_and_clear();
                self.printer.show(campaign, || line.clone())?;
            }
        } else {
            let count = |name: &str| campaign["progress"][name].as_u64().unwrap_or_default();
            self.bar.set_length(count("recipients"));
            self.bar.set_position(count("ended"));
            self.bar.set_message(told::pace(campaign));
        }
        self.shown = line;
        Ok(())
    }
}
