//! Methods that the conventions know, and versions of the protocol.

use http::{Method, Version};

use super::keys;
use crate::tracer::span::Span;

/// Returns the name of a method of RFC 9110, of `PATCH` or of `QUERY`. Any other comes from the caller, who may send
/// a new one each time: neither a tag nor a span's name may be made of it.
pub(crate) fn known_method(method: &Method) -> Option<&'static str> {
    Some(match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        "QUERY" => "QUERY",
        _ => return None,
    })
}

/// Methods that are known: the conventions' own, or the user's in place of them.
#[cfg(feature = "tower")]
#[derive(Clone, Default)]
pub(crate) struct KnownMethods(Option<Vec<&'static str>>);

#[cfg(feature = "tower")]
impl KnownMethods {
    pub(crate) fn only(methods: impl IntoIterator<Item = &'static str>) -> Self {
        KnownMethods(Some(methods.into_iter().collect()))
    }

    pub(crate) fn find(&self, method: &Method) -> Option<&'static str> {
        match &self.0 {
            None => known_method(method),
            Some(methods) => methods
                .iter()
                .copied()
                .find(|known| *known == method.as_str()),
        }
    }
}

/// Writes the method of a request, which is known or not.
pub(crate) fn tag_method(span: &mut Span, known: Option<&'static str>, method: &Method) {
    span.tag(keys::HTTP_REQUEST_METHOD, known.unwrap_or(keys::OTHER));
    if known.is_none() {
        span.tag(keys::HTTP_REQUEST_METHOD_ORIGINAL, method.as_str());
    }
}

/// Returns the version as tags have it.
pub(crate) fn version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_case_sensitive() {
        let of = |name: &str| known_method(&Method::from_bytes(name.as_bytes()).unwrap());
        assert_eq!(of("GET"), Some("GET"));
        assert_eq!(of("QUERY"), Some("QUERY"));
        assert_eq!((of("get"), of("PROPFIND")), (None, None));
    }
    #[cfg(feature = "tower")]
    #[test]
    fn the_users_methods_replace_all_others() {
        let methods = KnownMethods::only(["GET", "PROPFIND"]);
        let of = |name: &str| methods.find(&Method::from_bytes(name.as_bytes()).unwrap());
        assert_eq!((of("GET"), of("PROPFIND")), (Some("GET"), Some("PROPFIND")));
        assert_eq!(of("POST"), None);
    }
}
