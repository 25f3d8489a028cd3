//! Campaigns: one text for many people. What they are called, and the text as each recipient gets it.

mod enlist;
mod forecast;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::enlist::{Enlisted, Unusable, enlist};
pub use self::forecast::forecast;
use crate::consent::Stop;
use crate::phone::PhoneNumber;
use crate::provider::http::BaseUrl;
use crate::seal::Keyring;
use crate::template::{InvalidTemplate, RenderError, Template, TemplateName};
use crate::text::{InvalidText, MessageText};
use crate::unsubscribe::Unsubscribe;

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum CampaignStatus {
    /// Recipients are gathered; nothing is sent.
    Draft,
    /// Starts at its time.
    Scheduled,
    /// Is being sent.
    Running,
    /// Stopped for now: by its owner, or by a limit that its `reason` names.
    Paused,
    /// Nobody is left to text.
    Finished,
    /// Withdrawn. Final.
    Cancelled,
}

impl CampaignStatus {
    /// The word used in tables, in the API and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The variable that becomes a link by which the recipient stops promo. It is made here, not taken from the list.
const LINK: &str = "unsubscribe_url";

/// Makes the unsubscribe links of recipients.
#[derive(Clone)]
pub struct Links {
    /// Signs them.
    pub keyring: Arc<Keyring>,
    /// Where their page is; there are no links without it.
    pub public_url: Option<BaseUrl>,
}

impl Links {
    /// The link of `phone`, if there are links.
    pub fn of(&self, phone: &PhoneNumber) -> Option<String> {
        let link = Unsubscribe { phone: phone.clone(), stop: Stop::Marketing };
        link.link(self.keyring.links(), self.public_url.as_ref()?)
    }
}

/// The text of a campaign, to be filled for each recipient.
#[derive(Clone, Debug)]
pub struct CampaignText {
    template: Template,
    /// What each recipient's row must have.
    variables: Vec<String>,
    /// The text of all, if it has no variables.
    plain: Option<MessageText>,
}

/// What is wrong with a campaign's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCampaignText {
    /// It cannot be read as a template.
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
    /// It cannot be filled, though nothing has to be filled in.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// It cannot be sent.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

/// Why there is no text for a recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfillable {
    /// Their variables do not suit the text.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// What comes out cannot be sent.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl CampaignText {
    /// Reads a text in the language of templates; without variables it is every recipient's.
    ///
    /// # Errors
    /// [`InvalidCampaignText`] says what to change.
    pub fn compile(text: &str) -> Result<Self, InvalidCampaignText> {
        let name = TemplateName::parse("campaign").expect("a plain word is a name");
        let template = Template::compile(name, text)?;
        let plain = match template.variables() {
            [] => Some(MessageText::parse(template.render(&Map::new())?)?),
            _ => None,
        };
        let variables = template.variables().iter().filter(|name| *name != LINK).cloned().collect();
        Ok(Self { template, variables, plain })
    }

    /// The variables that each recipient's row must have.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The text of all, if it is the same for all.
    pub fn plain(&self) -> Option<&MessageText> {
        self.plain.as_ref()
    }

    /// Whether it has an unsubscribe link.
    pub fn has_link(&self) -> bool {
        self.variables.len() < self.template.variables().len()
    }

    /// The text of a recipient; `variables` must be exactly those it needs.
    ///
    /// # Errors
    /// [`Unfillable`] says why they cannot be texted.
    pub fn fill(
        &self,
        variables: &Map<String, Value>,
        phone: &PhoneNumber,
        links: &Links,
    ) -> Result<MessageText, Unfillable> {
        if let Some(text) = &self.plain {
            return Ok(text.clone());
        }
        let link = if self.has_link() { links.of(phone) } else { None };
        let filled = match link {
            Some(link) => {
                let mut with_link = variables.clone();
                with_link.insert(LINK.to_owned(), Value::String(link));
                self.template.render(&with_link)?
            }
            None => self.template.render(variables)?,
        };
        Ok(MessageText::parse(filled)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::seal::MasterKey;
    use serde_json::json;

    fn fill(text: &str, variables: Value) -> Result<String, Unfillable> {
        let Value::Object(variables) = variables else { panic!("an object") };
        let phone = PhoneNumber::stored("+41790000001".to_owned());
        let text = CampaignText::compile(text).expect(text);
        text.fill(&variables, &phone, &links()).map(MessageText::into_string)
    }

    pub(super) fn links() -> Links {
        let keyring = Arc::new(Keyring::new(&MasterKey::generate(), &[]));
        Links { keyring, public_url: "https://sms.example.com".parse().ok() }
    }

    #[test]
    fn the_link_is_made_for_the_recipient() {
        let text = CampaignText::compile("Sale. Stop: {{ unsubscribe_url }}").expect("a text");
        assert!(text.has_link() && text.variables().is_empty());
        let filled = fill("Sale. Stop: {{ unsubscribe_url }}", json!({})).expect("a text");
        assert!(filled.starts_with("Sale. Stop: https://sms.example.com/u/"), "{filled}");
    }

    #[test]
    fn a_text_is_filled_for_each_recipient() {
        assert_eq!(fill("Hi {{ name }}", json!({ "name": "Ann" })).as_deref(), Ok("Hi Ann"));
        assert_eq!(fill("Sale today", json!({ "name": "Ann" })).as_deref(), Ok("Sale today"));
        assert_eq!(
            fill("Hi {{ name }}", json!({})),
            Err(Unfillable::Render(RenderError::Missing("name".into())))
        );
        assert!(matches!(fill("{{ a }}", json!({ "a": " " })), Err(Unfillable::Text(InvalidText::Empty))));
    }

    #[test]
    fn what_nobody_could_get_is_refused_at_once() {
        assert!(matches!(CampaignText::compile("{{ name"), Err(InvalidCampaignText::Template(_))));
        assert!(matches!(CampaignText::compile(&"x".repeat(1531)), Err(InvalidCampaignText::Text(_))));
    }
}
