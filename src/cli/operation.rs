//! `logs`, `pause`, `resume`, `outbox`, `doctor`: looking after a gateway that runs.

use std::time::Duration;

use clap::{Args, Subcommand};
use shared::config::{ApiConfig, DatabaseConfig};
use shared::lane::Lane;
use shared::provider::catalogue::ProviderEnv;

use super::GatewayArgs;
use crate::print::WrongUse;

/// Settings of `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// Go on with what finishes from now on, until interrupted
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// How many finished messages to begin with: those accepted last
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u16,
}

/// What to pause or resume.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// Only this lane: otp, transactional or promo
    #[arg(long, conflicts_with = "provider")]
    pub(crate) lane: Option<Lane>,
    /// Only this provider
    #[arg(long)]
    pub(crate) provider: Option<String>,
    /// Change nothing, only list what is paused
    #[arg(long, conflicts_with_all = ["lane", "provider"])]
    pub(crate) list: bool,
}

/// `outbox …`.
#[derive(Debug, Args)]
pub(crate) struct OutboxArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// What to do with the outbox
    #[command(subcommand)]
    pub(crate) action: OutboxAction,
}

/// What to do with the outbox.
#[derive(Debug, Subcommand)]
pub(crate) enum OutboxAction {
    /// What waits, the oldest first, with counts by lane, status and reason; in doubt is marked
    #[command(after_help = "\
After restoring a backup, start with `smsgw worker --paused`, look here, cancel what must not go out (again), and let \
the rest go by `smsgw resume`. In doubt: a call may already have sent it; cancelled, it ends `unknown`.

Examples:
  smsgw outbox review
  smsgw outbox review --cancel --older-than 1h --lane promo          counts what would be cancelled
  smsgw outbox review --cancel --older-than 1h --lane promo --yes    cancels it")]
    Review(ReviewArgs),
}

/// Which messages to look at, and whether to cancel them.
#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// Only this lane: otp, transactional or promo
    #[arg(long)]
    pub(crate) lane: Option<Lane>,
    /// Only what was accepted longer ago than this: 90s, 30m, 1h, 2d
    #[arg(long, value_parser = span)]
    pub(crate) older_than: Option<Duration>,
    /// Only what waits for this reason, as the list names it
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// How many single messages to list
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u16,
    /// Cancel what is counted, after showing it and being told --yes
    #[arg(long)]
    pub(crate) cancel: bool,
    /// Yes, cancel them
    #[arg(long, requires = "cancel")]
    pub(crate) yes: bool,
}

/// What cannot be said by clap: cancelling asks for a yes.
pub(crate) fn check_review(args: &ReviewArgs) -> Result<(), WrongUse> {
    if args.cancel && !args.yes {
        return Err(WrongUse::new("nothing was cancelled: look at the counts, then repeat with --yes"));
    }
    Ok(())
}

/// A time as people write it: a number and s, m, h or d.
fn span(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "must be a number with s, m, h or d, for example 90s or 2d";
    let unit = text.chars().last().ok_or(WRONG)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(WRONG),
    };
    let number: u32 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| WRONG)?;
    let all = u64::from(number) * seconds;
    if all > 366 * 86_400 { Err("must be a year at most") } else { Ok(Duration::from_secs(all)) }
}

/// Settings of `doctor`: those of the gateway it looks at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    #[command(flatten)]
    pub(crate) api: ApiConfig,
    #[command(flatten)]
    pub(crate) providers: ProviderEnv,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_nonsense_is_refused() {
        assert_eq!(span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(span("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "h", "1", "1w", "-1h", "1.5h", "1é", "9999999999s", "4000000000d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
