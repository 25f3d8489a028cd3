//! What adapters ask: a method, a URI, and nothing, a form or JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Uri};
use http_body_util::Full;

/// A request with its whole body.
pub type Request = http::Request<Full<Bytes>>;

/// The headers that ours have at most, those included that are added on the way.
const USUAL_HEADERS: usize = 8;

/// What a request carries.
pub enum Content {
    /// Nothing.
    None,
    /// `application/x-www-form-urlencoded`.
    Form(String),
    /// `application/json`.
    Json(String),
}

/// A request that says what it carries.
pub fn request(method: Method, uri: Uri, content: Content) -> Request {
    let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
    let mut is = |kind| headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let body = match content {
        Content::None => {
            // hyper sends no length for an absent body; some servers then answer 411.
            if method != Method::GET {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            String::new()
        }
        Content::Form(form) => {
            is("application/x-www-form-urlencoded");
            form
        }
        Content::Json(json) => {
            is("application/json");
            json
        }
    };
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

/// The value of `Authorization` for a user name and password (RFC 7617), which no debug text shows.
pub fn basic_auth(user: &str, password: &str) -> HeaderValue {
    let login = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::try_from(login).expect("base64 is visible ASCII");
    value.set_sensitive(true);
    value
}

/// What a request carries.
#[cfg(test)]
pub(in crate::provider) fn body(request: &Request) -> Bytes {
    use futures::FutureExt as _;
    use http_body_util::BodyExt as _;
    let body = request.body().clone().collect().now_or_never().expect("it lies in memory");
    body.expect("nothing that could fail").to_bytes()
}
