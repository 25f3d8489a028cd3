//! What the guard would say, with nothing counted.

use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Outlook, Stored};
use crate::guard::{self, Ask, Inputs, Kind, Mode, Outcome, Place, RULE_VERSION, Rule, Watched};
use crate::phone::PhoneNumber;
use crate::store::codes_spend;

/// What would become of a code, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Masked.
    pub phone: String,
    /// Without its last four digits.
    pub prefix: String,
    /// ISO 3166 code, or `none`.
    pub country: String,
    /// The block of addresses that would ask, if it was given.
    pub client: Option<String>,
    /// Whether the guard withholds.
    pub mode: Mode,
    /// What the guard says.
    pub outcome: Outcome,
    /// By which rule.
    pub rule: Rule,
    /// Whether it would be sent: what is only observed is.
    pub would_be_sent: bool,
    /// Which rules there are.
    pub rule_version: i16,
    /// By what.
    pub inputs: Inputs,
}

/// What would become of a code of one segment to `phone` now, asked for from `client`, a block of addresses, if that is known.
pub async fn explain(
    db: &mut PgConnection,
    outlook: &Outlook,
    phone: &PhoneNumber,
    client: Option<String>,
) -> sqlx::Result<Explanation> {
    let place = Place::of(phone);
    let row = sqlx::query!(
        r#"select (select state from smsgw.guard_subjects where kind = 'prefix' and subject = $1)
                      as "prefix?: Json<Stored>",
                  (select state from smsgw.guard_subjects where kind = 'country' and subject = $2)
                      as "country?: Json<Stored>",
                  (select state from smsgw.guard_subjects where kind = 'ip' and subject = $4)
                      as "ip?: Json<Stored>",
                  exists (select from public.sms_otp_sessions where phone = $3 and status = 'verified') as "is_known!",
                  clock_timestamp() as "now!""#,
        place.prefix,
        place.country,
        phone.as_str(),
        client,
    )
    .fetch_one(&mut *db)
    .await?;
    let now = row.now;
    let state = |found, kind| Stored::or_new(found, kind, &outlook.settings, now);
    let (mut prefix, mut country) = (state(row.prefix, Kind::Prefix), state(row.country, Kind::Country));
    let mut ip = client.is_some().then(|| state(row.ip, Kind::Ip));
    let ask = Ask {
        place: &place,
        is_known: row.is_known,
        is_challenged: false,
        is_resend: false,
        is_over_cap: outlook.is_capped && !fits(db, outlook, phone).await?,
        is_unmeasured: false,
        now,
    };
    let watched = Watched { prefix: &mut prefix, ip: ip.as_mut(), country: &mut country };
    let decision = guard::judge(&outlook.settings, &outlook.rates, watched, &ask);
    Ok(Explanation {
        phone: phone.masked(),
        mode: outlook.settings.mode,
        outcome: decision.outcome(),
        rule: decision.rule,
        would_be_sent: decision.is_sent(),
        rule_version: RULE_VERSION,
        inputs: decision.inputs,
        prefix: place.prefix,
        country: place.country,
        client,
    })
}

/// Whether caps of spending leave enough for a code.
async fn fits(db: &mut PgConnection, outlook: &Outlook, phone: &PhoneNumber) -> sqlx::Result<bool> {
    let region = phone.region();
    let price = region.and_then(|region| outlook.prices.get(&region)).copied();
    Ok(codes_spend::look_into(db).await?.fits(region, price, 1))
}
