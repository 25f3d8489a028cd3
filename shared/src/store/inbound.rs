//! Inbound texts that change consent: carried out once each, however often the vendor or somebody else repeats them.

use sqlx::{Connection, PgConnection};

use super::consents;
use crate::consent::{Evidence, Statement, Stop};
use crate::phone::PhoneNumber;

/// What a person wants of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// No more marketing.
    Stop,
    /// Marketing again.
    Start,
}

/// Carries out what `phone` wrote to `provider`, unless the text of this id was carried out before; says whether it
/// was the first time. When this returns, no claim that did not see a stop will commit.
pub async fn carry_out(
    db: &mut PgConnection,
    provider: &str,
    provider_message_id: &str,
    phone: &PhoneNumber,
    wish: Wish,
) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let first = sqlx::query!(
        "insert into smsgw.sms_inbound (provider_name, provider_message_id) values ($1, $2) on conflict do nothing",
        provider,
        provider_message_id,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected()
        > 0;
    if first {
        let evidence = Evidence::of(format!("inbound:{provider}")).shown_by(provider_message_id);
        match wish {
            Wish::Stop => {
                consents::record(&mut tx, &[Statement::opt_out(phone.clone(), Stop::Marketing, evidence)])
                    .await?;
            }
            // What an operator stopped altogether is not the person's text to lift.
            Wish::Start => {
                consents::lift(&mut *tx, phone, Some(&[Stop::Marketing]), &evidence).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(first)
}
