//! Checks of codes: what a vendor is asked about a code that it made or sent.

use crate::vendor::Vendor;

/// A check that is valid in itself: of a code that was sent.
#[derive(Debug)]
pub(crate) struct CodeCheck {
    pub(crate) vendor: Vendor,
    /// Whom the code was sent to, in E.164 with `+`; one recipient, as faults match them.
    pub(crate) recipient: [String; 1],
    /// The vendor's id of the session or verification.
    pub(crate) session: String,
    /// What was typed.
    pub(crate) code: String,
}
