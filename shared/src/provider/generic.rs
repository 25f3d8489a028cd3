//! Any vendor with an HTTP API, described by settings instead of an adapter: what its request looks like and what its
//! answers mean.
//!
//! A message's values are put into the leaves of the request, each encoded for its place, so that nothing a text
//! contains can become a further field, header, parameter or part of the path.

use std::fmt::Write as _;

use async_trait::async_trait;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::catalogue::{BuildContext, ProviderSettings};
use super::http::{self, Client, Content, Request};
use super::{OutgoingSms, Provider, ProviderReference, SendError, VendorAnswer};
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
    /// What every path is put behind, without a slash at its end.
    base: String,
    config: GenericConfig,
    sender: Option<String>,
}

impl Generic {
    /// The account of `settings`.
    pub fn new(settings: &ProviderSettings, config: &GenericConfig, context: &BuildContext) -> Self {
        Self {
            client: context.client.clone(),
            base: config.base_url.to_string().trim_end_matches('/').to_owned(),
            config: config.clone(),
            sender: settings.sender.as_ref().map(|sender| sender.as_str().to_owned()),
        }
    }

    fn request(&self, sms: &OutgoingSms) -> Result<Request, SendError> {
        let values = Values {
            sms,
            sender: sms.sender.as_deref().or(self.sender.as_deref()),
            secrets: &self.config.secrets,
        };
        let render = |template: &Template| template.render(&values).ok_or_else(|| cannot("missing_value"));
        let content = self.content(&render, &values)?;
        let mut request = http::request(self.config.method.clone(), self.uri(&render)?, content);
        for (name, template) in &self.config.headers {
            // Refuses line ends and other control characters.
            let mut value =
                HeaderValue::from_str(&render(template)?).map_err(|_| cannot("unsendable_header"))?;
            value.set_sensitive(true);
            request.headers_mut().append(name, value);
        }
        if let Some((user, password)) = &self.config.basic_auth {
            let login = http::basic_auth(&render(user)?, &render(password)?);
            request.headers_mut().append(AUTHORIZATION, login);
        }
        Ok(request)
    }

    fn content(
        &self,
        render: &impl Fn(&Template) -> Result<String, SendError>,
        values: &Values<'_>,
    ) -> Result<Content, SendError> {
        Ok(match &self.config.body {
            Body::None => Content::None,
            Body::Json(node) => Content::Json(node.render(render, values)?.to_string()),
            Body::Form(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, &render(value)?);
                }
                Content::Form(form.finish())
            }
        })
    }

    fn uri(&self, render: &impl Fn(&Template) -> Result<String, SendError>) -> Result<Uri, SendError> {
        let mut uri = self.base.clone();
        let last = self.config.path.len().saturating_sub(1);
        for (place, segment) in self.config.path.iter().enumerate() {
            let segment = render(segment)?;
            // An empty one may only end the path; dots would climb.
            if matches!(segment.as_str(), "." | "..") || (segment.is_empty() && place < last) {
                return Err(cannot("unsendable_path"));
            }
            let _ = write!(uri, "/{}", encoded(&segment));
        }
        for (place, (name, value)) in self.config.query.iter().enumerate() {
            let mark = if place == 0 { '?' } else { '&' };
            let _ = write!(uri, "{mark}{}={}", encoded(name), encoded(&render(value)?));
        }
        // Longer than a URI can be.
        Uri::try_from(uri).map_err(|_| cannot("unsendable_path"))
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
        self.config.rules.read(&http::call(&self.client, self.request(sms)?, sms).await?)
    }
}

#[cfg(test)]
mod tests;
