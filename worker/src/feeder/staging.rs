//! Recipients that came by SQL: read as those of any list, and then added.

use serde_json::{Map, Value};
use shared::campaign::{CampaignText, Enlisted, InvalidCampaignText, Unusable, enlist};
use shared::ids::CampaignId;
use shared::phone::PhoneNumber;
use shared::store::campaigns::staged::{self, Staged};
use shared::store::campaigns::uploads::Upload;
use shared::store::campaigns::{self, feed, recipients};
use sqlx::{Connection, PgConnection};

use super::Feeder;

/// Rows read in one transaction.
const ROWS: i64 = 2000;

impl Feeder {
    /// Reads the next staged rows of a campaign; says whether it did, or somebody else holds it.
    pub(super) async fn take_in(&self, db: &mut PgConnection, id: CampaignId) -> sqlx::Result<bool> {
        let mut tx = db.begin().await?;
        let Some(campaign) = feed::hold_free(&mut *tx, id).await? else { return Ok(false) };
        let rows = staged::take(&mut *tx, id, ROWS).await?;
        if !campaign.takes_recipients() {
            let ended = |row| (row, "the campaign has ended".to_owned());
            staged::refuse(&mut *tx, id, &rows.into_iter().map(ended).collect::<Vec<_>>()).await?;
            tx.commit().await?;
            return Ok(true);
        }
        let text = CampaignText::compile(&campaign.text);
        let mut upload = Upload { rows: rows.len() as i64, ..Upload::default() };
        let (mut added, mut refused) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match self.read(&text, &row, &mut upload) {
                Ok(one) => added.push(one),
                Err(reason) => refused.push((row, reason)),
            }
        }
        let phones: Vec<&str> = added.iter().map(|one| one.recipient.phone.as_str()).collect();
        let people = self.links.keyring.people();
        let stopped = campaigns::find_erased_stopped(&mut tx, people, &campaign, &phones).await?;
        // They were erased: their number is kept nowhere, also not to say that it was left out.
        let read = added.len();
        added.retain(|one| !stopped.contains(&one.recipient.phone));
        upload.rejected += (read - added.len()) as i64;
        if let Some(longest) = added.iter().map(|one| &one.text).max_by_key(|text| text.chars().count()) {
            recipients::remember_longest(&mut *tx, id, longest).await?;
        }
        let all = added.len() as i64;
        let new: Vec<_> = added.into_iter().map(|one| one.recipient).collect();
        upload.added = recipients::add(&mut tx, id, &new).await?;
        upload.duplicates = all - upload.added;
        staged::refuse(&mut *tx, id, &refused).await?;
        staged::count(&mut *tx, id, &upload).await?;
        feed::reopen(&mut *tx, id).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Reads a row; counts it and says why if it cannot be used.
    fn read(
        &self,
        text: &Result<CampaignText, InvalidCampaignText>,
        row: &Staged,
        upload: &mut Upload,
    ) -> Result<Enlisted, String> {
        let text = text.as_ref().map_err(ToString::to_string);
        let phone = PhoneNumber::parse(&row.phone, None).map_err(|error| error.to_string());
        let variables = serde_json::from_str::<Map<String, Value>>(row.variables.as_deref().unwrap_or("{}"));
        let variables = variables.map_err(|error| format!("its variables cannot be read: {error}"));
        let read = text.and_then(|text| Ok((text, phone?, variables?)));
        let (text, phone, variables) = read.inspect_err(|_| upload.rejected += 1)?;
        enlist(text, &self.reach, &self.links, &phone, variables).map_err(|error| {
            match error {
                Unusable::CountryBlocked(_) => upload.blocked += 1,
                Unusable::Unfillable(_) => upload.rejected += 1,
            }
            error.to_string()
        })
    }
}
