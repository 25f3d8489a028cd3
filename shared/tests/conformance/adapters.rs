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
use shared::provider::{
    CheckError, Checked, OtpCheck, OutgoingSms, ProviderReference, SendError, SharedProvider, http,
};
use shared::text::SenderId;
use sqlx::postgres::PgPoolOptions;

/// The credential of every account here; must never be seen outside a request.
pub(crate) const SECRET: &str = "f00dfeedf00dfeed";

/// What the vendor is asked to do.
#[derive(Clone, Copy)]
enum Asks {
    /// To send our text or code.
    Send,
    /// To make a code and send that.
    Start,
}

/// One way of calling one vendor.
pub(crate) struct Adapter {
    pub(crate) name: &'static str,
    vendor: fn(base_url: String) -> VendorConfig,
    asks: Asks,
    pub(crate) sms: OutgoingSms,
    /// Status and body of a "yes".
    pub(crate) yes: (u16, String),
    /// The id in it.
    pub(crate) id: &'static str,
    /// The vendor's own document for a server error.
    pub(crate) own_failure: fn(status: u16) -> String,
    context: BuildContext,
}

/// One vendor that checks the codes it made.
pub(crate) struct Checker {
    pub(crate) name: &'static str,
    vendor: fn(base_url: String) -> VendorConfig,
    /// The session that is asked about.
    pub(crate) session: &'static str,
    /// Status and body for the right code.
    pub(crate) right: (u16, String),
    /// Status and body for another.
    pub(crate) wrong: (u16, String),
    /// Status and body once no code is right any more.
    pub(crate) ended: (u16, String),
    context: BuildContext,
}

/// All of them; a new one is one entry.
pub(crate) fn checkers() -> Vec<Checker> {
    let context = context();
    let check = |status, valid| {
        (200, format!(r#"{{"sid":"{VERIFICATION_SID}","status":"{status}","valid":{valid}}}"#))
    };
    let details = |status, word, details| (status, format!(r#"{{"Status":"{word}","Details":"{details}"}}"#));
    vec![
        Checker {
            name: "twilio, verify",
            vendor: twilio,
            session: VERIFICATION_SID,
            right: check("approved", true),
            wrong: check("pending", false),
            ended: (404, r#"{"code":20404,"message":"Words","more_info":"","status":404}"#.to_owned()),
            context: context.clone(),
        },
        Checker {
            name: "2factor",
            vendor: two_factor,
            session: ID,
            right: details(200, "Success", "OTP Matched"),
            wrong: details(400, "Error", "OTP Mismatch"),
            ended: details(200, "Success", "OTP Expired"),
            context,
        },
    ]
}

impl Checker {
    /// The bytes of one of its answers.
    pub(crate) fn answer(&self, (status, body): &(u16, String)) -> Vec<u8> {
        crate::answer(*status, "", body)
    }

    /// Asks about the code `code`, at `base_url`.
    pub(crate) async fn check_at(&self, base_url: &str, code: &str) -> Result<Checked, CheckError> {
        let phone = text().to;
        let check = OtpCheck { session: self.session, phone: &phone, code };
        provider((self.vendor)(base_url.to_owned()), &self.context).check_otp(&check).await
    }
}

/// All of them, sharing a client; a new adapter is one line.
pub(crate) fn all() -> Vec<Adapter> {
    let context = &context();
    let adapter = |name, vendor, asks, sms, (yes, id), own_failure| Adapter {
        name,
        vendor,
        asks,
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
            Asks::Send,
            text(),
            message(),
            error_document as fn(u16) -> String,
        ),
        adapter("twilio, verify", twilio, Asks::Start, code(), verification(), error_document),
        adapter("2factor", two_factor, Asks::Send, text(), success(), no),
        adapter("2factor, code", two_factor, Asks::Send, code(), success(), no),
        adapter("2factor, autogen", two_factor, Asks::Start, code(), success(), no),
        adapter("http", generic, Asks::Send, text(), taken(), broken),
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
        provider((self.vendor)(base_url.to_owned()), &self.context)
    }

    /// Sends its message to `base_url`.
    pub(crate) async fn send_to(&self, base_url: &str) -> Result<ProviderReference, SendError> {
        self.send_by(&self.at(base_url)).await
    }

    /// Sends its message by a provider that was made for it.
    pub(crate) async fn send_by(&self, provider: &SharedProvider) -> Result<ProviderReference, SendError> {
        match self.asks {
            Asks::Send => provider.send(&self.sms).await,
            Asks::Start => provider.start_otp(&self.sms).await,
        }
    }
}

fn provider(vendor: VendorConfig, context: &BuildContext) -> SharedProvider {
    let sender = SenderId::parse("GATEWY").expect("a sender");
    let settings = ProviderSettings { sender: Some(sender), ..ProviderSettings::unlimited("x", vendor) };
    build(&settings, context).expect("an adapter")
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
        verify_service_sid: Some("VA00000000000000000000000000000003".to_owned()),
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

const VERIFICATION_SID: &str = "VE0123456789abcdef0123456789abcdef";

fn verification() -> ((u16, String), &'static str) {
    let body = format!(r#"{{"sid":"{VERIFICATION_SID}","status":"pending","valid":false}}"#);
    ((201, body), VERIFICATION_SID)
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
