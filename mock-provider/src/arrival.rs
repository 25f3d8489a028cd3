//! One delivered message, and a page of them, as the control API and the log file write them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::vendor::Vendor;

/// Whether a message carried a text or a code of a verification product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalKind {
    /// A text message.
    Text,
    /// A one-time code, which the vendor can verify.
    Code,
}

/// One delivered message: a handset would have shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Position in the log since the process started; the cursor of `since`.
    pub index: u64,
    /// When it was delivered, in microseconds since the Unix epoch.
    pub at_micros: i64,
    /// Who delivered it.
    pub vendor: Vendor,
    /// Text or code.
    pub kind: ArrivalKind,
    /// The recipient in E.164 with `+`, however the request spelled it.
    pub to: String,
    /// The sender: a number, a sender id or a messaging service.
    pub from: Option<String>,
    /// The text or the code; empty if the message is a template alone.
    pub body: String,
    /// The vendor's name of the template.
    pub template: Option<String>,
    /// The template's variables in order.
    pub variables: Vec<String>,
    /// The sender's own message id, if the request carried one.
    pub reference: Option<String>,
    /// How long the vendor may keep trying, in seconds.
    pub validity_s: Option<u32>,
    /// The id the vendor gave it.
    pub provider_id: String,
}

/// A page of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ArrivalPage {
    /// Arrivals since the log was last cleared, whatever the filter.
    pub total: u64,
    /// The `since` of the next page.
    pub next: u64,
    /// Those of this page.
    pub arrivals: Vec<Arc<Arrival>>,
}
