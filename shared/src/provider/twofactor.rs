//! 2Factor.in: codes we made (`/SMS/{phone}/{otp}`), codes it makes (`AUTOGEN`, `VERIFY`), and texts by templates
//! registered in India (TSMS, PSMS for promotion). There is no machine-readable contract; shapes are those of the
//! vendor's API manual (2factor.in/API/DOCS, 2026-11) and of answers seen.
//!
//! The API key stands in every URL, so no URL may reach a log or an error.

use async_trait::async_trait;
use hyper::{Method, Uri};
use secrecy::ExposeSecret as _;

use super::catalogue::{BuildContext, ProviderSettings};
use super::http::{self, Client, Content, Request};
use super::otp::CHECK_TIMEOUT;
use super::{
    CheckError, Checked, CodeMode, OtpCheck, OutgoingSms, Provider, ProviderReference, SendError,
    VendorAnswer,
};
use crate::lane::Lane;

mod answer;
mod check;
mod config;

use config::is_header;
pub use config::{TwoFactorConfig, TwoFactorFields};

/// In place of a code: the vendor makes one.
const AUTOGEN: &str = "AUTOGEN";
/// `VAR1` to `VAR5`.
const MOST_VARIABLES: usize = 5;

/// One 2Factor.in account.
pub struct TwoFactor {
    client: Client,
    config: TwoFactorConfig,
    sender: Option<String>,
}

impl TwoFactor {
    /// The account of `settings`.
    pub fn new(settings: &ProviderSettings, config: &TwoFactorConfig, context: &BuildContext) -> Self {
        Self {
            client: context.client.clone(),
            config: config.clone(),
            sender: settings.sender.as_ref().map(|sender| sender.as_str().to_owned()),
        }
    }

    fn request(&self, sms: &OutgoingSms) -> Result<Request, SendError> {
        match &sms.code {
            Some(code) => self.code_request(sms, code),
            None => self.text_request(sms),
        }
    }

    /// Sends `code`, or one that the vendor makes. POST, not GET: nobody on the way repeats a POST.
    fn code_request(&self, sms: &OutgoingSms, code: &str) -> Result<Request, SendError> {
        let own = sms.template.as_ref().map(|template| template.name.as_str());
        let template = own.or(self.config.template.as_deref());
        let path = ["SMS", phone(sms), code].into_iter().chain(template);
        Ok(http::request(Method::POST, self.uri(path)?, Content::None))
    }

    /// GET alone is documented for this one.
    fn check_request(&self, check: &OtpCheck<'_>) -> Result<Request, SendError> {
        let uri = self.uri(["SMS", "VERIFY", check.session, check.code])?;
        Ok(http::request(Method::GET, uri, Content::None))
    }

    fn text_request(&self, sms: &OutgoingSms) -> Result<Request, SendError> {
        let Some(sender) = self.header(sms) else { return Err(cannot("needs_sender")) };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("From", sender).append_pair("To", phone(sms));
        match &sms.template {
            Some(template) => {
                if template.values.len() > MOST_VARIABLES {
                    return Err(cannot("too_many_variables"));
                }
                form.append_pair("TemplateName", &template.name);
                form.extend_pairs(VARIABLES.into_iter().zip(&template.values))
            }
            None if self.takes_plain_text(sms.lane) => form.append_pair("Msg", &sms.text),
            None => return Err(cannot("needs_template")),
        };
        let service = match sms.lane {
            Lane::Promo => "PSMS",
            Lane::Otp | Lane::Transactional => "TSMS",
        };
        let uri = self.uri(["ADDON_SERVICES", "SEND", service])?;
        Ok(http::request(Method::POST, uri, Content::Form(form.finish())))
    }

    /// The message's sender if it can be one here: a number or longer name that suits other vendors never is.
    fn header<'a>(&'a self, sms: &'a OutgoingSms) -> Option<&'a str> {
        sms.sender.as_deref().filter(|sender| is_header(sender)).or(self.sender.as_deref())
    }

    fn uri<'a>(&'a self, path: impl IntoIterator<Item = &'a str>) -> Result<Uri, SendError> {
        let key = ["API", "V1", self.config.api_key.expose_secret()];
        self.config.base_url.uri(key.into_iter().chain(path)).map_err(|_| cannot("unsendable_path"))
    }
}

const VARIABLES: [&str; MOST_VARIABLES] = ["VAR1", "VAR2", "VAR3", "VAR4", "VAR5"];

/// With country code and without `+`: the one spelling that is right for India and elsewhere, for codes and texts.
fn phone(sms: &OutgoingSms) -> &str {
    sms.to.digits()
}

/// No call is made for what the vendor would surely refuse.
fn cannot(reason: &'static str) -> SendError {
    SendError::Refused { answer: VendorAnswer { reason, ..VendorAnswer::default() } }
}

#[async_trait]
impl Provider for TwoFactor {
    /// A code's text is the vendor's own; other texts only where the account allows it.
    fn takes_plain_text(&self, lane: Lane) -> bool {
        match lane {
            Lane::Otp => true,
            Lane::Transactional | Lane::Promo => self.config.plain_text,
        }
    }

    async fn send(&self, sms: &OutgoingSms) -> Result<ProviderReference, SendError> {
        answer::read(&http::call(&self.client, self.request(sms)?, sms).await?, &sms.to)
    }

    fn makes_codes(&self) -> bool {
        self.config.mode == CodeMode::Autogen
    }

    async fn start_otp(&self, sms: &OutgoingSms) -> Result<ProviderReference, SendError> {
        let request = self.code_request(sms, AUTOGEN)?;
        answer::read(&http::call(&self.client, request, sms).await?, &sms.to)
    }

    async fn check_otp(&self, check: &OtpCheck<'_>) -> Result<Checked, CheckError> {
        let request = self.check_request(check)?;
        check::read(&http::exchange(&self.client, request, CHECK_TIMEOUT).await?)
    }
}

#[cfg(test)]
mod tests;
