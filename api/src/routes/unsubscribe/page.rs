//! What the person sees: one small page, without scripts, in the colours of their telephone.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use shared::consent::Stop;
use shared::unsubscribe::Unsubscribe;

/// What the undo button sends.
pub(super) const UNDO: (&str, &str) = ("do", "undo");

const STYLE: &str = "\
:root{color-scheme:light dark;--back:#fff;--text:#1a1a1a;--main:#0b5cad;--on-main:#fff}\
@media (prefers-color-scheme:dark){:root{--back:#16181b;--text:#ececec;--main:#8ec1ff;--on-main:#0c1420}}\
*{box-sizing:border-box}\
body{margin:0;padding:2rem 1.25rem;background:var(--back);color:var(--text);\
font:1.0625rem/1.5 system-ui,sans-serif}\
main{max-width:26rem;margin:0 auto}\
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}\
button{width:100%;min-height:3rem;padding:.75rem 1rem;border:2px solid var(--main);border-radius:.5rem;\
background:var(--main);color:var(--on-main);font:inherit;font-weight:600;cursor:pointer}\
button.less{background:transparent;color:var(--main)}\
button:focus-visible{outline:3px solid var(--text);outline-offset:2px}";

/// What there is to see.
#[derive(Clone, Copy)]
pub(super) enum Page<'a> {
    /// Whether they want no more.
    Ask(&'a Unsubscribe),
    /// They get no more, which they may take back here.
    Stopped(&'a Unsubscribe),
    /// They get no more, and said so elsewhere.
    StoppedElsewhere(&'a Unsubscribe),
    /// They get them again.
    TakenBack(&'a Unsubscribe),
    /// No such link.
    Unknown,
    /// The database does not answer.
    Unavailable,
}

/// Nothing is loaded, nothing runs, nobody frames it, and its form goes nowhere else.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        HeaderValue::try_from(policy).expect("base64 and words are a header value")
    });
    POLICY.clone()
}

impl Page<'_> {
    /// The page.
    pub(super) fn html(self) -> String {
        let (title, text, form) = match self {
            Self::Ask(link) => (
                "Stop these messages?".to_owned(),
                format!("{} will get no more {}.", whose(link), what(&link.stop)),
                "<form method=\"post\"><button>Stop them</button></form>",
            ),
            Self::Stopped(link) => (
                "Stopped".to_owned(),
                format!("{} gets no more {}.", whose(link), what(&link.stop)),
                "<form method=\"post\"><button class=\"less\" name=\"do\" value=\"undo\">Undo</button></form>",
            ),
            Self::StoppedElsewhere(link) => (
                "Stopped".to_owned(),
                format!("{} gets no more {}.", whose(link), what(&link.stop)),
                "",
            ),
            Self::TakenBack(link) => (
                "Not stopped".to_owned(),
                format!("{} gets {} again.", whose(link), what(&link.stop)),
                "<form method=\"post\"><button>Stop them</button></form>",
            ),
            Self::Unknown => (
                "No such link".to_owned(),
                "Please look whether the whole link was opened, or answer the message with STOP.".to_owned(),
                "",
            ),
            Self::Unavailable => (
                "Please try again".to_owned(),
                "Nothing was changed, since something is out of order here. Please open the link again in a minute."
                    .to_owned(),
                "",
            ),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"robots\" content=\"noindex, nofollow\"><title>{title}</title>\
             <style>{STYLE}</style></head>\n\
             <body><main><h1>{title}</h1><p role=\"status\">{text}</p>{form}</main></body></html>\n"
        )
    }
}

/// Enough of the number for its owner to know it, and for nobody else.
fn whose(link: &Unsubscribe) -> String {
    let digits = link.phone.digits();
    format!("The number ending in {}", &digits[digits.len().saturating_sub(2)..])
}

/// In words; one-time codes are never stopped. A sender's name has letters, digits and spaces alone.
fn what(stop: &Stop) -> String {
    match stop {
        Stop::Marketing => "marketing messages".to_owned(),
        Stop::All => "messages but one-time codes".to_owned(),
        Stop::Sender(sender) => format!("messages from {sender}"),
    }
}
