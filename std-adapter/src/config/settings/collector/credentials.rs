//! User, password and token, and the header that they make.

use std::fmt::Debug;

use super::endpoint::Secret;
use crate::config::error::ConfigError;
use crate::config::settings::layer::Layer;
use crate::config::settings::resolver::Resolver;
use crate::config::settings::setting::Setting;
use crate::sys::base64::base64;

/// Returns user and password; one without the other is a fault.
pub(super) fn user_and_password(resolver: &mut Resolver<'_>) -> Option<(Secret, Secret)> {
    let reason = "a user and a password belong together; set both";
    both(
        resolver,
        |layer| &layer.collector.user,
        |layer| &layer.collector.password,
        reason,
    )
}

/// Returns two settings that belong together; one without the other is a fault.
pub(super) fn both<'a, T: Clone + Debug + 'a>(
    resolver: &mut Resolver<'a>,
    one: fn(&Layer) -> &Setting<T>,
    other: fn(&Layer) -> &Setting<T>,
    reason: &'static str,
) -> Option<(T, T)> {
    let pair = (resolver.pick(one), resolver.pick(other));
    if let (Some(_), None) | (None, Some(_)) = pair
        && !resolver.is_refused(one)
        && !resolver.is_refused(other)
    {
        let made = |layer: &Layer| {
            let made = one(layer).made().or(other(layer).made());
            made.map(|(_, origin)| origin.clone())
        };
        if let Some(origin) = resolver.layers().into_iter().find_map(made) {
            resolver.fault(ConfigError::Unsupported { origin, reason });
        }
    }
    pair.0.zip(pair.1)
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
