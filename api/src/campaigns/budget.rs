//! What a campaign may cost: as it is asked for, and against what it will.

use serde::{Deserialize, Serialize};
use shared::cost::{Estimate, Total};
use shared::money::{Amount, Currency};
use shared::store::campaigns::progress::Spent;
use shared::store::campaigns::{Budget, Campaign};

/// What it may cost.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetRequest {
    amount: String,
    currency: String,
}

impl BudgetRequest {
    /// The budget.
    ///
    /// # Errors
    /// The field that cannot be used, and why.
    pub(crate) fn check(&self) -> Result<Budget, (&'static str, String)> {
        let amount: Amount = self.amount.parse().map_err(|error| ("amount", format!("{error}")))?;
        let currency: Currency = self.currency.parse().map_err(|error| ("currency", format!("{error}")))?;
        if amount == Amount::ZERO {
            return Err((
                "amount",
                "must be more than nothing; without a budget nothing is stopped".to_owned(),
            ));
        }
        let micros = i64::try_from(amount.micros()).map_err(|_| ("amount", "is too large".to_owned()))?;
        Ok(Budget { micros, currency: currency.as_str().to_owned() })
    }
}

/// The budget beside what all of the campaign costs.
#[derive(Debug, Serialize)]
pub(crate) struct BudgetCheck {
    amount: Amount,
    currency: String,
    /// What is reserved of it.
    spent: Amount,
    /// What everybody's messages cost in its currency, those made among them.
    cost: Amount,
    /// Whether it lasts for everybody, as far as prices are known.
    is_enough: bool,
    /// Segments that it does not bound: their price is in another currency, or not known.
    uncounted_segments: u64,
}

impl BudgetCheck {
    /// Holds the budget of a campaign, if it has one, against what it costs.
    pub(crate) fn of(campaign: &Campaign, cost: &Estimate, spent: &[Spent]) -> Option<Self> {
        let currency = campaign.budget_currency.clone()?;
        let amount = Amount::from_micros(campaign.budget_micros?.unsigned_abs());
        let spent = spent.iter().find(|sum| sum.currency == currency).map_or(Amount::ZERO, |sum| sum.amount);
        let (own, others): (Vec<&Total>, Vec<&Total>) =
            cost.totals.iter().partition(|total| total.currency.as_str() == currency);
        let cost_of_all: Amount = own.iter().map(|total| total.cost).sum();
        let other_segments: u64 = others.iter().map(|total| total.segments).sum();
        Some(Self {
            amount,
            currency,
            spent,
            cost: cost_of_all,
            is_enough: cost_of_all <= amount,
            uncounted_segments: cost.unpriced_segments.saturating_add(other_segments),
        })
    }
}
