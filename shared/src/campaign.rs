//! Campaigns: one text for many people. What they are called, and the text as each recipient gets it.

mod enlist;
mod forecast;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::enlist::{Enlisted, Unusable, enlist};
pub use self::forecast::forecast;
use crate::template::{InvalidTemplate, RenderError, Template, TemplateName};
use crate::text::{InvalidText, MessageText};

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

    /// Whether recipients may still be added.
    pub const fn takes_recipients(self) -> bool {
        match self {
            Self::Draft | Self::Scheduled | Self::Running | Self::Paused => true,
            Self::Finished | Self::Cancelled => false,
        }
    }
}

/// The text of a campaign, to be filled for each recipient.
#[derive(Clone, Debug)]
pub struct CampaignText {
    template: Template,
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
        Ok(Self { template, plain })
    }

    /// The variables that each recipient needs.
    pub fn variables(&self) -> &[String] {
        self.template.variables()
    }

    /// The text of a recipient; `variables` must be exactly those it needs.
    ///
    /// # Errors
    /// [`Unfillable`] says why they cannot be texted.
    pub fn fill(&self, variables: &Map<String, Value>) -> Result<MessageText, Unfillable> {
        if let Some(text) = &self.plain {
            return Ok(text.clone());
        }
        Ok(MessageText::parse(self.template.render(variables)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fill(text: &str, variables: Value) -> Result<String, Unfillable> {
        let Value::Object(variables) = variables else { panic!("an object") };
        CampaignText::compile(text).expect(text).fill(&variables).map(MessageText::into_string)
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
