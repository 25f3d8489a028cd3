//! Settings of a worker.

use clap::Args;
use shared::lane::Lane;

/// How much a worker does at once. A slot is held from the claim until the result is written: so many messages are in
/// doubt at most when a worker dies.
#[derive(Clone, Debug, Args)]
pub struct WorkerConfig {
    /// Codes under way at once, from claim to written result
    #[arg(long, env = "SMSGW_OTP_SLOTS", default_value_t = 64)]
    pub otp_slots: u16,
    /// Transactional texts under way at once
    #[arg(long, env = "SMSGW_TRANSACTIONAL_SLOTS", default_value_t = 512)]
    pub transactional_slots: u16,
    /// Promo texts under way at once; a quarter while codes come
    #[arg(long, env = "SMSGW_PROMO_SLOTS", default_value_t = 2048)]
    pub promo_slots: u16,
    /// Days that finished messages are kept (at least 35)
    #[arg(long, env = "SMSGW_LOG_DAYS", default_value_t = 90)]
    pub log_days: u16,
    /// Days after which the texts of finished messages are wiped from the log
    #[arg(long, env = "SMSGW_BODY_DAYS", default_value_t = 30)]
    pub body_days: u16,
    /// Days after its end that a campaign's list of recipients is kept
    #[arg(long, env = "SMSGW_CAMPAIGN_DAYS", default_value_t = 90)]
    pub campaign_days: u16,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            otp_slots: 64,
            transactional_slots: 512,
            promo_slots: 2048,
            log_days: 90,
            body_days: 30,
            campaign_days: 90,
        }
    }
}

impl WorkerConfig {
    /// Messages of `lane` sent at once; at least one.
    pub fn slots(&self, lane: Lane) -> usize {
        let slots = match lane {
            Lane::Otp => self.otp_slots,
            Lane::Transactional => self.transactional_slots,
            Lane::Promo => self.promo_slots,
        };
        usize::from(slots.max(1))
    }
}
