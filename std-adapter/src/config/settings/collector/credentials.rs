//! User, password and token, and the header that they make.

use super::endpoint::Secret;
use crate::config::error::ConfigError;
use crate::config::settings::layer::Layer;
use crate::config::settings::resolver::Resolver;

/// Returns user and password; one without the other is a fault.
pub(super) fn user_and_password(resolver: &mut Resolver<'_>) -> Option<(Secret, Secret)> {
    let user = resolver.pick(|layer| &layer.collector.user);
    let password = resolver.pick(|layer| &layer.collector.password);
    if user.is_some() != password.is_some() {
        let layers = resolver.layers();
        let one = |layer: &'_ Layer| {
            let collector = &layer.collector;
            collector.user.made().or(collector.password.made()).cloned()
        };
        if let Some((_, origin)) = layers.into_iter().find_map(one) {
            let reason = "a user and a password belong together; set both";
            resolver.fault(ConfigError::Unsupported { origin, reason });
        }
    }
    user.zip(password)
}

/// Returns the header of these credentials, if there are any; a user wins over a token.
pub(super) fn authorization(
    user: Option<(Secret, Secret)>,
    token: Option<Secret>,
) -> Option<(String, Secret)> {
    let value = match (user, token) {
        (Some((user, password)), _) => {
            let pair = format!("{}:{}", user.expose(), password.expose());
            format!("Basic {}", base64(pair.as_bytes()))
        }
        (None, Some(token)) => format!("Bearer {}", token.expose()),
        (None, None) => return None,
    };
    Some(("authorization".into(), Secret::new(value)))
}

/// Returns the base64 form (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize % 64];
            text.push(if at <= three.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expected = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        assert_eq!(cases.map(|text| base64(text.as_bytes())), expected);
    }
}
