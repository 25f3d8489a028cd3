//! Styles and scripts, in the program itself. Their address changes with them, so browsers may keep them for good.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse as _;
use sha2::{Digest as _, Sha256};

use crate::extract::Path;
use crate::problem::Problem;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The files below the folder of assets, one after the other, as one named `name`.
macro_rules! asset {
    ($media_type:expr, $name:literal, $($path:literal),+) => {
        Asset { name: $name, media_type: $media_type, text: concat!($(include_str!(concat!("../../assets/", $path))),+) }
    };
}

const ASSETS: [Asset; 4] = [
    asset!(CSS, "console.css", "console.css"),
    asset!(JS, "console.js", "console.js"),
    // htmx looks at the page as soon as a browser lets it, and must know its extension by then.
    asset!(JS, "htmx.js", "vendor/htmx.min.js", "vendor/hx-sse.min.js"),
    asset!(SVG, "icon.svg", "icon.svg"),
];

/// Stands for all of them as they are.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in &ASSETS {
        hash.update(asset.text);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

/// Where the file `name` is found.
pub(super) fn address(name: &str) -> String {
    format!("/console/assets/{}/{name}", *VERSION)
}

/// Gives a file to whoever asks: the page of signing in needs them too.
pub(super) async fn serve(Path((version, name)): Path<(String, String)>) -> Result<Response<Body>, Problem> {
    let found = ASSETS.iter().find(|asset| asset.name == name && version == *VERSION);
    let asset = found.ok_or_else(|| Problem::not_found("there is no such file; load the page again"))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, asset.text).into_response())
}
