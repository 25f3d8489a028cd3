//! Recipients: added under the campaign's row lock, never changed afterwards.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use crate::ids::CampaignId;
use crate::phone::Region;
use crate::store::sparse;

/// Where a number is, as far as it tells: what its recipients have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its country, if it has one.
    pub country: Option<Region>,
    /// Its IANA time zone, if the number tells.
    pub zone: Option<String>,
}

impl Place {
    /// A place as its row has it.
    pub fn stored(country: &str, zone: String) -> Self {
        Self { country: country.parse().ok(), zone: Some(zone).filter(|zone| !zone.is_empty()) }
    }
}

/// Somebody to add.
#[derive(Clone, Debug)]
pub struct NewRecipient {
    /// E.164.
    pub phone: String,
    /// Where that is.
    pub place: Place,
    /// What their text takes.
    pub segments: i16,
    /// What the text needs to know of them.
    pub variables: Option<Value>,
    /// What makes their text UCS-2, if it is.
    pub ucs2: Option<Ucs2>,
}

/// Why a text is UCS-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ucs2 {
    /// The characters that force it.
    pub forcing: String,
    /// Segments that plainer ones would save.
    pub saved: i16,
}

/// Adds those whose numbers the campaign does not have yet, in their order; says how many. The caller holds the campaign
/// (see [`hold`](super::hold)) and commits.
pub async fn add(db: &mut PgConnection, id: CampaignId, new: &[NewRecipient]) -> sqlx::Result<i64> {
    let places = number_places(db, id, new).await?;
    let of = |one: &NewRecipient| places.get(&one.place).copied().unwrap_or_default();
    let variables: Vec<_> = new.iter().map(|one| one.variables.as_ref()).collect();
    let saved: Vec<_> = new.iter().map(|one| one.ucs2.as_ref().map(|ucs2| ucs2.saved)).collect();
    remember_forcing(&mut *db, id, new).await?;
    sqlx::query_scalar!(
        r#"with added as (
               insert into smsgw.sms_campaign_recipients (campaign_id, place, segments, phone, variables, saved)
               select $1, n.place, n.segments, n.phone, n.variables, n.saved
               from unnest($2::smallint[], $3::smallint[], $4::text[], $5::jsonb[], $6::smallint[])
                   with ordinality as n (place, segments, phone, variables, saved, at)
               order by n.at
               on conflict do nothing
               returning place, segments, saved
           ),
           counted as (
               update smsgw.sms_campaign_places p
               set recipients = p.recipients + a.recipients, segments = p.segments + a.segments, ucs2 = p.ucs2 + a.ucs2,
                   saved = p.saved + a.saved
               from (select place, count(*) as recipients, sum(segments) as segments, count(saved) as ucs2,
                            coalesce(sum(saved), 0) as saved
                     from added group by place) a
               where p.campaign_id = $1 and p.place = a.place
           )
           select count(*) as "added!" from added"#,
        id as CampaignId,
        &new.iter().map(of).collect::<Vec<i16>>(),
        &new.iter().map(|one| one.segments).collect::<Vec<_>>(),
        &new.iter().map(|one| one.phone.as_str()).collect::<Vec<_>>() as &[&str],
        sparse(&variables) as &[Option<&Value>],
        sparse(&saved) as &[Option<i16>],
    )
    .fetch_one(db)
    .await
}

/// Remembers which characters make texts of `new` UCS-2, as far as there is room.
async fn remember_forcing(db: impl PgExecutor<'_>, id: CampaignId, new: &[NewRecipient]) -> sqlx::Result<()> {
    let forcing = new.iter().filter_map(|one| one.ucs2.as_ref()).flat_map(|ucs2| ucs2.forcing.chars());
    let forcing: BTreeSet<char> = forcing.collect();
    if forcing.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update public.sms_campaigns c set forcing = left(c.forcing || n.forcing, 40)
         from (select string_agg(one, '') as forcing from public.sms_campaigns known, unnest($2::text[]) as n (one)
               where known.id = $1 and strpos(known.forcing, one) = 0) n
         where c.id = $1 and n.forcing is not null and char_length(c.forcing) < 40",
        id as CampaignId,
        &forcing.into_iter().map(String::from).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The numbers of the places of `new`; those that the campaign does not have yet are made.
async fn number_places(
    db: &mut PgConnection,
    id: CampaignId,
    new: &[NewRecipient],
) -> sqlx::Result<HashMap<Place, i16>> {
    let mut known = list_numbers(&mut *db, id).await?;
    let mut next = known.values().max().map_or(0, |last| last + 1);
    for one in new {
        if !known.contains_key(&one.place) {
            sqlx::query!(
                "insert into smsgw.sms_campaign_places (campaign_id, place, country, zone) values ($1, $2, $3, $4)",
                id as CampaignId,
                next,
                one.place.country.as_ref().map_or("", Region::as_str),
                one.place.zone.as_deref().unwrap_or_default(),
            )
            .execute(&mut *db)
            .await?;
            known.insert(one.place.clone(), next);
            next += 1;
        }
    }
    Ok(known)
}

async fn list_numbers(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<HashMap<Place, i16>> {
    let rows = sqlx::query!(
        "select place, country, zone from smsgw.sms_campaign_places where campaign_id = $1",
        id as CampaignId,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (Place::stored(&row.country, row.zone), row.place)).collect())
}

/// Remembers `text` if no recipient had a longer one so far.
pub async fn remember_longest(db: impl PgExecutor<'_>, id: CampaignId, text: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update public.sms_campaigns set longest_text = $2
         where id = $1 and char_length(coalesce(longest_text, '')) < char_length($2)",
        id as CampaignId,
        text,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many of a campaign's recipients have stopped what it sends.
pub async fn count_opted_out(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "opted_out!" from smsgw.sms_campaign_recipients r
           join public.sms_campaigns c on c.id = r.campaign_id
           where r.campaign_id = $1
             and exists (select from smsgw.sms_opt_outs p
                         where p.phone = r.phone and (c.lane = 'promo' or p.scope <> 'marketing')
                           and p.sender in ('', coalesce(c.sender, '')))"#,
        id as CampaignId,
    )
    .fetch_one(db)
    .await
}
