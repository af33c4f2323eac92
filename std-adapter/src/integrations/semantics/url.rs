//! Parts of URLs as tags have them: addresses, and queries without secrets.

use std::fmt::{self, Write as _};
use std::sync::Arc;

#[cfg(feature = "tower")]
use http::Uri;

/// Keys whose values are signatures or credentials by the conventions.
const SECRETS: [&str; 7] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
];
const REDACTED: &str = "REDACTED";

/// Which part of a query is recorded.
#[derive(Clone, Default)]
pub(crate) enum QueryRule {
    /// All but the values of the conventions' keys.
    #[default]
    Conventional,
    /// All but the values of these keys.
    Without(Arc<[String]>),
    Nothing,
}

/// A query as it is recorded.
pub(crate) struct Query<'q> {
    query: &'q str,
    rule: &'q QueryRule,
}

/// The full URL of a request, as it is recorded.
pub(crate) struct FullUrl<'u> {
    pub(crate) scheme: &'u str,
    pub(crate) authority: &'u str,
    pub(crate) path: &'u str,
    pub(crate) query: Option<Query<'u>>,
}

impl QueryRule {
    pub(crate) fn without<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        QueryRule::Without(keys.into_iter().map(Into::into).collect())
    }

    /// Returns what is recorded of a query.
    pub(crate) fn apply<'q>(&'q self, query: Option<&'q str>) -> Option<Query<'q>> {
        let is_recorded = !matches!(self, QueryRule::Nothing);
        let query = query.filter(|_| is_recorded)?;
        Some(Query { query, rule: self })
    }

    fn is_secret(&self, key: &str) -> bool {
        match self {
            QueryRule::Conventional => SECRETS.contains(&key),
            QueryRule::Without(keys) => keys.iter().any(|secret| secret == key),
            QueryRule::Nothing => true,
        }
    }
}

impl fmt::Display for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, item) in self.query.split('&').enumerate() {
            if number > 0 {
                f.write_char('&')?;
            }
            match item.split_once('=') {
                Some((key, _)) if self.rule.is_secret(key) => write!(f, "{key}={REDACTED}")?,
                _ => f.write_str(item)?,
            }
        }
        Ok(())
    }
}

impl<'u> FullUrl<'u> {
    /// Takes the URL apart; `None` if it has no host.
    #[cfg(feature = "tower")]
    pub(crate) fn of_uri(uri: &'u Uri, rule: &'u QueryRule) -> Option<Self> {
        Some(FullUrl {
            scheme: uri.scheme_str().unwrap_or("http"),
            authority: uri.authority()?.as_str(),
            path: uri.path(),
            query: rule.apply(uri.query()),
        })
    }
}

impl fmt::Display for FullUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (credentials, host) = match self.authority.rsplit_once('@') {
            Some((_, host)) => ("REDACTED:REDACTED@", host),
            None => ("", self.authority),
        };
        write!(f, "{}://{credentials}{host}{}", self.scheme, self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "reqwest-013")]
impl<'u> FullUrl<'u> {
    pub(crate) fn of_url(url: &'u reqwest::Url, rule: &'u QueryRule) -> Self {
        FullUrl {
            scheme: url.scheme(),
            authority: url.authority(),
            path: url.path(),
            query: rule.apply(url.query()),
        }
    }
}

/// Splits an authority into host and port; an IPv6 address has no brackets then.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    let bytes = authority.as_bytes();
    let start = bytes
        .iter()
        .rposition(|byte| *byte == b'@')
        .map_or(0, |at| at + 1);
    let digits = bytes
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let colon = bytes.len().wrapping_sub(digits + 1);
    let (end, port) = match bytes.get(colon) {
        Some(b':') if colon >= start => (colon, authority.get(colon + 1..)),
        _ => (bytes.len(), None),
    };
    let host = authority.get(start..end).unwrap_or_default();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    (
        bare.unwrap_or(host),
        port.and_then(|port| port.parse().ok()),
    )
}

/// Returns the port of a scheme that needs not be named.
#[cfg(feature = "tower")]
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_have_hosts_and_ports() {
        let cases = [
            ("shop.example", ("shop.example", None)),
            ("shop.example:8080", ("shop.example", Some(8080))),
            ("me:secret@shop.example:8080", ("shop.example", Some(8080))),
            ("[::1]:80", ("::1", Some(80))),
            ("[::1]", ("::1", None)),
            ("shop:99999", ("shop", None)),
            ("shop:", ("shop", None)),
            ("shop:x80", ("shop:x80", None)),
            ("me:80@shop", ("shop", None)),
            ("8080", ("8080", None)),
            ("", ("", None)),
        ];
        for (authority, expected) in cases {
            assert_eq!(host_and_port(authority), expected, "{authority}");
        }
    }

    #[test]
    fn secrets_are_redacted_and_their_keys_stay() {
        let shown = |rule: &QueryRule, query| rule.apply(Some(query)).map(|it| it.to_string());
        let rule = QueryRule::default();
        let query = "q=a&sig=s3cret&Sig=x&sig&X-Amz-Signature=1=2";
        let expected = "q=a&sig=REDACTED&Sig=x&sig&X-Amz-Signature=REDACTED";
        assert_eq!(shown(&rule, query).as_deref(), Some(expected));
        let own = QueryRule::without(["token"]);
        assert_eq!(
            shown(&own, "token=1&sig=2").as_deref(),
            Some("token=REDACTED&sig=2")
        );
        assert_eq!(shown(&QueryRule::Nothing, "q=a"), None);
        assert_eq!(rule.apply(None).map(|it| it.to_string()), None);
    }

    #[test]
    fn full_urls_have_no_credentials() {
        let rule = QueryRule::default();
        let uri: Uri = "https://me:pw@shop.example:8443/a?q=1&sig=2"
            .parse()
            .unwrap();
        let shown = FullUrl::of_uri(&uri, &rule).map(|url| url.to_string());
        let expected = "https://REDACTED:REDACTED@shop.example:8443/a?q=1&sig=REDACTED";
        assert_eq!(shown.as_deref(), Some(expected));
        assert!(FullUrl::of_uri(&"/a".parse().unwrap(), &rule).is_none());
    }
}
