//! Twilio: Programmable Messaging, API version 2010-04-01 (contract: twilio-oai, spec/json/twilio_api_v2010.json,
//! 2026-04). Sends texts, or Twilio's Content templates where the message has one.

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Url};
use secrecy::ExposeSecret as _;

use super::catalogue::{BuildContext, ProviderSettings};
use super::http::{self, BaseUrl};
use super::{OutgoingSms, Provider, ProviderReference, SendError, VendorTemplate};
use crate::lane::Lane;

mod answer;
mod config;
pub mod webhook;

use config::Login;
pub use config::{TwilioConfig, TwilioFields};

/// The seconds Twilio lets a message wait for its turn: 1 to 36000.
const LONGEST_VALIDITY: u64 = 36_000;

/// One Twilio account.
pub struct Twilio {
    client: Client,
    messages: Url,
    login: Login,
    sender: Option<String>,
    messaging_service_sid: Option<String>,
    /// Where receipts go, without the message's id.
    callback: Option<Url>,
}

impl Twilio {
    /// The account of `settings`, whose receipts come to `/webhooks/{name}/status` if this gateway has a public URL.
    pub fn new(settings: &ProviderSettings, config: &TwilioConfig, context: &BuildContext) -> Self {
        let account = [API_VERSION, "Accounts", &config.account_sid, "Messages.json"];
        let callback = |public: &BaseUrl| public.join(["webhooks", &settings.name, "status"]);
        Self {
            client: context.client.clone(),
            messages: config.base_url.join(account),
            login: config.login.clone(),
            sender: settings.sender.as_ref().map(|sender| sender.as_str().to_owned()),
            messaging_service_sid: config.messaging_service_sid.clone(),
            callback: context.public_url.as_ref().map(callback),
        }
    }

    fn request(&self, sms: &OutgoingSms) -> RequestBuilder {
        let mut form = vec![("To", sms.to.as_str().to_owned())];
        form.extend(self.origin(sms).map(|(field, value)| (field, value.to_owned())));
        match &sms.template {
            None => form.push(("Body", sms.text.clone())),
            Some(template) => form.extend(content(template)),
        }
        form.push(("ValidityPeriod", sms.validity.as_secs().clamp(1, LONGEST_VALIDITY).to_string()));
        form.extend(self.callback.clone().map(|mut url| {
            url.query_pairs_mut().append_pair("message_id", &sms.message_id.to_string());
            ("StatusCallback", url.into())
        }));
        let request = self.client.post(self.messages.clone());
        request.basic_auth(&self.login.user, Some(self.login.password.expose_secret())).form(&form)
    }

    /// Whom the message comes from: its own sender, else one the messaging service picks, else the account's.
    fn origin<'a>(&'a self, sms: &'a OutgoingSms) -> Option<(&'static str, &'a str)> {
        let own = sms.sender.as_deref().map(|sender| ("From", sender));
        let service = self.messaging_service_sid.as_deref().map(|sid| ("MessagingServiceSid", sid));
        own.or(service).or_else(|| self.sender.as_deref().map(|sender| ("From", sender)))
    }
}

const API_VERSION: &str = "2010-04-01";

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
        answer::read(&http::call(self.request(sms), sms).await?)
    }
}

#[cfg(test)]
mod tests;
