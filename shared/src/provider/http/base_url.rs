//! Where a service lives: the fixed part of its URLs, checked once.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::InvalidUri;
use url::{Host, Url};

/// An http or https URL that paths are put under; may have a path of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is no base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// Not a URL, or of another scheme.
    #[error("is not a URL such as https://sms.example.com")]
    NotHttp,
    /// A user name or password in it.
    #[error("must not contain a user name or password")]
    HasCredentials,
    /// A `?` or `#` part, which would end up in the middle.
    #[error("must end with the host or a path, without ? or #")]
    HasQuery,
}

impl BaseUrl {
    /// Whether both lead to the same host and port by the same scheme (RFC 6454 §4): whoever listens there is the same.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Its host, as text.
    pub fn host(&self) -> Option<&str> {
        self.0.host_str()
    }

    /// The address in it, if its host is one and no name.
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// The URL of a path below it; each segment is encoded as needed.
    pub fn join<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        // Only URLs without a host, such as mailto:, have no path segments; `from_str` refuses them.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The same for a request.
    ///
    /// # Errors
    /// When it is longer than a URI can be, 64 KiB.
    pub fn uri<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Result<Uri, InvalidUri> {
        Uri::try_from(String::from(self.join(segments)))
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidBaseUrl::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidBaseUrl::NotHttp);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidBaseUrl::HasCredentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidBaseUrl::HasQuery);
        }
        // The two standards differ in what a host may be.
        Uri::try_from(url.as_str()).map_err(|_| InvalidBaseUrl::NotHttp)?;
        Ok(Self(url))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_below_the_base_and_are_encoded() {
        for (base, url) in [
            ("https://a.example", "https://a.example/x/b%2Fc%20d%3F"),
            ("https://a.example/", "https://a.example/x/b%2Fc%20d%3F"),
            (" http://a.example:81/p ", "http://a.example:81/p/x/b%2Fc%20d%3F"),
            ("http://a.example/p/", "http://a.example/p/x/b%2Fc%20d%3F"),
        ] {
            let base: BaseUrl = base.parse().expect("valid");
            assert_eq!(base.join(["x", "b/c d?"]).as_str(), url);
            assert_eq!(base.uri(["x", "b/c d?"]).expect("short").to_string(), url);
        }
    }

    #[test]
    fn what_cannot_have_paths_below_it_is_refused() {
        use InvalidBaseUrl::{HasCredentials, HasQuery, NotHttp};
        for (text, problem) in [
            ("", NotHttp),
            ("a.example", NotHttp),
            ("ftp://a.example", NotHttp),
            ("mailto:a@b.example", NotHttp),
            ("https://a{b}.example", NotHttp),
            ("https://key@a.example", HasCredentials),
            ("https://:key@a.example", HasCredentials),
            ("https://a.example/?x=1", HasQuery),
            ("https://a.example/#x", HasQuery),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(problem), "{text:?}");
        }
    }
}
