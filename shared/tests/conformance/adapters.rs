//! The adapters under test: for each way of calling a vendor, an account, a message and the vendor's own words.

use std::time::Duration;

use chrono::DateTime;
use shared::config::Environment;
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::phone::PhoneNumber;
use shared::provider::catalogue::{BuildContext, Credentials, ProviderSettings, VendorConfig, build};
use shared::provider::generic::{GenericConfig, GenericFields};
use shared::provider::twilio::{TwilioConfig, TwilioFields};
use shared::provider::twofactor::{TwoFactorConfig, TwoFactorFields};
use shared::provider::{OutgoingSms, ProviderReference, SendError, SharedProvider, http};
use shared::text::SenderId;
use sqlx::postgres::PgPoolOptions;

/// The credential of every account here; must never be seen outside a request.
pub(crate) const SECRET: &str = "f00dfeedf00dfeed";

/// One way of calling one vendor.
pub(crate) struct Adapter {
    pub(crate) name: &'static str,
    vendor: fn(base_url: String) -> VendorConfig,
    pub(crate) sms: OutgoingSms,
    /// Status and body of a "yes".
    pub(crate) yes: (u16, String),
    /// The id in it.
    pub(crate) id: &'static str,
    /// The vendor's own document for a server error.
    pub(crate) own_failure: fn(status: u16) -> String,
    context: BuildContext,
}

/// All of them, sharing a client; a new adapter is one line.
pub(crate) fn all() -> Vec<Adapter> {
    let context = &context();
    let adapter = |name, vendor, sms, (yes, id), own_failure| Adapter {
        name,
        vendor,
        sms,
        yes,
        id,
        own_failure,
        context: context.clone(),
    };
    vec![
        adapter(
            "twilio",
            twilio as fn(String) -> VendorConfig,
            text(),
            message(),
            error_document as fn(u16) -> String,
        ),
        adapter("2factor", two_factor, text(), success(), no),
        adapter("2factor, code", two_factor, code(), success(), no),
        adapter("http", generic, text(), taken(), broken),
    ]
}

impl Adapter {
    /// The adapter with a message that must be answered within 300 ms.
    pub(crate) fn hurried(mut self) -> Self {
        self.sms.timeout = Duration::from_millis(300);
        self
    }

    /// The adapter, talking to `base_url`.
    pub(crate) fn at(&self, base_url: &str) -> SharedProvider {
        let sender = SenderId::parse("GATEWY").expect("a sender");
        let vendor = (self.vendor)(base_url.to_owned());
        let settings = ProviderSettings { sender: Some(sender), ..ProviderSettings::unlimited("x", vendor) };
        build(&settings, &self.context).expect("an adapter")
    }

    /// Sends its message to `base_url`.
    pub(crate) async fn send_to(&self, base_url: &str) -> Result<ProviderReference, SendError> {
        self.at(base_url).send(&self.sms).await
    }
}

fn context() -> BuildContext {
    BuildContext {
        client: http::client().expect("a client"),
        public_url: None,
        pool: PgPoolOptions::new().connect_lazy("postgres://nobody@127.0.0.1:1/none").expect("a pool"),
        environment: Environment::Development,
    }
}

fn text() -> OutgoingSms {
    OutgoingSms {
        message_id: MessageId(uuid::Uuid::from_u128(7)),
        lane: Lane::Transactional,
        to: PhoneNumber::parse("+919876543210", None).expect("a number"),
        text: "Your table is ready".to_owned(),
        code: None,
        sender: None,
        template: None,
        expires_at: DateTime::UNIX_EPOCH,
        validity: Duration::from_secs(600),
        timeout: Duration::from_secs(5),
    }
}

fn code() -> OutgoingSms {
    OutgoingSms { lane: Lane::Otp, code: Some("123456".to_owned()), ..text() }
}

fn twilio(base_url: String) -> VendorConfig {
    let fields = TwilioFields {
        account_sid: Some("AC00000000000000000000000000000001".to_owned()),
        auth_token: Some(SECRET.into()),
        messaging_service_sid: Some("MG00000000000000000000000000000002".to_owned()),
        base_url: Some(base_url),
        ..TwilioFields::default()
    };
    VendorConfig::Twilio(TwilioConfig::parse(&fields, None).expect("valid"))
}

fn two_factor(base_url: String) -> VendorConfig {
    let fields = TwoFactorFields {
        api_key: Some(SECRET.into()),
        plain_text: true,
        base_url: Some(base_url),
        ..TwoFactorFields::default()
    };
    let sender = SenderId::parse("GATEWY").expect("a sender");
    VendorConfig::TwoFactor(TwoFactorConfig::parse(&fields, Some(&sender)).expect("valid"))
}

/// A made-up vendor, whose key stands wherever one can.
fn generic(base_url: String) -> VendorConfig {
    let settings = serde_json::json!({
        "base_url": serde_json::Value::String(base_url), "path": "/{secret.key}/messages", "query": { "key": "{secret.key}" },
        "headers": { "X-Key": "{secret.key}" }, "basic_auth": { "user": "me", "password": "{secret.key}" },
        "json": { "key": "{secret.key}", "to": "{to}", "text": "{text}" },
        "id": "/message/id", "code": "/error/code", "codes": { "not_sent": ["internal"] },
    });
    let settings: GenericFields = serde_json::from_value(settings).expect("known fields");
    let credentials = Credentials::from([("key", SECRET)]);
    VendorConfig::Generic(Box::new(
        GenericConfig::parse(&settings, &credentials, None, &Lane::ALL).expect("valid"),
    ))
}

fn taken() -> ((u16, String), &'static str) {
    ((202, r#"{"message":{"id":"m-1"}}"#.to_owned()), "m-1")
}

fn broken(_status: u16) -> String {
    r#"{"error":{"code":"internal"}}"#.to_owned()
}

const SID: &str = "SM0123456789abcdef0123456789abcdef";

fn message() -> ((u16, String), &'static str) {
    ((201, format!(r#"{{"sid":"{SID}","status":"queued","error_code":null}}"#)), SID)
}

fn error_document(status: u16) -> String {
    format!(r#"{{"code":2{status:04},"message":"Words","more_info":"","status":{status}}}"#)
}

const ID: &str = "c59103dd-fa46-11e8-a895-0200cd936042";

fn success() -> ((u16, String), &'static str) {
    ((200, format!(r#"{{"Status":"Success","Details":"{ID}"}}"#)), ID)
}

fn no(_status: u16) -> String {
    r#"{"Status":"Error","Details":"Internal Server Error"}"#.to_owned()
}
