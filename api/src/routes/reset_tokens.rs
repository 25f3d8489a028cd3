//! `POST /otp/reset-tokens/redeem`: what a right code of the purpose `password_reset` is exchanged for, once.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::ids::SessionId;
use shared::store::reset_tokens;

use crate::app::App;
use crate::auth::{Caller, MayOtpServers};
use crate::extract::Json;
use crate::idempotency::{Answer, IdempotencyKey, Once};
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Redemption {
    token: String,
}

/// Who may choose another password.
#[derive(Serialize)]
struct Redeemed {
    /// Whom the code was asked for, else whose verified number it was sent to.
    user_id: Option<String>,
    phone: String,
    session_id: SessionId,
}

/// Uses a token up. An answer that was lost is given again to whoever asks with the same `Idempotency-Key`.
pub(super) async fn redeem(
    State(app): State<App>,
    caller: Caller<MayOtpServers>,
    key: IdempotencyKey,
    Json { value: Redemption { token }, raw }: Json<Redemption>,
) -> Result<Answer, Problem> {
    let once = Once::of(&caller, &key, "POST /otp/reset-tokens/redeem", &raw)?;
    once.run(&app.pool, async |db| {
        let found = reset_tokens::redeem(db, app.keyring.resets(), &token).await?;
        let found = found.ok_or_else(Problem::reset_token_ended)?;
        let redeemed = Redeemed { user_id: found.user_id, phone: found.phone, session_id: found.session };
        Ok::<_, Problem>(Answer::done(&redeemed)?)
    })
    .await
}
