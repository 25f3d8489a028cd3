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

/// A text of a person to one of our numbers that asks for something.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The vendor's id of it.
    pub provider_message_id: String,
    /// Who sent it.
    pub from: PhoneNumber,
    /// Whom they wrote to, as stops would name it: our number, and the pool of senders that it is of.
    pub to: Vec<Stop>,
    /// What they want.
    pub wish: Wish,
}

/// Carries out a text that came by `provider`, unless the text of this id was carried out before; says whether it
/// was the first time. When this returns, no claim that did not see a stop will commit.
pub async fn carry_out(db: &mut PgConnection, provider: &str, text: &Inbound) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let first = sqlx::query!(
        "insert into smsgw.sms_inbound (provider_name, provider_message_id) values ($1, $2) on conflict do nothing",
        provider,
        text.provider_message_id,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected()
        > 0;
    if first {
        let evidence = Evidence::of(format!("inbound:{provider}")).shown_by(&text.provider_message_id);
        match text.wish {
            Wish::Stop => {
                let said = Statement::opt_out(text.from.clone(), Stop::Marketing, evidence);
                consents::record(&mut tx, &[said]).await?;
            }
            // What an operator stopped altogether is not the person's text to lift; what the vendor refused for this
            // sender it takes again.
            Wish::Start => {
                let stops = [&[Stop::Marketing], &text.to[..]].concat();
                consents::lift(&mut *tx, &text.from, Some(&stops), &evidence).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(first)
}
