//! Inbound texts that change consent: carried out once each, however often the vendor or somebody else repeats them.

use sqlx::{Connection, PgConnection};

use super::{consents, intake, opt_outs, suppressions};
use crate::consent::{Evidence, OptOutScope, Statement, Stop};
use crate::message::NewMessage;
use crate::phone::PhoneNumber;
use crate::seal::Mac;

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

/// What became of an inbound text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarriedOut {
    /// It was carried out before.
    Before,
    /// It was carried out.
    Now,
    /// It was, and the person will be told so.
    Confirmed,
}

/// Carries out a text that came by `provider`, unless the text of this id was carried out before. When this returns, no
/// claim that did not see a stop will commit.
///
/// A stop that is new is confirmed by `confirmation`, which is not subject to it, being transactional; one that changes
/// nothing was confirmed before, and who has stopped everything wants no more text. A start is also of what was stopped
/// before the person was erased, by whom `people` recognises them.
pub async fn carry_out(
    db: &mut PgConnection,
    people: &Mac,
    provider: &str,
    text: &Inbound,
    confirmation: Option<&NewMessage>,
) -> sqlx::Result<CarriedOut> {
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
    let mut carried_out = if first { CarriedOut::Now } else { CarriedOut::Before };
    if first {
        let evidence = Evidence::of(format!("inbound:{provider}")).shown_by(&text.provider_message_id);
        match text.wish {
            Wish::Stop => {
                let said = Statement::opt_out(text.from.clone(), Stop::Marketing, evidence);
                let is_new = consents::record(&mut tx, &[said]).await? > 0;
                if let Some(confirmation) = confirmation.filter(|_| is_new)
                    && !opt_outs::list(&mut *tx, &text.from)
                        .await?
                        .iter()
                        .any(|one| one.scope == OptOutScope::All)
                {
                    intake::insert(&mut *tx, &[confirmation]).await?;
                    carried_out = CarriedOut::Confirmed;
                }
            }
            // What an operator stopped altogether is not the person's text to lift; what the vendor refused for this
            // sender it takes again.
            Wish::Start => {
                let stops = [&[Stop::Marketing], &text.to[..]].concat();
                consents::lift(&mut *tx, &text.from, Some(&stops), &evidence).await?;
                suppressions::lift(&mut *tx, people, &text.from, Some(&stops)).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(carried_out)
}
