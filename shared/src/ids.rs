//! Typed ids, so that an OTP session never passes for a message.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A message: uuid v7, made from the database's time when the request was accepted.
    MessageId
);
uuid_id!(
    /// One OTP challenge: random, since holding it proves to have started the challenge.
    SessionId
);
uuid_id!(
    /// What one `POST /sms/send-batch` accepted together.
    BatchId
);
uuid_id!(
    /// A bulk send.
    CampaignId
);
uuid_id!(
    /// The wish of one person to be forgotten.
    ErasureId
);
uuid_id!(
    /// Somebody who looks after the gateway in a browser.
    OperatorId
);
uuid_id!(
    /// A browser that need not show a second factor for a while.
    DeviceId
);
uuid_id!(
    /// An authenticator app of a user.
    AppId
);
uuid_id!(
    /// One call to one provider: uuid v7.
    AttemptId
);
uuid_id!(
    /// One check of one code: uuid v7.
    CheckId
);
uuid_id!(
    /// What the pumping guard said of one send: uuid v7.
    GuardDecisionId
);
number_id!(
    /// A worker process in one boot; also the number of its advisory lock.
    WorkerId
);
number_id!(
    /// An API key.
    ApiKeyId
);

impl ApiKeyId {
    /// Stands for all end users, who call with tokens of their own: no key has this number.
    pub const USERS: Self = Self(0);
    /// Stands for operators, who try things in the console: no key has this number either.
    pub const CONSOLE: Self = Self(-1);
}

impl MessageId {
    /// Before all others.
    pub const FIRST: Self = Self(Uuid::nil());
    /// Behind all others.
    pub const LAST: Self = Self(Uuid::max());

    /// A new id made at `now`, which is the database's time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(uuid_v7(now))
    }

    /// The id of the message to the recipient `seq` of the campaign `number`, fed at `fed_at`: a uuid v7 (RFC 9562 §5.7)
    /// whose other 74 bits are these two numbers, so that it can be found again from them.
    pub fn of_recipient(fed_at: DateTime<Utc>, number: i32, seq: i64) -> Self {
        const SEQ_BITS: u32 = 43;
        let millis = u128::from(u64::try_from(fed_at.timestamp_millis()).unwrap_or_default());
        let who = u128::from(number.unsigned_abs()) << SEQ_BITS | u128::from(seq.unsigned_abs());
        let (high, low) = (who >> 62 & 0xfff, who & ((1 << 62) - 1));
        Self(Uuid::from_u128(millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))
    }

    /// The least id of a message accepted at `time` or later, as `smsgw.uuid_floor` has it.
    pub fn floor(time: DateTime<Utc>) -> Self {
        let millis = u128::from(u64::try_from(time.timestamp_millis()).unwrap_or_default());
        Self(Uuid::from_u128(millis << 80))
    }

    /// When the message was accepted, to the millisecond.
    pub fn created_at(self) -> DateTime<Utc> {
        let millis = self.0.as_u128() >> 80;
        i64::try_from(millis).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default()
    }
}

impl AttemptId {
    /// A new id made at `now`, which is the database's time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(uuid_v7(now))
    }
}

impl CheckId {
    /// A new id made at `now`, which is the database's time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(uuid_v7(now))
    }
}

impl GuardDecisionId {
    /// A new id made at `now`, which is the database's time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(uuid_v7(now))
    }
}

impl BatchId {
    /// A new id made at `now`, which is the database's time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(uuid_v7(now))
    }
}

impl CampaignId {
    /// A new id made at `now`, which is the database's time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(uuid_v7(now))
    }
}

impl ErasureId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl DeviceId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl AppId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl SessionId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

fn uuid_v7(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos());
    Uuid::new_v7(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_have_ids_of_their_own_that_are_made_again_from_the_same_numbers() {
        let fed_at = DateTime::from_timestamp_millis(1_795_312_800_123).expect("a time");
        let mut seen = std::collections::HashSet::new();
        for number in [1, 2, 4095, i32::MAX] {
            for seq in [1, 2, 1 << 30, (1 << 43) - 1] {
                let id = MessageId::of_recipient(fed_at, number, seq);
                assert_eq!(id, MessageId::of_recipient(fed_at, number, seq));
                assert_eq!(id.0.get_version_num(), 7);
                assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
                assert_eq!(id.created_at(), fed_at);
                assert!(seen.insert(id), "{number} {seq}");
            }
        }
    }

    #[test]
    fn a_message_id_remembers_its_time_to_the_millisecond() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        assert_eq!(MessageId::new(now).created_at(), now);
    }
}
