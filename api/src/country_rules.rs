//! The rules of countries as requests meet them. A worker asks again before each try; here a caller learns at once of what
//! no provider could make right.

use std::sync::Arc;

use shared::country_rules::{Asked, CountryRules, Sending};
use shared::message::{Body, NewMessage};
use shared::phone::PhoneNumber;
use shared::store::country_rules;
use sqlx::PgPool;

use crate::accept::Refusal;
use crate::cache::Cache;

/// The rules in force, if any are.
#[derive(Debug)]
pub(crate) struct InForce(Cache<(), Arc<CountryRules>>);

impl InForce {
    pub(crate) fn new() -> Self {
        Self(Cache::new())
    }

    /// All rules in force; `None` if no country's are enabled. Not to be asked for within a transaction: with every
    /// connection of the pool in one, nobody would have one left to look.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn in_force(&self, pool: &PgPool) -> sqlx::Result<Option<Arc<CountryRules>>> {
        let load = || {
            let pool = pool.clone();
            async move { Ok(country_rules::load(&pool).await?.map(Arc::new)) }
        };
        self.0.get(&(), load).await
    }

    /// Forgets them: rules, or texts that are registered, were changed here.
    pub(crate) fn forget(&self) {
        self.0.forget(&());
    }
}

/// Refuses a message that a rule of its country forbids. Hours forbid nothing: promo waits for them.
///
/// # Errors
/// [`Refusal::CountryRule`] names the rule and its version.
pub(crate) fn allow(rules: Option<&CountryRules>, message: &NewMessage) -> Result<(), Refusal> {
    let Some(rules) = rules else { return Ok(()) };
    let asked = Asked {
        country: PhoneNumber::stored(message.to.clone()).region(),
        lane: message.lane,
        sender: message.sender.as_deref(),
        template: message.template.as_deref(),
        text: match &message.body {
            Body::Clear(text) => Some(text),
            Body::Sealed(_) => None,
        },
        sending: Sending::Undecided,
    };
    rules.refuses(&asked).map_or(Ok(()), |breach| Err(Refusal::CountryRule(breach)))
}
