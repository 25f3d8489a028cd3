//! Who calls, and what is open to them: servers with a key `sk_…`, pages with a key `pk_…`, end users with a token of
//! their own, all as `Authorization: Bearer …`.

use std::borrow::Cow;
use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use shared::ids::ApiKeyId;
use shared::store::api_keys::{ApiKey, KEY_PREFIX, PUBLISHABLE_PREFIX, Scope};

use crate::app::App;
use crate::fields;
use crate::problem::Problem;

pub(crate) mod cors;
mod jwks;
mod jws;
mod keys;
mod users;

pub(crate) use keys::{KeyOrigins, Keys};
pub(crate) use users::{TokenError, Users};

/// Longer than any key of ours.
const MAX_KEY_BYTES: usize = 128;

/// To whom a door is open. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OpenTo {
    /// Servers.
    Servers,
    /// End users too, who are shown their own rows alone.
    Users,
    /// Pages with a publishable key too.
    Browsers,
}

/// What a door asks of its callers.
pub(crate) trait Needs {
    /// The scope of a key; `admin` opens every door.
    const SCOPE: Scope;
    /// Who may come.
    const OPEN_TO: OpenTo;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $scope:ident, $open_to:ident;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub(crate) struct $name;
        impl Needs for $name {
            const SCOPE: Scope = Scope::$scope;
            const OPEN_TO: OpenTo = OpenTo::$open_to;
        })*
    };
}

needs! {
    /// Scope `send`.
    MaySend = Send, Servers;
    /// Scope `otp`; what login pages need.
    MayOtp = Otp, Browsers;
    /// Scope `otp`, servers alone.
    MayOtpServers = Otp, Servers;
    /// Scope `read`.
    MayRead = Read, Servers;
    /// Scope `read`, or a user who is shown no rows of others: the handler sees to that.
    MayReadOwn = Read, Users;
    /// Scope `otp`, or a user who asks about themselves: the handler sees to that.
    MayOtpOwn = Otp, Users;
    /// Scope `admin`.
    MayAdmin = Admin, Servers;
}

/// Who a caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// An application's server.
    Server,
    /// A page, whoever looks at it.
    Browser,
    /// This user of an application.
    User(String),
}

impl Who {
    /// The user whose rows alone may be shown; `None` for callers who are not held to a user's.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::User(id) => Some(id),
            Self::Server | Self::Browser => None,
        }
    }

    /// Whether rows of `owner` may be shown.
    pub(crate) fn may_see(&self, owner: Option<&str>) -> bool {
        self.user().is_none_or(|user| owner == Some(user))
    }
}

/// A caller to whom this door is open. Taking it as an argument is what closes the door to others.
#[derive(Debug)]
pub(crate) struct Caller<N> {
    /// Who it is.
    pub(crate) who: Who,
    /// The key; of an end user [`ApiKeyId::USERS`].
    pub(crate) key: ApiKeyId,
    needs: PhantomData<N>,
}

/// Whose an `Idempotency-Key` is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    /// The key that came with it; [`ApiKeyId::USERS`] for all users together.
    pub(crate) key: ApiKeyId,
    user: Option<&'a str>,
}

impl Holder<'_> {
    /// What `key` is called among those of all users: each has keys of their own.
    pub(crate) fn own<'k>(&self, key: &'k str) -> Cow<'k, str> {
        match self.user {
            // Neither a user's id nor a key has a line's end in it, so no two pairs are written alike.
            Some(user) => Cow::Owned(format!("{user}\n{key}")),
            None => Cow::Borrowed(key),
        }
    }
}

impl<N> Caller<N> {
    /// The user in an address, if the caller may act for them: a user for themselves alone.
    pub(crate) fn user_in_path(&self, id: String) -> Result<String, Problem> {
        let id = fields::user_id(id).map_err(|fault| Problem::field("id", fault))?;
        if self.who.may_see(Some(&id)) { Ok(id) } else { Err(Problem::not_found("there is no such user")) }
    }

    /// Whose this caller's `Idempotency-Key` is.
    pub(crate) fn holder(&self) -> Holder<'_> {
        Holder { key: self.key, user: self.who.user() }
    }
}

impl<N: Needs> FromRequestParts<App> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (who, key) = match bearer(&parts.headers)? {
            Bearer::Key(key) => {
                let found = app.keys.find(&app.pool, &app.keyring, key).await?;
                let key = found.ok_or_else(|| Problem::unauthorized("this API key is unknown or revoked"))?;
                (holder::<N>(&key, parts)?, key.id)
            }
            Bearer::Token(token) => {
                let user = app.users.subject(token, app.clock.now()).await?;
                if N::OPEN_TO < OpenTo::Users {
                    return Err(Problem::closed_to_users(N::SCOPE));
                }
                (Who::User(user), ApiKeyId::USERS)
            }
        };
        Ok(Self { who, key, needs: PhantomData })
    }
}

/// Who holds a key, if they may come in with it.
fn holder<N: Needs>(key: &ApiKey, parts: &Parts) -> Result<Who, Problem> {
    let Some(origins) = &key.origins else {
        let allowed = key.scopes.iter().any(|scope| *scope == N::SCOPE || *scope == Scope::Admin);
        return if allowed { Ok(Who::Server) } else { Err(Problem::insufficient_scope(N::SCOPE)) };
    };
    if N::OPEN_TO < OpenTo::Browsers {
        return Err(Problem::closed_to_browsers(N::SCOPE));
    }
    let mut given = parts.headers.get_all(ORIGIN).iter();
    match (given.next(), given.next()) {
        // Browsers leave it out where a page reads from the address it came from itself.
        (None, _) if parts.method == Method::GET => Ok(Who::Browser),
        (None, _) => Err(Problem::origin_missing()),
        (Some(origin), None) if origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes()) => {
            Ok(Who::Browser)
        }
        (Some(_), _) => Err(Problem::origin_not_allowed()),
    }
}

enum Bearer<'a> {
    Key(&'a str),
    Token(&'a str),
}

fn bearer(headers: &HeaderMap) -> Result<Bearer<'_>, Problem> {
    let header = headers.get(AUTHORIZATION).ok_or_else(|| {
        Problem::unauthorized("send the header Authorization: Bearer sk_… (pages: pk_…, users: their token)")
    })?;
    let given = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, given)| given.trim());
    let is_key = |text: &&str| text.starts_with(KEY_PREFIX) || text.starts_with(PUBLISHABLE_PREFIX);
    match given {
        Some(key) if is_key(&key) && key.len() <= MAX_KEY_BYTES => Ok(Bearer::Key(key)),
        Some(token) if !is_key(&token) && token.contains('.') => Ok(Bearer::Token(token)),
        Some(_) | None => Err(Problem::unauthorized(
            "the Authorization header is not Bearer and a key that starts with sk_ or pk_, or a user's token",
        )),
    }
}
