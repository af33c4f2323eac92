//! The tags that every batch carries about its process.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process;

use picojaeger_core::Value;

use crate::config::{TagValue, set_tag};
use crate::sys::net::connected_udp;

/// Returns the process tags: `jaeger.version`, `hostname`, `ip`, `client-uuid`,
/// `service.instance.id`, `process.pid`, then the user's.
///
/// A user's tag replaces the one with its key, so each key occurs once. `host.name` is another name
/// of `hostname`, into which Jaeger turns it, and the instance is the client. An unknown host name
/// is left out.
///
/// Reads a file and looks up a route; sends nothing.
pub(crate) fn process_tags(user: &[(String, TagValue)], uuid: u64) -> Vec<(String, TagValue)> {
    let given = |key: &str| user.iter().rev().find(|(known, _)| known == key);
    let version = concat!("Rust-", env!("CARGO_PKG_VERSION"));
    let uuid = format!("{uuid:016x}");
    let instance = given("client-uuid").map_or(uuid.as_str().into(), |(_, value)| value.clone());
    let host = hostname().filter(|_| given("host.name").is_none());
    let own = [
        ("jaeger.version", Some(version.into())),
        ("hostname", host.map(TagValue::from)),
        ("ip", Some(local_address().to_string().into())),
        ("client-uuid", Some(uuid.as_str().into())),
        ("service.instance.id", Some(instance)),
        ("process.pid", Some(i64::from(process::id()).into())),
    ];
    let own = own
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let mut tags: Vec<_> = own.collect();
    for (key, value) in user {
        set_tag(&mut tags, key, value);
    }
    tags
}

/// Calls `f` with views of the tags; up to 32 need no allocation.
pub(super) fn with_views<R>(
    tags: &[(String, TagValue)],
    f: impl FnOnce(&[(&str, Value<'_>)]) -> R,
) -> R {
    let mut views = tags
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_value()));
    // On the stack, since a pass allocates nothing; more tags are rare.
    let mut few = [("", Value::Bool(false)); 32];
    match few.get_mut(..tags.len()) {
        Some(few) => {
            few.iter_mut()
                .zip(&mut views)
                .for_each(|(to, tag)| *to = tag);
            f(few)
        }
        None => f(&views.collect::<Vec<_>>()),
    }
}

/// Returns the host's name, from the kernel, a file or the environment.
fn hostname() -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let variables = ["HOSTNAME", "COMPUTERNAME"];
    let from_files = files.into_iter().filter_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        text.lines().next().map(str::to_owned)
    });
    let from_environment = variables
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    from_files
        .chain(from_environment)
        .map(|name| name.trim().to_owned())
        .find(|name| !name.is_empty())
}

/// Returns the machine's address towards the network; the loopback address if it has no route.
fn local_address() -> IpAddr {
    // Documentation addresses (RFC 5737, RFC 3849): routed like public ones, assigned to no host.
    let v4 = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    let v6 = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    let source = |to: &IpAddr| source_of_route(*to).filter(|from| !from.is_unspecified());
    [v4, v6]
        .iter()
        .find_map(source)
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// Returns the source address of a packet to `peer`, without sending one: connecting a UDP socket
/// only selects a route.
fn source_of_route(peer: IpAddr) -> Option<IpAddr> {
    // Miri has no UDP sockets.
    if cfg!(miri) {
        return None;
    }
    let socket = connected_udp((peer, 9).into()).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tags: &[(String, TagValue)], key: &str) -> String {
        match tags.iter().find(|(known, _)| known == key) {
            Some((_, TagValue::String(text))) => text.clone(),
            other => panic!("{key}: {other:?}"),
        }
    }

    #[test]
    fn the_process_is_identified() {
        let tags = process_tags(&[], 0xab);
        let version = format!("Rust-{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(text(&tags, "jaeger.version"), version);
        assert_eq!(text(&tags, "client-uuid"), "00000000000000ab");
        assert_eq!(text(&tags, "service.instance.id"), "00000000000000ab");
        let pid = TagValue::Long(process::id().into());
        assert!(tags.contains(&("process.pid".to_owned(), pid)));
        let address: IpAddr = text(&tags, "ip").parse().unwrap();
        assert!(!address.is_unspecified());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_host_name_is_the_kernels() {
        let kernel = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(text(&process_tags(&[], 0), "hostname"), kernel.trim());
    }

    #[test]
    fn the_users_tags_win_and_each_key_occurs_once() {
        let user = [
            ("zone".to_owned(), TagValue::from("blue")),
            ("ip".to_owned(), TagValue::from("10.1.2.3")),
            ("hostname".to_owned(), TagValue::from(7)),
            ("zone".to_owned(), TagValue::from("green")),
        ];
        let tags = process_tags(&user, 0);
        let keys: Vec<_> = tags.iter().map(|(key, _)| key.as_str()).collect();
        let mut once = keys.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), keys.len(), "{keys:?}");
        assert_eq!(text(&tags, "ip"), "10.1.2.3");
        assert_eq!(text(&tags, "zone"), "green");
        assert!(tags.contains(&("hostname".to_owned(), TagValue::from(7))));
    }

    #[test]
    fn the_users_host_and_instance_win_under_either_name() {
        let user = [("host.name", "h"), ("client-uuid", "c")];
        let user = user.map(|(key, value)| (key.to_owned(), TagValue::from(value)));
        let tags = process_tags(&user, 7);
        assert!(tags.iter().all(|(key, _)| key != "hostname"), "{tags:?}");
        assert_eq!(text(&tags, "host.name"), "h");
        assert_eq!(text(&tags, "service.instance.id"), "c");
        let instance = [("service.instance.id".to_owned(), TagValue::from("i"))];
        let tags = process_tags(&instance, 7);
        assert_eq!(text(&tags, "service.instance.id"), "i");
        assert_eq!(text(&tags, "client-uuid"), "0000000000000007");
    }

    #[test]
    fn the_route_to_loopback_starts_at_loopback() {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert_eq!(source_of_route(loopback), Some(loopback));
    }
}
