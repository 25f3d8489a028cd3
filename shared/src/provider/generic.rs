//! Any vendor with an HTTP API, described by settings instead of an adapter: what its request looks like and what its
//! answers mean.
//!
//! A message's values are put into the leaves of the request, each encoded for its place, so that nothing a text
//! contains can become a further field, header, parameter or part of the path.

use std::fmt::Write as _;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};

use super::catalogue::{BuildContext, ProviderSettings};
use super::{OutgoingSms, Provider, ProviderReference, SendError, VendorAnswer, http};
use crate::lane::Lane;

mod answer;
mod body;
mod config;
mod template;

use body::Body;
pub use config::{GenericConfig, GenericFields};
use template::{Template, Values};

/// Everything but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One account at a vendor that is described by settings.
pub struct Generic {
    client: Client,
    config: GenericConfig,
    sender: Option<String>,
}

impl Generic {
    /// The account of `settings`.
    pub fn new(settings: &ProviderSettings, config: &GenericConfig, context: &BuildContext) -> Self {
        Self {
            client: context.client.clone(),
            config: config.clone(),
            sender: settings.sender.as_ref().map(|sender| sender.as_str().to_owned()),
        }
    }

    fn request(&self, sms: &OutgoingSms) -> Result<RequestBuilder, SendError> {
        let values = Values {
            sms,
            sender: sms.sender.as_deref().or(self.sender.as_deref()),
            secrets: &self.config.secrets,
        };
        let render = |template: &Template| template.render(&values).ok_or_else(|| cannot("missing_value"));
        let mut request = self.client.request(self.config.method.clone(), self.url(&render)?);
        for (name, template) in &self.config.headers {
            // Refuses line ends and other control characters.
            let mut value =
                HeaderValue::from_str(&render(template)?).map_err(|_| cannot("unsendable_header"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some((user, password)) = &self.config.basic_auth {
            request = request.basic_auth(render(user)?, Some(render(password)?));
        }
        Ok(match &self.config.body {
            // hyper sends no length for an absent body; some servers then answer 411.
            Body::None if self.config.method == reqwest::Method::GET => request,
            Body::None => request.header(CONTENT_LENGTH, 0),
            Body::Json(node) => request
                .header(CONTENT_TYPE, "application/json")
                .body(node.render(&render, &values)?.to_string()),
            Body::Form(fields) => {
                let fields = fields.iter().map(|(name, value)| Ok((name, render(value)?)));
                request.form(&fields.collect::<Result<Vec<_>, SendError>>()?)
            }
        })
    }

    fn url(&self, render: &impl Fn(&Template) -> Result<String, SendError>) -> Result<Url, SendError> {
        let mut url = self.config.base_url.to_string();
        url.truncate(url.trim_end_matches('/').len());
        let last = self.config.path.len().saturating_sub(1);
        for (place, segment) in self.config.path.iter().enumerate() {
            let segment = render(segment)?;
            // An empty one may only end the path; dots would climb.
            if matches!(segment.as_str(), "." | "..") || (segment.is_empty() && place < last) {
                return Err(cannot("unsendable_path"));
            }
            let _ = write!(url, "/{}", encoded(&segment));
        }
        for (place, (name, value)) in self.config.query.iter().enumerate() {
            let mark = if place == 0 { '?' } else { '&' };
            let _ = write!(url, "{mark}{}={}", encoded(name), encoded(&render(value)?));
        }
        Url::parse(&url).map_err(|_| cannot("unsendable_path"))
    }
}

fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, RESERVED)
}

/// No call is made for what cannot be written down for this vendor.
fn cannot(reason: &'static str) -> SendError {
    SendError::Refused { answer: VendorAnswer { reason, ..VendorAnswer::default() } }
}

#[async_trait]
impl Provider for Generic {
    fn takes_plain_text(&self, _: Lane) -> bool {
        true
    }

    async fn send(&self, sms: &OutgoingSms) -> Result<ProviderReference, SendError> {
        self.config.rules.read(&http::call(self.request(sms)?, sms).await?)
    }
}

#[cfg(test)]
mod tests;
