//! What a campaign will do and cost, before it does.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::campaign::{self, CampaignText};
use shared::cost::{self, Estimate, Volume};
use shared::country_rules::{Asked, CountryRules, Sending};
use shared::lane::Lane;
use shared::phone::Region;
use shared::provider::catalogue::{Catalogue, ProviderSettings};
use shared::segments::{self, Advice, Forcing};
use shared::store::campaigns::progress::{self, PlaceVolume};
use shared::store::campaigns::{Campaign, recipients};
use shared::store::{country_rules, integrations, prices};
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
    ucs2: Dear,
    cost: Estimate,
    /// Countries whose rules forbid it as it is.
    refused: Vec<Refused>,
    /// How long it takes at its throttle and within the hours of each place; `None` without a throttle, and if that is
    /// months.
    seconds: Option<u64>,
}

/// A rule of a country that forbids the text or its sender.
#[derive(Debug, Serialize)]
struct Refused {
    country: Region,
    recipients: i64,
    rule: &'static str,
    version: i32,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Country {
    country: Option<Region>,
    recipients: i64,
    segments: i64,
}

/// Texts in the alphabet of two bytes a character, of which less fits in a segment.
#[derive(Debug, Serialize)]
struct Dear {
    recipients: i64,
    /// What plainer characters would save.
    saved_segments: i64,
    /// What forces it, the first 40 that came.
    forcing: Vec<Forcing>,
}

impl Dear {
    fn of(campaign: &Campaign, places: &[PlaceVolume]) -> Self {
        // Each by itself: a letter of another script says nothing of what could stand for a dash.
        let forcing =
            campaign.forcing.chars().flat_map(|c| segments::advise(c.encode_utf8(&mut [0; 4])).forcing);
        Self {
            recipients: places.iter().map(|one| one.ucs2).sum(),
            saved_segments: places.iter().map(|one| one.saved).sum(),
            forcing: forcing.collect(),
        }
    }
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
        let places = progress::list_places(&mut *db, campaign.id).await?;
        let countries = by_country(&places);
        let ucs2 = Dear::of(campaign, &places);
        let opted_out = recipients::count_opted_out(&mut *db, campaign.id).await?;
        let cost = estimate(app, db, campaign, &countries).await?;
        let longest = campaign.longest_text.clone().or_else(|| plain_text(&campaign.text));
        let rules = country_rules::load(&app.pool).await?;
        let refused = refused(rules.as_ref(), campaign, longest.as_deref(), &countries);
        let rules = rules.as_ref().filter(|_| campaign.lane == Lane::Promo);
        let throttle = campaign.max_per_second.and_then(|rate| u32::try_from(rate).ok());
        let waiting = || places.into_iter().map(|one| (one.place, (one.recipients - one.fed).unsigned_abs()));
        let seconds = throttle
            .and_then(|rate| campaign::forecast(waiting().collect(), rate, rules, app.clock.now()))
            .map(|time| time.as_secs_f64().ceil() as u64);
        Ok(Self {
            recipients: counts.recipients,
            duplicates: counts.duplicates,
            opted_out,
            blocked: counts.blocked,
            invalid: counts.rejected,
            staged: counts.staged,
            segments: counts.segments,
            countries,
            ucs2,
            longest_text: longest.map(|text| Longest { advice: segments::advise(&text), text }),
            cost,
            refused,
            seconds,
        })
    }
}

/// Adds up the places of each country.
fn by_country(places: &[PlaceVolume]) -> Vec<Country> {
    let mut countries: BTreeMap<Option<Region>, (i64, i64)> = BTreeMap::new();
    for one in places {
        let (recipients, segments) = countries.entry(one.place.country).or_default();
        *recipients += one.recipients;
        *segments += one.segments;
    }
    let country = |(country, (recipients, segments))| Country { country, recipients, segments };
    countries.into_iter().map(country).collect()
}

/// The rules that a campaign breaks with its longest text.
fn refused(
    rules: Option<&CountryRules>,
    campaign: &Campaign,
    text: Option<&str>,
    countries: &[Country],
) -> Vec<Refused> {
    let Some(rules) = rules else { return Vec::new() };
    let refused = |one: &Country| {
        let breach = rules.refuses(&Asked {
            country: one.country,
            lane: campaign.lane,
            sender: campaign.sender.as_deref(),
            template: campaign.template.as_deref(),
            text,
            sending: Sending::Undecided,
        })?;
        Some(Refused {
            country: breach.country,
            recipients: one.recipients,
            rule: breach.rule.as_str(),
            version: breach.version,
            detail: breach.cure(),
        })
    };
    countries.iter().filter_map(refused).collect()
}

/// A text without variables is known before anybody is on the list.
fn plain_text(text: &str) -> Option<String> {
    CampaignText::compile(text).ok()?.plain().map(|text| text.as_str().to_owned())
}

/// What it costs by the provider that each country's messages will be tried with first.
async fn estimate(
    app: &App,
    db: &mut PgConnection,
    campaign: &Campaign,
    countries: &[Country],
) -> sqlx::Result<Estimate> {
    let rows = integrations::list(&mut *db).await?;
    let sealer = app.keyring.credentials();
    let catalogue = Catalogue::load(&app.providers, &rows, sealer, app.environment);
    let volumes: Vec<Volume> = countries
        .iter()
        .map(|one| {
            let provider = first(&catalogue.providers, campaign, one.country).unwrap_or_default();
            Volume { provider, country: one.country, segments: one.segments.unsigned_abs() }
        })
        .collect();
    let wanted = volumes.iter().filter_map(|one| Some((one.provider.clone(), one.country?))).collect();
    let prices = prices::list_of(&mut *db, &wanted).await?;
    Ok(cost::estimate(volumes, &prices))
}

/// The provider that is tried first: the one hinted at, else the first that reaches the country.
fn first(providers: &[ProviderSettings], campaign: &Campaign, country: Option<Region>) -> Option<String> {
    let reaches = |one: &&ProviderSettings| serves(one, campaign.lane, country);
    let hinted =
        providers.iter().find(|one| Some(&one.name) == campaign.provider_hint.as_ref()).filter(reaches);
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
