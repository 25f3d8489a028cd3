//! Who is signed in, and what their role opens to them.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use serde_json::Value;
use shared::operator::Role;
use shared::store::audit_log::{self, Deed};
use shared::store::operator_sessions::{self, SignedIn};
use sqlx::PgExecutor;

use super::cookie;
use super::refusal::Refusal;
use crate::app::App;
use crate::client_address::ClientAddress;

/// The least role that a door asks for.
pub(super) trait Least {
    const ROLE: Role;
}

macro_rules! least {
    ($($name:ident)*) => {
        $(#[derive(Debug)] pub(super) struct $name;
        impl Least for $name {
            const ROLE: Role = Role::$name;
        })*
    };
}

least!(Viewer Admin SuperAdmin);

/// An operator to whom this door is open. Taking it as an argument is what closes the door to others.
#[derive(Debug)]
pub(super) struct Operator<L> {
    pub(super) who: SignedIn,
    address: ClientAddress,
    least: PhantomData<L>,
}

impl<L> Operator<L> {
    /// Whether numbers may be shown whole.
    pub(super) fn may_see_numbers(&self) -> bool {
        sees_numbers(self.who.role)
    }

    /// Whether something may be changed.
    pub(super) fn may_change(&self) -> bool {
        self.who.role >= Role::Admin
    }

    /// Writes down what this operator did, in the transaction that does it.
    pub(super) async fn record(
        &self,
        db: impl PgExecutor<'_>,
        action: &'static str,
        subject: &str,
        detail: Option<Value>,
    ) -> sqlx::Result<()> {
        let address = self.address.0.to_string();
        let deed = Deed { operator: &self.who, address, action, subject: Some(subject), detail };
        audit_log::record(db, &deed).await
    }
}

impl<L: Least> FromRequestParts<App> for Operator<L> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Some(who) = signed_in(parts, app).await? else {
            let wanted = (parts.method == Method::GET).then(|| parts.uri.clone());
            return Err(Refusal::SignInFirst(wanted));
        };
        if who.role < L::ROLE {
            return Err(Refusal::RoleTooSmall { has: who.role, needs: L::ROLE });
        }
        let address = ClientAddress::from_request_parts(parts, app).await?;
        Ok(Self { who, address, least: PhantomData })
    }
}

/// Whether numbers are shown whole to this role.
pub(super) fn sees_numbers(role: Role) -> bool {
    role >= Role::Admin
}

/// Who the cookie of a request signs in.
pub(super) async fn signed_in(parts: &Parts, app: &App) -> sqlx::Result<Option<SignedIn>> {
    let Some(secret) = cookie::read(&parts.headers) else { return Ok(None) };
    operator_sessions::find(&app.pool, app.keyring.operators(), secret).await
}
