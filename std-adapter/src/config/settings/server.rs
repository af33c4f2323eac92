//! A server of Jaeger's that is asked over HTTP now and then: its address, and how often.

use std::time::Duration;

use super::layer::Layer;
use super::reporter::interval;
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::error::{ConfigError, Origin};
use crate::config::source::Entry;

/// The port of agents and of Jaeger v2 for sampling over HTTP.
const PORT: u16 = 5778;

/// Address and interval, as a layer names them.
#[derive(Clone, Debug)]
pub(crate) struct ServerLayer {
    pub(super) url: Setting<String>,
    pub(super) host: Setting<String>,
    pub(super) port: Setting<u16>,
    pub(super) path: Setting<String>,
    pub(super) refresh_interval: Setting<Duration>,
}

impl Default for ServerLayer {
    fn default() -> Self {
        Self {
            url: Setting::checked(|url| self::url(url)),
            host: Setting::checked(|host| super::agent::host(host)),
            port: Setting::checked(super::agent::port),
            path: Setting::checked(|path| self::path(path)),
            refresh_interval: Setting::checked(interval),
        }
    }
}

impl ServerLayer {
    /// Returns the origin of a setting that was made, if one was.
    pub(super) fn origin(&self) -> Option<&Origin> {
        let texts = [&self.url, &self.host, &self.path];
        let text = texts.into_iter().find_map(|it| it.made().map(|it| &it.1));
        let port = || self.port.made().map(|it| &it.1);
        let time = || self.refresh_interval.made().map(|it| &it.1);
        text.or_else(port).or_else(time)
    }
}

/// A server that settings ask for: its address, the switch, and a setting of its own that asks for it
/// too.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceLayer {
    pub(super) enabled: Setting<bool>,
    pub(super) option: Setting<bool>,
    pub(super) server: ServerLayer,
}

impl ServiceLayer {
    /// Returns the origin of a setting that asks for the server.
    fn origin(&self) -> Option<&Origin> {
        let on = [&self.enabled, &self.option].into_iter();
        let on = on.filter_map(Setting::made).find(|(on, _)| *on);
        on.map(|(_, origin)| origin)
            .or_else(|| self.server.origin())
    }
}

/// Returns the origin of the strongest setting that asks for a server, unless a stronger one turns
/// it off.
pub(super) fn asked_by<'a>(
    resolver: &mut Resolver<'a>,
    of: fn(&Layer) -> &ServiceLayer,
) -> Option<&'a Origin> {
    let is_off = resolver.pick(|layer| &of(layer).enabled) == Some(false);
    let mut layers = resolver.layers().into_iter();
    layers
        .find_map(|layer| of(layer).origin())
        .filter(|_| !is_off)
}

/// Resolves the URL of a server, which is on the agent's host unless one is named.
pub(super) fn resolve_url(
    resolver: &mut Resolver<'_>,
    of: fn(&Layer) -> &ServerLayer,
    agent_host: &str,
) -> String {
    let host = resolver.pick_or(|layer| &of(layer).host, agent_host.into());
    let port = resolver.pick_or(|layer| &of(layer).port, PORT);
    let url = resolver.pick(|layer| &of(layer).url);
    let path = resolver.pick(|layer| &of(layer).path);
    let url = url.unwrap_or_else(|| match host.contains(':') {
        true => format!("http://[{host}]:{port}"),
        false => format!("http://{host}:{port}"),
    });
    let has_path = url.split('/').nth(3).is_some();
    match path.filter(|_| !has_path) {
        Some(path) => format!("{url}/{}", path.trim_start_matches('/')),
        None => url,
    }
}

/// Reports what keeps a server from being asked: HTTP is left out, or no thread is allowed.
pub(super) fn check_pollable(
    resolver: &mut Resolver<'_>,
    origin: Option<&Origin>,
    background: bool,
    (no_http, no_thread): (&'static str, &'static str),
) {
    let Some(origin) = origin else { return };
    if !cfg!(feature = "http") {
        resolver.fault(ConfigError::Unsupported {
            origin: origin.clone(),
            reason: no_http,
        });
    }
    if !background {
        resolver.fault(ConfigError::Unsupported {
            origin: Origin::Code {
                method: "background",
            },
            reason: no_thread,
        });
    }
}

/// Reads a URL, or `host:port`.
pub(super) fn read_url(entry: &Entry<'_>) -> Result<String, ConfigError> {
    Ok(with_scheme(&entry.text()?))
}

/// Returns the URL of this text, which may lack a scheme.
pub(super) fn with_scheme(url: &str) -> String {
    match url.contains("://") {
        true => url.into(),
        false => format!("http://{url}"),
    }
}

fn url(url: &str) -> Result<(), Violation> {
    const ACCEPTED: &str = "http://host:port/path, without user and password";
    require(
        !url.contains(['$', '(', '{']),
        "a placeholder that nothing filled in",
        ACCEPTED,
    )?;
    require(
        cfg!(feature = "tls") || !url.starts_with("https://"),
        "https",
        "the feature `tls` of picojaeger-std, or http://",
    )?;
    let rest = ["http://", "https://"].map(|scheme| url.strip_prefix(scheme));
    let rest = rest.into_iter().flatten().next().unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok()),
        _ => (authority, Some(PORT)),
    };
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_host = super::agent::host(inner.unwrap_or(host)).is_ok();
    let is_bare = inner.is_some() || !host.contains(':');
    let is_plain = !url.contains(['#', '\\']) && url.chars().all(|c| c.is_ascii_graphic());
    let has_port = port.is_some_and(|port| port != 0);
    let fits = is_host && is_bare && is_plain && has_port;
    require(fits, "not the URL of a sampling server", ACCEPTED)
}

fn path(path: &str) -> Result<(), Violation> {
    let fits = path.chars().all(|c| c.is_ascii_graphic() && c != '#');
    require(fits, "not a path", "a path such as /sampling")
}
