//! The agent that the spans are sent to: its address, and the packets to it.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::layer::{Layer, Names};
use super::reporter::interval;
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::error::ConfigError;
use crate::config::source::Entry;
use crate::config::{Config, ConfigWarning, IpVersion};

const HOST: &str = "localhost";
const PORT: u16 = 6831;
/// The port at which agents read Thrift binary.
const BINARY_PORT: u16 = 6832;
const MAX_PACKET_SIZE: usize = 65_000;
const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);

pub(super) const SERVICE_LINK: &str = "ignored, since Kubernetes sets it beside a service of this name (service \
                            links); set a port, or enableServiceLinks: false in the pod";

/// The protocol of packets to the agent.
///
/// ```
/// use picojaeger_std::config::{AgentProtocol, Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).agent_port(6832);
/// assert_eq!(config.resolve()?.agent.protocol, AgentProtocol::Binary);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AgentProtocol {
    /// Thrift compact, as agents read it at port 6831.
    #[default]
    Compact,
    /// Thrift binary, as agents read it at port 6832; its packets are up to twice as long.
    Binary,
}

/// The agent that the spans are sent to, over UDP.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).agent_host("10.0.0.7");
/// let agent = config.resolve()?.agent;
/// assert_eq!((agent.host.as_str(), agent.port), ("10.0.0.7", 6831));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentSettings {
    /// Whether spans are sent to the agent; without it only the reporters get them. Default: yes.
    pub enabled: bool,
    /// Name or address of the agent, without brackets; not looked up yet. Default: `localhost`.
    pub host: String,
    /// UDP port at which the agent reads this protocol, not 0. Default: 6831, or 6832 for binary.
    pub port: u16,
    /// The protocol of packets. Default: binary if the port is 6832, else compact.
    pub protocol: AgentProtocol,
    /// The addresses of the agent's name that are used. Default: any.
    pub ip_version: IpVersion,
    /// Largest UDP payload in bytes, 512 to 65,000. Default: 65,000.
    pub max_packet_size: usize,
    /// The agent's name is looked up again at the first send after this time, 1 ms to 1 day;
    /// `None`: never. Default: 30 s.
    pub resolve_interval: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct AgentLayer {
    pub(super) enabled: Setting<bool>,
    pub(super) host: Setting<String>,
    pub(super) port: Setting<u16>,
    protocol: Setting<AgentProtocol>,
    ip_version: Setting<IpVersion>,
    max_packet_size: Setting<usize>,
    resolve_once: Setting<bool>,
    resolve_interval: Setting<Duration>,
}

impl Default for AgentLayer {
    fn default() -> Self {
        Self {
            enabled: Setting::default(),
            host: Setting::checked(|host| self::host(host)),
            port: Setting::checked(port),
            protocol: Setting::default(),
            ip_version: Setting::default(),
            max_packet_size: Setting::checked(max_packet_size),
            resolve_once: Setting::default(),
            resolve_interval: Setting::checked(interval),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (
            &[
                "agent_host",
                "reporter.agent_host",
                "local_agent.reporting_host",
                "reporter.agentHost",
            ],
            |layer, entry| layer.agent.host.read(entry, read_host),
        ),
        (
            &[
                "agent_port",
                "reporter.agent_port",
                "local_agent.reporting_port",
                "reporter.agentPort",
            ],
            |layer, entry| layer.agent.port.read(entry, read_port),
        ),
        (
            &["agent_protocol", "reporter.agent_protocol"],
            |layer, entry| layer.agent.protocol.read(entry, protocol),
        ),
        (&["reporter.localAgentHostPort"], |layer, entry| {
            let (host, port) = read_host_port(entry)?;
            if let Some(host) = host {
                layer.agent.host.set(entry, host)?;
            }
            layer.agent.port.set(entry, port)
        }),
        (
            &[
                "agent_socket_type",
                "reporter.agent_socket_type",
                "reporter.agentSocketType",
            ],
            |layer, entry| layer.agent.ip_version.read(entry, ip_version),
        ),
        (
            &["max_packet_size", "reporter.max_packet_size"],
            |layer, entry| layer.agent.max_packet_size.read(entry, Entry::bytes),
        ),
        (&["reporter.disableAttemptReconnecting"], |layer, entry| {
            layer.agent.resolve_once.read(entry, Entry::boolean)
        }),
        (&["resolve_interval"], |layer, entry| {
            layer.agent.resolve_interval.read(entry, Entry::duration)
        }),
        (
            &[
                "reporter.attemptReconnectInterval",
                "reporter.attemptreconnectinterval",
            ],
            |layer, entry| {
                let setting = &mut layer.agent.resolve_interval;
                setting.read_or_default(entry, Entry::duration)
            },
        ),
    ],
    variables: &[
        ("JAEGER_AGENT_HOST", |layer, entry| {
            layer.agent.host.read(entry, read_host)
        }),
        ("JAEGER_AGENT_PORT", port_variable),
        ("JAEGER_REPORTER_AGENT_HOST", |layer, entry| {
            layer.warn(entry, "an old name; use JAEGER_AGENT_HOST");
            layer.agent.host.read(entry, read_host)
        }),
        ("JAEGER_REPORTER_AGENT_PORT", |layer, entry| {
            layer.warn(entry, "an old name; use JAEGER_AGENT_PORT");
            port_variable(layer, entry)
        }),
        ("JAEGER_AGENT_SOCKET_TYPE", |layer, entry| {
            layer.agent.ip_version.read(entry, ip_version)
        }),
        (
            "JAEGER_REPORTER_ATTEMPT_RECONNECTING_DISABLED",
            |layer, entry| layer.agent.resolve_once.read(entry, Entry::boolean),
        ),
        (
            "JAEGER_REPORTER_ATTEMPT_RECONNECT_INTERVAL",
            |layer, entry| {
                let setting = &mut layer.agent.resolve_interval;
                setting.read_or_default(entry, Entry::duration)
            },
        ),
    ],
};

impl AgentSettings {
    /// Returns host and port, as one writes them.
    pub(super) fn address(&self) -> String {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }

    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Self {
        let port = resolver.pick(|layer| &layer.agent.port);
        let protocol = resolver.pick(|layer| &layer.agent.protocol);
        let protocol = protocol.unwrap_or(match port {
            Some(BINARY_PORT) => AgentProtocol::Binary,
            _ => AgentProtocol::Compact,
        });
        Self {
            protocol,
            port: port.unwrap_or(protocol.port()),
            host: resolver.pick_or(|layer| &layer.agent.host, HOST.into()),
            max_packet_size: resolver
                .pick_or(|layer| &layer.agent.max_packet_size, MAX_PACKET_SIZE),
            ip_version: resolver.pick_or(|layer| &layer.agent.ip_version, IpVersion::default()),
            enabled: resolver.pick_or(|layer| &layer.agent.enabled, true),
            resolve_interval: resolve_interval(resolver),
        }
    }
}

fn resolve_interval(resolver: &mut Resolver<'_>) -> Option<Duration> {
    let once = resolver.pick(|layer| &layer.agent.resolve_once);
    let interval = resolver.pick(|layer| &layer.agent.resolve_interval);
    match once {
        Some(true) => None,
        _ => Some(interval.unwrap_or(RESOLVE_INTERVAL)),
    }
}

/// The warning of a port at which agents read the other protocol than the one that is named.
pub(super) fn port_warning(config: &Config) -> Option<ConfigWarning> {
    let layers = Resolver::new(config).layers();
    let (port, origin) = layers.iter().find_map(|layer| layer.agent.port.made())?;
    let (protocol, _) = layers
        .iter()
        .find_map(|layer| layer.agent.protocol.made())?;
    let message = match (*protocol, *port) {
        (AgentProtocol::Compact, BINARY_PORT) => {
            "agents read Thrift binary at port 6832; use 6831, or the protocol binary"
        }
        (AgentProtocol::Binary, PORT) => {
            "agents read Thrift compact at port 6831; use 6832, or the protocol compact"
        }
        _ => return None,
    };
    Some(ConfigWarning::new(origin.clone(), message))
}

impl AgentProtocol {
    /// Returns the port at which agents read it.
    const fn port(self) -> u16 {
        match self {
            AgentProtocol::Compact => PORT,
            AgentProtocol::Binary => BINARY_PORT,
        }
    }
}

/// The agent. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// Sets whether spans are sent to the agent, as they are by default. Without it only the
    /// [reporters](crate::TracerBuilder::reporter) get them.
    #[must_use]
    pub fn agent(mut self, agent: bool) -> Self {
        self.code.agent.enabled.put("agent", agent);
        self
    }

    /// Sets name or address of the agent.
    #[must_use]
    pub fn agent_host(mut self, host: impl Into<String>) -> Self {
        self.code.agent.host.put("agent_host", host.into());
        self
    }

    /// Sets the agent's UDP port; at 6832 it gets Thrift binary, unless a protocol is set.
    #[must_use]
    pub fn agent_port(mut self, port: u16) -> Self {
        self.code.agent.port.put("agent_port", port);
        self
    }

    /// Sets the protocol of packets to the agent, and with it the port that is the default.
    #[must_use]
    pub fn agent_protocol(mut self, protocol: AgentProtocol) -> Self {
        self.code.agent.protocol.put("agent_protocol", protocol);
        self
    }

    /// Sets the addresses of the agent's name that are used.
    #[must_use]
    pub fn ip_version(mut self, version: IpVersion) -> Self {
        self.code.agent.ip_version.put("ip_version", version);
        self
    }

    /// Sets the largest UDP payload in bytes, 512 to 65,000.
    #[must_use]
    pub fn max_packet_size(mut self, bytes: usize) -> Self {
        let setting = &mut self.code.agent.max_packet_size;
        setting.put("max_packet_size", bytes);
        self
    }

    /// Sets how long a look-up of the agent's name holds, 1 ms to 1 day; `None`: for ever.
    #[must_use]
    pub fn resolve_interval(mut self, interval: Option<Duration>) -> Self {
        let method = "resolve_interval";
        let agent = &mut self.code.agent;
        agent.resolve_once.put(method, interval.is_none());
        if let Some(interval) = interval {
            agent.resolve_interval.put(method, interval);
        }
        self
    }
}

/// Reads a host; brackets around an IPv6 address are taken off.
pub(super) fn read_host(entry: &Entry<'_>) -> Result<String, ConfigError> {
    Ok(without_brackets(&entry.text()?).into())
}

pub(super) fn read_port(entry: &Entry<'_>) -> Result<u16, ConfigError> {
    entry
        .as_integer()
        .ok_or_else(|| entry.wrong("not a port", "1 to 65535"))
}

/// Reads a port, and ignores the address that Kubernetes puts there beside a service of this name.
fn port_variable(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    if entry.is_service_link() {
        layer.warn(entry, SERVICE_LINK);
        return Ok(());
    }
    layer.agent.port.read(entry, read_port)
}

/// Reads `host:port`, an IPv6 address in brackets; without a host it is the default.
fn read_host_port(entry: &Entry<'_>) -> Result<(Option<String>, u16), ConfigError> {
    let wrong = || entry.wrong("not an address", "host:port or [address]:port");
    let text = entry.text()?;
    let (name, number) = text.rsplit_once(':').ok_or_else(wrong)?;
    let number: u16 = number.parse().map_err(|_| wrong())?;
    port(&number).map_err(|_| wrong())?;
    if name.is_empty() {
        return Ok((None, number));
    }
    let inner = without_brackets(name);
    if inner.contains(':') && inner.len() == name.len() {
        return Err(wrong());
    }
    host(inner).map_err(|violation| entry.invalid(violation))?;
    Ok((Some(inner.into()), number))
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host)
}

fn protocol(entry: &Entry<'_>) -> Result<AgentProtocol, ConfigError> {
    let choices = [
        ("compact", AgentProtocol::Compact),
        ("binary", AgentProtocol::Binary),
    ];
    entry.choice(&choices, "compact or binary")
}

fn ip_version(entry: &Entry<'_>) -> Result<IpVersion, ConfigError> {
    let choices = [("udp4", IpVersion::V4), ("udp6", IpVersion::V6)];
    entry.choice(&choices, "udp4 or udp6, or leave it out for either")
}

/// A name or an address. A name is looked up when the first packet is sent, so that a tracer
/// starts before its agent does.
pub(super) fn host(host: &str) -> Result<(), Violation> {
    require(
        !host.contains(['$', '(', '{']),
        "a placeholder that nothing filled in",
        "a name or an IP address",
    )?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/[]@".contains(c);
    let address = host.split('%').next().unwrap_or_default();
    let colons = !host.contains(':') || address.parse::<Ipv6Addr>().is_ok();
    require(
        !host.is_empty() && host.len() <= 253 && !host.contains(odd) && colons,
        "not a host",
        "a name or an IP address, without scheme and port",
    )
}

pub(super) fn port(port: &u16) -> Result<(), Violation> {
    require(*port != 0, "not a port", "1 to 65535")
}

fn max_packet_size(size: &usize) -> Result<(), Violation> {
    let fits = (512..=65_000).contains(size);
    require(fits, "out of range", "512 to 65000 bytes")
}
