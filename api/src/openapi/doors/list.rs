//! Every door, in the order of docs/api.md. A new one is one entry here; a test misses it otherwise.

use serde_json::{Value, json};
use shared::store::api_keys::Scope::{Admin, Otp, Read, Send};

use super::Door;
use crate::openapi::schemas::reference;
use crate::problem::kinds::*;
use crate::routes::limits;

mod factors;

/// Every door.
pub(in crate::openapi) fn all() -> Vec<Door> {
    let mut all = vec![messages(), campaigns(), codes(), aliases(), people(), factors::all(), templates()];
    all.extend([settings(), webhooks(), gateway()]);
    all.into_iter().flatten().collect()
}

fn messages() -> Vec<Door> {
    let (usual, most) = limits::MESSAGES;
    vec![
        Door::new("post", "/sms/send-transactional", "sendTransactional", "messages")
            .says("Send one message to one person")
            .needs(Send)
            .takes("SendRequest")
            .creates("Accepted")
            .may_wait()
            .refuses(&[&COUNTRY_BLOCKED, &OVERLOADED]),
        Door::new("post", "/sms/send-batch", "sendBatch", "messages")
            .says("Send many messages; a bad one is refused by its index and disturbs no other")
            .needs(Send)
            .takes("BatchRequest")
            .creates("BatchAnswer")
            .refuses(&[&OVERLOADED]),
        Door::new("get", "/sms/messages", "listMessages", "messages")
            .says("List messages, newest first, waiting and finished ones together")
            .needs(Read)
            .open_to_users()
            .asks("limit", &limit(i64::from(usual), i64::from(most)), "Messages on a page")
            .asks("cursor", &json!({"type": "string"}), "The `next_cursor` of the page before")
            .asks("status", &reference("Status"), "Only these")
            .asks("lane", &reference("Lane"), "Only these")
            .asks("to", &json!({"type": "string", "example": "+41790000001"}), "Only to this phone")
            .asks("user_id", &json!({"type": "string", "maxLength": 128}), "Only of this user")
            .gives("Messages", "A page; there is more as long as `next_cursor` is not null")
            .with_header("Link", "The address of the next page, `rel=\"next\"`"),
        Door::new("get", "/sms/messages/{id}", "getMessage", "messages")
            .says("Show one message with every call made for it")
            .needs(Read)
            .open_to_users()
            .gives("MessageDetail", "The message"),
        Door::new("post", "/sms/messages/{id}/cancel", "cancelMessage", "messages")
            .says("Cancel a message that still waits; after the answer it is not sent")
            .needs(Send)
            .gives("Cancelled", "It will not be sent; `unknown` after a call that may have sent it")
            .refuses(&[&NOT_CANCELLABLE]),
        Door::new("post", "/sms/messages/{id}/converted", "reportConversion", "messages")
            .says("Report that the code in a guarded text was typed in; told twice, it counts once")
            .needs(Send)
            .gives("Converted", "It counts"),
    ]
}

fn campaigns() -> Vec<Door> {
    let (usual, most) = limits::CAMPAIGNS;
    let door = |method, path, id| Door::new(method, path, id, "campaigns");
    let moves = |path, id, summary| {
        let moved = door("post", path, id).says(summary).needs(Send);
        moved.gives("Campaign", "Where it stands now").refuses(&[&CAMPAIGN_STATE])
    };
    vec![
        door("post", "/sms/campaigns", "createCampaign")
            .says("Make a draft: one text for many people")
            .needs(Send)
            .takes("CampaignRequest")
            .makes("Campaign"),
        door("get", "/sms/campaigns", "listCampaigns")
            .says("List campaigns, newest first")
            .needs(Read)
            .asks("limit", &limit(i64::from(usual), i64::from(most)), "Campaigns on a page")
            .asks("cursor", &json!({"type": "string"}), "The `next_cursor` of the page before")
            .asks("status", &reference("CampaignStatus"), "Only these")
            .gives("Campaigns", "A page, without progress; there is more as long as `next_cursor` is not null"),
        door("get", "/sms/campaigns/{id}", "getCampaign")
            .says("Show a campaign and how far it is")
            .needs(Read)
            .gives("Campaign", "The campaign"),
        door("post", "/sms/campaigns/{id}/recipients", "addRecipients")
            .says("Add the people of a list, each once; sent again with its Idempotency-Key, it goes on where it stopped")
            .needs(Send)
            .takes_list()
            .asks("default_region", &json!({"type": "string", "example": "IN"}), "Where numbers without a country code are from")
            .asks("phone_column", &json!({"type": "string"}), "The column of the numbers, if its name does not tell")
            .once()
            .gives_text("application/x-ndjson", "A line for each refused row and each committed chunk; the last is `done` or `error`")
            .refuses(&[&CAMPAIGN_STATE, &OVERLOADED]),
        door("get", "/sms/campaigns/{id}/preview", "previewCampaign")
            .says("Say what a campaign will do and cost")
            .needs(Read)
            .gives("CampaignPreview", "Nothing was sent"),
        door("put", "/sms/campaigns/{id}/budget", "putCampaignBudget")
            .says("Set what a campaign may cost, with what it has spent; one that is paused for it is resumed by its owner")
            .needs(Send)
            .takes("CampaignBudgetRequest")
            .gives("Campaign", "The campaign")
            .refuses(&[&CAMPAIGN_STATE]),
        door("post", "/sms/campaigns/{id}/test", "testCampaign")
            .says("Send the text to one number, outside of the campaign")
            .needs(Send)
            .takes("CampaignTest")
            .creates("CampaignTestSent")
            .refuses(&[&COUNTRY_BLOCKED, &OVERLOADED]),
        moves("/sms/campaigns/{id}/start", "startCampaign", "Let a draft begin, at once or at its start_at"),
        moves("/sms/campaigns/{id}/pause", "pauseCampaign", "Stop for now; after the answer none of its messages is taken up"),
        moves("/sms/campaigns/{id}/resume", "resumeCampaign", "Let a paused campaign go on"),
        moves("/sms/campaigns/{id}/cancel", "cancelCampaign", "Withdraw a campaign; after the answer none of its messages is taken up"),
        door("get", "/sms/campaigns/{id}/results", "getResults")
            .says("Tell what became of each recipient")
            .needs(Read)
            .asks("format", &json!({"type": "string", "enum": ["csv", "ndjson"], "default": "csv"}), "How it is written")
            .gives_text("text/csv", "A row for each recipient, in the order of the lists within each country and zone")
            .refuses(&[&OVERLOADED]),
    ]
}

fn codes() -> Vec<Door> {
    vec![
        Door::new("post", "/otp/send", "sendCode", "codes")
            .says("Make a code, send it, and open a session for it")
            .needs(Otp)
            .open_to_pages()
            .takes("CodeRequest")
            .creates("CodeSent")
            .counts()
            .may_wait()
            .refuses(&[&COUNTRY_BLOCKED, &OVERLOADED, &OLD_PHONE_UNVERIFIED]),
        Door::new("post", "/otp/verify", "verifyCode", "codes")
            .says("Check a code; a right one is good once")
            .needs(Otp)
            .open_to_pages()
            .takes("VerifyRequest")
            .gives("Verified", "It is right")
            .refuses(&[&OTP_WRONG, &OTP_EXPIRED, &OTP_USED, &OTP_LOCKED, &OVERLOADED])
            .refuses(&[&PHONE_TAKEN, &OLD_PHONE_UNVERIFIED]),
        Door::new("post", "/otp/reset-tokens/redeem", "redeemResetToken", "codes")
            .says("Exchange the token that a right code of password_reset gave, once, before a new password is chosen")
            .needs(Otp)
            .takes("RedeemRequest")
            .once()
            .gives("ResetRedeemed", "Whose password it is")
            .refuses(&[&RESET_TOKEN_ENDED]),
        Door::new("post", "/otp/resend", "resendCode", "codes")
            .says("Send another code in a running session; the one before is worth nothing then")
            .needs(Otp)
            .open_to_pages()
            .takes("ResendRequest")
            .creates("CodeSent")
            .counts()
            .may_wait()
            .refuses(&[&OTP_EXPIRED, &OTP_USED, &OTP_LOCKED, &OTP_COOL_DOWN, &OTP_SEND_LIMIT])
            .refuses(&[&COUNTRY_BLOCKED]),
        Door::new("get", "/otp/sessions/{id}", "getSession", "codes")
            .says("Show how a session stands, for a countdown")
            .needs(Otp)
            .open_to_pages()
            .gives("Session", "The session"),
    ]
}

fn aliases() -> Vec<Door> {
    let codes = [
        (
            "/api/sms/sendOtp",
            "aliasSendOtp",
            "As /otp/send for signing in; ten digits are an Indian number",
            "AliasSend",
        ),
        (
            "/api/sms/send-verification",
            "aliasSendVerification",
            "As /otp/send of verify_phone",
            "AliasSendTo",
        ),
        ("/api/sms/send-2fa", "aliasSendSecondFactor", "As /otp/send of two_factor", "AliasSendTo"),
        ("/api/send-otp", "aliasSend", "As /otp/send for signing in", "AliasSendTo"),
        ("/api/sms/verifyOtp", "aliasVerifyOtp", "As /otp/verify", "AliasVerify"),
        (
            "/api/verify-otp",
            "aliasVerify",
            "As /otp/verify; by phone, of the newest code sent there",
            "AliasVerifyPhone",
        ),
    ];
    let codes = codes.map(|(path, id, summary, body)| {
        let door =
            Door::new("post", path, id, "aliases").says(summary).needs(Otp).open_to_pages().takes(body);
        let door = if body.starts_with("AliasSend") { door.once() } else { door };
        door.gives_object(ALIAS)
    });
    let template = Door::new("post", "/api/sms/sendTemplate", "aliasSendTemplate", "aliases")
        .says("Send a text of a template, one of ours or one that the provider knows by this name")
        .needs(Send)
        .takes("AliasTemplate")
        .once()
        .gives_object(ALIAS);
    codes.into_iter().chain([template]).collect()
}

/// Their answers are those of the applications that they are for.
const ALIAS: &str = "As the application knows it, refusals too: see docs/api.md";

fn people() -> Vec<Door> {
    vec![
        Door::new("get", "/sms/opt-outs/{phone}", "getOptOuts", "people")
            .says("Show what a number has stopped")
            .needs(Read)
            .gives("OptOuts", "What it has stopped, be it nothing")
            .refuses(&[&INVALID_REQUEST]),
        Door::new("put", "/sms/opt-outs/{phone}", "putOptOut", "people")
            .says("Record a stop; after the answer nothing that it stops is taken up")
            .needs(Send)
            .takes("OptOutRequest")
            .gives("OptOuts", "What it has stopped"),
        Door::new("delete", "/sms/opt-outs/{phone}", "deleteOptOuts", "people")
            .says("Let a number be texted again")
            .needs(Send)
            .asks("scope", &reference("OptOutScope"), "Only this stop; without it all are lifted")
            .asks("sender", &json!({"type": "string"}), "With the scope `sender`: of whom")
            .asks("source", &json!({"type": "string", "default": "api"}), "Who says so, for the ledger")
            .asks("proof", &json!({"type": "string"}), "What shows it, for the ledger")
            .gives_nothing("Lifted"),
        Door::new("get", "/sms/opt-outs/{phone}/history", "getConsentHistory", "people")
            .says("Show every change of what a number has stopped, the newest first, with its evidence")
            .needs(Read)
            .gives("ConsentHistory", "The newest 1,000 changes")
            .refuses(&[&INVALID_REQUEST]),
        Door::new("get", "/sms/opt-outs", "exportOptOuts", "people")
            .says("Give all stops as one list, streamed, by number; it can be imported again")
            .needs(Read)
            .asks(
                "format",
                &json!({"type": "string", "enum": ["csv", "ndjson"], "default": "csv"}),
                "How it is written",
            )
            .gives_text("text/csv", "No cell is a formula; or `application/x-ndjson`"),
        Door::new("post", "/sms/opt-outs/import", "importOptOuts", "people")
            .says("Record a list of stops while it arrives; what is known already is not recorded twice")
            .needs(Send)
            .asks(
                "default_region",
                &json!({"type": "string", "example": "IN"}),
                "Of numbers without a country code",
            )
            .asks(
                "phone_column",
                &json!({"type": "string"}),
                "The column of the numbers, if its name does not tell",
            )
            .asks("scope", &reference("OptOutScope"), "Where a row does not say")
            .asks("sender", &json!({"type": "string"}), "With the scope `sender`: of whom")
            .asks("source", &json!({"type": "string", "default": "import"}), "Where a row does not say")
            .takes_list()
            .gives_text(
                "application/x-ndjson",
                "`type` of a line is `rejected`, `progress`, `done` or `error`",
            ),
        Door::new("get", "/u/{token}", "showUnsubscribe", "people")
            .says("The page behind an unsubscribe link: changes nothing, whoever looks at it")
            .gives_text("text/html", "What the link would stop, or that it is stopped; refusals are pages, too"),
        Door::new("post", "/u/{token}", "unsubscribe", "people")
            .says("Stop by the link; any body but the page's own `do=undo`, as RFC 8058's `List-Unsubscribe=One-Click`")
            .gives_text("text/html", "It is stopped, or taken back"),
        Door::new("delete", "/people/{phone}", "erasePerson", "people")
            .says("Erase a person: number, texts and name; what they stopped stays stopped, by a keyed hash")
            .needs(Admin)
            .begins("Erasure")
            .with_header("Location", "Where to ask how far it is")
            .refuses(&[&INVALID_REQUEST]),
        Door::new("get", "/people/erasures/{id}", "getErasure", "people")
            .says("Show how far an erasure is")
            .needs(Admin)
            .gives("Erasure", "The erasure"),
        Door::new("get", "/users/{id}/contact-settings", "getContactSettings", "people")
            .says("Show what a user wants; of one who never said, what then applies")
            .needs(Read)
            .open_to_users()
            .gives("ContactSettings", "The settings")
            .refuses(&[&INVALID_REQUEST]),
        Door::new("put", "/users/{id}/contact-settings", "putContactSettings", "people")
            .says("Replace all settings of a user")
            .needs(Send)
            .takes("ContactSettingsRequest")
            .gives("ContactSettings", "The settings"),
        Door::new("get", "/users/{id}/phone", "getUserPhone", "people")
            .says("Show the verified number of a user, and those before")
            .needs(Read)
            .open_to_users()
            .gives("UserPhone", "The numbers")
            .refuses(&[&INVALID_REQUEST]),
        Door::new("delete", "/users/{id}/phone", "deleteUserPhone", "people")
            .says("Take the verified number of a user away: it is free for others")
            .needs(Send)
            .gives_nothing("It is not theirs any more")
            .refuses(&[&INVALID_REQUEST]),
    ]
}

fn templates() -> Vec<Door> {
    let locale = json!({"type": "string", "example": "de"});
    vec![
        Door::new("get", "/sms/templates", "listTemplates", "templates")
            .says("List all templates with their variants")
            .needs(Read)
            .gives("Templates", "All variants"),
        Door::new("get", "/sms/templates/{name}", "getTemplate", "templates")
            .says("Show the variants of one template")
            .needs(Read)
            .gives("Templates", "Its variants"),
        Door::new("put", "/sms/templates/{name}", "putTemplate", "templates")
            .says("Set one variant")
            .needs(Admin)
            .takes("TemplateRequest")
            .gives("Template", "The variant"),
        Door::new("delete", "/sms/templates/{name}", "deleteTemplate", "templates")
            .says("Delete a template, or one variant of it")
            .needs(Admin)
            .asks("locale", &locale, "Only this variant; without it all")
            .gives_nothing("Deleted"),
    ]
}

fn settings() -> Vec<Door> {
    vec![
        Door::new("get", "/settings/api", "listProviders", "settings")
            .says("List the providers set here; those of the environment are not")
            .needs(Admin)
            .gives("Providers", "The providers, secrets shown by their last characters"),
        Door::new("get", "/settings/api/{name}", "getProvider", "settings")
            .says("Show one provider")
            .needs(Admin)
            .gives("Provider", "The provider"),
        Door::new("put", "/settings/api/{name}", "putProvider", "settings")
            .says("Set one provider; credentials that are left out stay")
            .needs(Admin)
            .takes("ProviderRequest")
            .gives("Provider", "The provider; workers take it up within about a second"),
        Door::new("delete", "/settings/api/{name}", "deleteProvider", "settings")
            .says("Remove one provider")
            .needs(Admin)
            .gives_nothing("Removed"),
        Door::new("get", "/settings/otp", "getOtpSettings", "settings")
            .says("Show what codes of each purpose allow, and how often they may be sent")
            .needs(Admin)
            .gives("OtpSettings", "All policies and limits"),
        Door::new("get", "/settings/identity", "getIdentitySettings", "settings")
            .says("Show how users change their verified numbers")
            .needs(Admin)
            .gives("IdentitySettings", "The settings"),
        Door::new("put", "/settings/identity", "putIdentitySettings", "settings")
            .says("Set how users change their verified numbers")
            .needs(Admin)
            .takes("IdentitySettings")
            .gives("IdentitySettings", "The settings"),
        Door::new("put", "/settings/otp/purposes/{purpose}", "putOtpPurpose", "settings")
            .says("Set what codes of one purpose allow; sessions that run keep what they were started with")
            .needs(Admin)
            .takes("OtpPurposeRequest")
            .gives("OtpPurpose", "The policy"),
        Door::new("put", "/settings/otp/limits/{name}", "putOtpLimit", "settings")
            .says("Set one limit of how often codes may be sent")
            .needs(Admin)
            .takes("OtpLimitRequest")
            .gives("OtpLimit", "The limit"),
        Door::new("delete", "/settings/otp/limits/{name}", "deleteOtpLimit", "settings")
            .says("Remove one limit")
            .needs(Admin)
            .gives_nothing("Removed"),
        Door::new("get", "/settings/country-rules", "listCountryRules", "settings")
            .says("List what countries ask of texts; nothing is asked where it is not enabled")
            .needs(Read)
            .gives("AllCountryRules", "The present rules of each country"),
        Door::new("get", "/settings/country-rules/{country}", "getCountryRules", "settings")
            .says("Show one country's rules, and all their versions")
            .needs(Read)
            .gives("CountryRulesVersions", "The present rules, and what they were before"),
        Door::new("put", "/settings/country-rules/{country}", "putCountryRules", "settings")
            .says("Enable, disable or change one country's rules; what is left out stays, null takes a rule away")
            .needs(Admin)
            .takes("CountryRulesRequest")
            .gives("CountryRules", "The new version; workers go by it within about a second"),
        Door::new("get", "/spend", "getSpend", "settings")
            .says("Tell what campaigns have spent, and how much of each cap is used today")
            .needs(Read)
            .asks("days", &limit(i64::from(limits::SPEND_DAYS.0), i64::from(limits::SPEND_DAYS.1)), "Days in UTC, today among them")
            .gives("Spend", "By day, country and currency; without a currency what has no known price"),
        Door::new("get", "/settings/spend-caps", "listSpendCaps", "settings")
            .says("List what campaigns may spend")
            .needs(Read)
            .gives("SpendCaps", "All caps"),
        Door::new("get", "/settings/spend-caps/{name}", "getSpendCap", "settings")
            .says("Show one cap")
            .needs(Read)
            .gives("SpendCap", "The cap, and what is spent under it today"),
        Door::new("put", "/settings/spend-caps/{name}", "putSpendCap", "settings")
            .says("Set what campaigns may spend in a day, in a day to one country, or each by itself")
            .needs(Admin)
            .takes("SpendCapRequest")
            .gives("SpendCap", "The cap; the next batch goes by it"),
        Door::new("delete", "/settings/spend-caps/{name}", "deleteSpendCap", "settings")
            .says("Remove one cap")
            .needs(Admin)
            .gives_nothing("Removed"),
        Door::new("get", "/settings/frequency-cap", "getFrequencyCap", "settings")
            .says("Show how often campaigns may text one person; not found if nothing bounds it")
            .needs(Read)
            .gives("FrequencyCap", "The cap")
            .refuses(&[&NOT_FOUND]),
        Door::new("put", "/settings/frequency-cap", "putFrequencyCap", "settings")
            .says("Set how often campaigns may text one person, over all of them; it counts from then on")
            .needs(Admin)
            .takes("FrequencyCapRequest")
            .gives("FrequencyCap", "The cap; the next batch goes by it"),
        Door::new("delete", "/settings/frequency-cap", "deleteFrequencyCap", "settings")
            .says("Let campaigns text one person as often as they come")
            .needs(Admin)
            .gives_nothing("Removed")
            .refuses(&[&NOT_FOUND]),
        Door::new("get", "/settings/guard", "getGuardSettings", "settings")
            .says("Show how much the pumping guard lets pass, and whether it withholds codes")
            .needs(Admin)
            .gives("GuardSettings", "The settings"),
        Door::new("put", "/settings/guard", "putGuardSettings", "settings")
            .says("Set it; what is left out stays")
            .needs(Admin)
            .takes("GuardSettingsRequest")
            .gives("GuardSettings", "The settings; every API goes by them within two seconds"),
        Door::new("get", "/guard/decisions", "listGuardDecisions", "settings")
            .says("List what the pumping guard said of codes, newest first")
            .needs(Admin)
            .asks("limit", &limit(i64::from(limits::DECISIONS.0), i64::from(limits::DECISIONS.1)), "Decisions on a page")
            .asks("cursor", &json!({"type": "string"}), "The `next_cursor` of the page before")
            .asks("prefix", &json!({"type": "string", "example": "+4179123"}), "Only of this prefix: a number without its last four digits")
            .asks("outcome", &json!({"type": "string", "enum": ["allow", "challenge", "block"]}), "Only these")
            .gives("GuardDecisions", "A page; there is more as long as `next_cursor` is not null"),
        Door::new("get", "/guard/explain", "explainGuard", "settings")
            .says("Say what would become of a code to a number, and why; nothing is counted")
            .needs(Admin)
            .must_say("phone", &json!({"type": "string", "example": "+41790000001"}), "The number")
            .asks("client_ip", &json!({"type": "string", "example": "203.0.113.9"}), "The address of who asks")
            .gives("GuardExplanation", "What it would be by"),
        Door::new("post", "/guard/release", "releaseGuard", "settings")
            .says("End the blocks of prefixes, a country or an address and fill their credits")
            .needs(Admin)
            .takes("GuardReleaseRequest")
            .gives("GuardReleased", "Which there were")
            .refuses(&[&NOT_FOUND]),
        Door::new("get", "/settings/pauses", "listPauses", "settings")
            .says("Show what is stopped")
            .needs(Read)
            .gives("Pauses", "Everything that is stopped"),
        Door::new("post", "/settings/pauses", "pause", "settings")
            .says("Stop everything, a lane or a provider")
            .needs(Admin)
            .takes("PauseRequest")
            .gives("Pauses", "Everything that is stopped now"),
        Door::new("delete", "/settings/pauses", "resume", "settings")
            .says("Let it go on")
            .needs(Admin)
            .must_say("scope", &reference("PauseScope"), "What kind of thing")
            .asks("name", &json!({"type": "string"}), "Which lane or provider; left out with `all`")
            .gives_nothing("It goes on")
            .refuses(&[&NOT_FOUND]),
    ]
}

fn webhooks() -> Vec<Door> {
    vec![
        Door::new("post", "/webhooks/{provider}/status", "takeReceipt", "webhooks")
            .says("Take a provider's receipt for a message; one that is not new changes nothing")
            .signed()
            .gives_nothing("Taken"),
        Door::new("post", "/webhooks/{provider}/inbound", "takeInbound", "webhooks")
            .says("Take a text that somebody sent to one of our numbers; once answered, a stop holds")
            .signed()
            .gives_text("text/xml", "An empty TwiML document"),
    ]
}

fn gateway() -> Vec<Door> {
    let (usual, most) = limits::INBOX;
    vec![
        Door::new("get", "/sandbox/inbox", "listInbox", "gateway")
            .says("Show what the sandbox provider delivered, codes included; not in production")
            .needs(Read)
            .asks("limit", &limit(usual, most), "Messages to show")
            .asks("before", &json!({"type": "integer", "format": "int64"}), "Only those with a smaller `id`")
            .gives("Inbox", "The newest first")
            .refuses(&[&NOT_FOUND]),
        Door::new("get", "/healthz", "isAlive", "gateway")
            .says("Whether the process runs")
            .gives("Health", "It does"),
        Door::new("get", "/readyz", "isReady", "gateway")
            .says("Whether the database answers and is migrated")
            .gives("Health", "It is")
            .refuses(&[&NOT_READY]),
        Door::new("get", "/metrics", "getMetrics", "gateway")
            .says("Metrics for Prometheus; from elsewhere than this machine with a key for `read`")
            .may_need(Read)
            .gives_text("text/plain", "Prometheus' text format"),
        Door::new("get", "/problems", "listProblems", "gateway")
            .says("List all refusals")
            .gives_text("text/html", "A page"),
        Door::new("get", "/problems/{code}", "getProblem", "gateway")
            .says("Explain a refusal: the page behind its `type`")
            .gives_text("text/html", "A page"),
        Door::new("get", "/.well-known/jwks.json", "listTokenKeys", "gateway")
            .says("List the keys that verification tokens are signed with")
            .gives("KeySet", "The present one, and those before it"),
        Door::new("get", "/openapi.json", "getOpenApi", "gateway")
            .says("This document")
            .gives_object("The document"),
        Door::new("get", "/docs", "getDocs", "gateway")
            .says("This document for people")
            .gives_text("text/html", "A page"),
    ]
}

fn limit(usual: i64, most: i64) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": most, "default": usual})
}
