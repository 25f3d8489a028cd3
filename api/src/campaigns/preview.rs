//! What a campaign will do and cost, before it does.

use serde::Serialize;
use shared::campaign::CampaignText;
use shared::cost::{self, Estimate, Volume};
use shared::lane::Lane;
use shared::phone::Region;
use shared::provider::catalogue::{Catalogue, ProviderSettings};
use shared::segments::{self, Advice};
use shared::store::campaigns::progress::{self, CountryVolume};
use shared::store::campaigns::{Campaign, recipients};
use shared::store::{integrations, prices};
use sqlx::PgConnection;

use crate::app::App;

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Preview {
    /// Whom it is for, each once.
    recipients: i64,
    /// Rows that had a number which was there already.
    duplicates: i64,
    /// Recipients who have stopped what it sends; they will be left out when their turn comes.
    opted_out: i64,
    /// Rows of countries that are not allowed.
    blocked: i64,
    /// Rows that cannot be used for another reason.
    invalid: i64,
    /// Rows that came by SQL and are still to be read.
    staged: i64,
    /// What all texts take together.
    segments: i64,
    countries: Vec<Country>,
    longest_text: Option<Longest>,
    cost: Estimate,
    /// How long it takes at its throttle; `None` without one.
    seconds: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Country {
    country: Option<Region>,
    recipients: i64,
    segments: i64,
}

/// The longest text, what it takes and what would make it cheaper.
#[derive(Debug, Serialize)]
struct Longest {
    text: String,
    #[serde(flatten)]
    advice: Advice,
}

impl Preview {
    /// Looks at a campaign as it is now.
    pub(crate) async fn of(app: &App, db: &mut PgConnection, campaign: &Campaign) -> sqlx::Result<Self> {
        let counts = progress::read(&mut *db, campaign.id).await?;
        let countries = progress::list_countries(&mut *db, campaign.id).await?;
        let opted_out = recipients::count_opted_out(&mut *db, campaign.id).await?;
        let cost = estimate(app, db, campaign, &countries).await?;
        let longest = campaign.longest_text.clone().or_else(|| plain_text(&campaign.text));
        let throttle = campaign.max_per_second.map(i64::from);
        let seconds = throttle.map(|rate| counts.recipients.unsigned_abs().div_ceil(rate.unsigned_abs()));
        Ok(Self {
            recipients: counts.recipients,
            duplicates: counts.duplicates,
            opted_out,
            blocked: counts.blocked,
            invalid: counts.rejected,
            staged: counts.staged,
            segments: counts.segments,
            countries: countries.into_iter().map(Country::from).collect(),
            longest_text: longest.map(|text| Longest { advice: segments::advise(&text), text }),
            cost,
            seconds,
        })
    }
}

impl From<CountryVolume> for Country {
    fn from(volume: CountryVolume) -> Self {
        Self {
            country: volume.country.parse().ok(),
            recipients: volume.recipients,
            segments: volume.segments,
        }
    }
}

/// A text without variables is known before anybody is on the list.
fn plain_text(text: &str) -> Option<String> {
    let compiled = CampaignText::compile(text).ok()?;
    compiled.fill(&serde_json::Map::new()).ok().map(|text| text.into_string())
}

/// What it costs by the provider that each country's messages will be tried with first.
async fn estimate(
    app: &App,
    db: &mut PgConnection,
    campaign: &Campaign,
    countries: &[CountryVolume],
) -> sqlx::Result<Estimate> {
    let rows = integrations::list(&mut *db).await?;
    let sealer = app.keyring.credentials();
    let catalogue = Catalogue::load(&app.providers, &rows, sealer, app.environment);
    let volumes: Vec<Volume> = countries
        .iter()
        .map(|one| {
            let country = one.country.parse().ok();
            let provider = first(&catalogue.providers, campaign, country).unwrap_or_default();
            Volume { provider, country, segments: one.segments.unsigned_abs() }
        })
        .collect();
    let wanted = volumes.iter().filter_map(|one| Some((one.provider.clone(), one.country?))).collect();
    let prices = prices::list_of(&mut *db, &wanted).await?;
    Ok(cost::estimate(volumes, &prices))
}

/// The provider that is tried first: the one hinted at, else the first that reaches the country.
fn first(providers: &[ProviderSettings], campaign: &Campaign, country: Option<Region>) -> Option<String> {
    let reaches = |one: &&ProviderSettings| serves(one, campaign.lane, country);
    let hinted = providers.iter().find(|one| Some(&one.name) == campaign.provider_hint.as_ref()).filter(reaches);
    hinted.or_else(|| providers.iter().find(reaches)).map(|one| one.name.clone())
}

fn serves(provider: &ProviderSettings, lane: Lane, country: Option<Region>) -> bool {
    let reaches = match (&provider.countries, country) {
        (None, _) => true,
        (Some(countries), Some(country)) => countries.contains(&country),
        (Some(_), None) => false,
    };
    provider.enabled && provider.lanes.contains(&lane) && reaches
}
