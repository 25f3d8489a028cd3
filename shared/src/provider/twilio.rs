//! Twilio: Programmable Messaging, API version 2010-04-01 (contract: twilio-oai, spec/json/twilio_api_v2010.json,
//! 2026-04). Sends texts, or Twilio's Content templates where the message has one. Codes that Twilio makes come from its
//! other product, Verify.

use async_trait::async_trait;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, Uri};
use secrecy::ExposeSecret as _;

use super::catalogue::{BuildContext, ProviderSettings};
use super::http::{self, BaseUrl, Client, Content, Request};
use super::otp::{CHECK_TIMEOUT, MAKES_NO_CODES};
use super::{
    CheckError, Checked, OtpCheck, OutgoingSms, Provider, ProviderReference, SendError, VendorAnswer,
    VendorTemplate,
};
use crate::lane::Lane;

mod answer;
mod config;
mod verify;
pub mod webhook;

pub use config::{TwilioConfig, TwilioFields};
use verify::Verify;

/// The seconds Twilio lets a message wait for its turn: 1 to 36000.
const LONGEST_VALIDITY: u64 = 36_000;

/// One Twilio account.
pub struct Twilio {
    client: Client,
    messages: Uri,
    authorization: HeaderValue,
    sender: Option<String>,
    messaging_service_sid: Option<String>,
    verify: Option<Box<Verify>>,
    /// Where receipts go, up to the message's id.
    callback: Option<String>,
}

impl Twilio {
    /// The account of `settings`, whose receipts come to `/webhooks/{name}/status` if this gateway has a public URL.
    pub fn new(settings: &ProviderSettings, config: &TwilioConfig, context: &BuildContext) -> Self {
        let callback =
            |public: &BaseUrl| format!("{}?message_id=", public.join(["webhooks", &settings.name, "status"]));
        Self {
            client: context.client.clone(),
            messages: config.messages.clone(),
            authorization: http::basic_auth(&config.login.user, config.login.password.expose_secret()),
            sender: settings.sender.as_ref().map(|sender| sender.as_str().to_owned()),
            messaging_service_sid: config.messaging_service_sid.clone(),
            verify: config.verify.clone(),
            callback: context.public_url.as_ref().map(callback),
        }
    }

    fn request(&self, sms: &OutgoingSms) -> Request {
        let form = Content::Form(self.form(sms));
        self.authorized(http::request(Method::POST, self.messages.clone(), form))
    }

    fn authorized(&self, mut request: Request) -> Request {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request
    }

    fn form(&self, sms: &OutgoingSms) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", sms.to.as_str());
        form.extend_pairs(self.origin(sms));
        match &sms.template {
            None => form.append_pair("Body", &sms.text),
            Some(template) => form.extend_pairs(content(template)),
        };
        let validity = sms.validity.as_secs().clamp(1, LONGEST_VALIDITY);
        form.append_pair("ValidityPeriod", &validity.to_string());
        if let Some(callback) = &self.callback {
            form.append_pair("StatusCallback", &format!("{callback}{}", sms.message_id));
        }
        form.finish()
    }

    /// Whom the message comes from: its own sender, else one the messaging service picks, else the account's.
    fn origin<'a>(&'a self, sms: &'a OutgoingSms) -> Option<(&'static str, &'a str)> {
        let own = sms.sender.as_deref().map(|sender| ("From", sender));
        let service = self.messaging_service_sid.as_deref().map(|sid| ("MessagingServiceSid", sid));
        own.or(service).or_else(|| self.sender.as_deref().map(|sender| ("From", sender)))
    }
}

/// A Content template (`HX…`) and its variables, which Twilio numbers from 1.
fn content(template: &VendorTemplate) -> [(&'static str, String); 2] {
    let numbered =
        template.values.iter().enumerate().map(|(i, value)| ((i + 1).to_string(), value.as_str().into()));
    let variables = serde_json::Value::Object(numbered.collect());
    [("ContentSid", template.name.clone()), ("ContentVariables", variables.to_string())]
}

#[async_trait]
impl Provider for Twilio {
    fn takes_plain_text(&self, _: Lane) -> bool {
        true
    }

    async fn send(&self, sms: &OutgoingSms) -> Result<ProviderReference, SendError> {
        answer::read(&http::call(&self.client, self.request(sms), sms).await?)
    }

    fn makes_codes(&self) -> bool {
        self.verify.as_ref().is_some_and(|verify| verify.makes_codes)
    }

    async fn start_otp(&self, sms: &OutgoingSms) -> Result<ProviderReference, SendError> {
        let Some(verify) = &self.verify else {
            let answer = VendorAnswer { reason: MAKES_NO_CODES, ..VendorAnswer::default() };
            return Err(SendError::Refused { answer });
        };
        let request = self.authorized(verify.start_request(sms));
        verify::read_start(&http::call(&self.client, request, sms).await?)
    }

    async fn check_otp(&self, check: &OtpCheck<'_>) -> Result<Checked, CheckError> {
        let Some(verify) = &self.verify else {
            return Err(CheckError::Unusable { reason: MAKES_NO_CODES });
        };
        let request = self.authorized(verify.check_request(check));
        let answer = http::exchange(&self.client, request, CHECK_TIMEOUT).await?;
        verify::read_check(&answer, check.session)
    }
}

#[cfg(test)]
mod tests;
