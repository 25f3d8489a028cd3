//! Where promo may be read at this hour. Asked once for a place, not for each of its people; whoever delivers asks again.

use chrono::{DateTime, Utc};
use shared::lane::Lane;
use shared::quiet_hours::Opening;
use shared::store::campaigns::Campaign;
use shared::store::campaigns::feed::WaitingPlace;

use super::Feeder;

impl Feeder {
    /// Those of `places` whose people may be texted at `now`. A place that is never open is among them: its messages end
    /// with the rule that forbids them.
    pub(super) fn open_places(
        &self,
        campaign: &Campaign,
        places: Vec<WaitingPlace>,
        now: DateTime<Utc>,
    ) -> Vec<WaitingPlace> {
        let loaded = self.roster.load();
        let Some(rules) = loaded.rules.as_ref().filter(|_| campaign.lane == Lane::Promo) else {
            return places;
        };
        let is_open = |place: &WaitingPlace| {
            let zone = place.at.zone.as_deref().and_then(|zone| zone.parse().ok());
            let opening = place.at.country.map(|country| rules.opens_at(country, zone, now));
            !matches!(opening, Some(Opening::At(_)))
        };
        places.into_iter().filter(is_open).collect()
    }
}
