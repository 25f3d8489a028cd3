//! Where a page comes from, as its browser says it in the header `Origin` (RFC 6454): scheme, host and port.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// An origin in the form browsers send it: `https://app.example.com`, with a port only where it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// Text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an origin such as https://app.example.com: scheme, host and perhaps a port, without a path")]
pub struct InvalidOrigin;

impl Origin {
    /// The origin as a browser sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidOrigin)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidOrigin)?;
        let has_more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        // A star is a character of host names to the standard of URLs; here it would look like a pattern.
        if has_more || !url.username().is_empty() || url.password().is_some() || host.contains('*') {
            return Err(InvalidOrigin);
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{}://{host}{port}", url.scheme())))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (text, sent) in [
            ("https://app.example.com", "https://app.example.com"),
            (" HTTPS://App.Example.com:443/ ", "https://app.example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(
                text.parse::<Origin>().map(|origin| origin.to_string()),
                Ok(sent.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "//app.example.com",
            "https://",
            "https://*.example.com",
            "https://a.example/path",
            "https://a.example/?q",
            "https://a.example/#f",
            "https://user@a.example",
            "https://:word@a.example",
            "https://a b.example",
            "file:///etc/passwd",
            "data:text/html,x",
            "mailto:a@b.example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text:?}");
        }
    }
}
