//! Turns the described load into spans and sends them. The one file that knows how.
//!
//! It writes the bytes of the protocol by hand (`compact`), apart from the tracer: so the harness itself is known
//! to be right before it judges one.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::compact;
use crate::load::{Load, Sent};
use crate::model::{Ids, Tag, Value};

/// Bytes of spans after which a packet goes out.
const PACKET: usize = 30_000;

/// Sends the load to the agent.
///
/// Not more than one packet is under way: `arrived` is called with a span of each packet and returns when that
/// span stands in Jaeger, since a fast load over loopback overflows the socket before it overflows a tracer.
pub fn send(
    load: &Load,
    agent: SocketAddr,
    mut arrived: impl FnMut(Ids) -> Result<(), String>,
) -> Result<Sent, String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let sent = sent(load);
    let asked = load.asked(&sent);
    for service in 0..load.services.len() {
        let mut packet = Vec::new();
        let mut bytes = 0;
        let own: Vec<_> = (0..asked.len())
            .filter(|&i| load.spans[i].service == service)
            .collect();
        for (nth, &index) in own.iter().enumerate() {
            // The parent goes out as `parentSpanId`, other references and every FOLLOWS_FROM in the list.
            let parent = load.spans[index].parent().map_or(0, |to| sent.ids[to].span);
            let span = compact::span(&asked[index], parent);
            bytes += span.len();
            packet.push(span);
            if bytes >= PACKET || nth + 1 == own.len() {
                let datagram = compact::emit_batch(&asked[index].process, &packet);
                socket
                    .send_to(&datagram, agent)
                    .map_err(|error| error.to_string())?;
                arrived(asked[index].ids)?;
                packet.clear();
                bytes = 0;
            }
        }
    }
    Ok(sent)
}

/// Ids and tags as a tracer adds them, from fixed seeds.
fn sent(load: &Load) -> Sent {
    let mut ids: Vec<Ids> = Vec::with_capacity(load.spans.len());
    for (index, span) in load.spans.iter().enumerate() {
        let random = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let high =
            u128::from(load.services[span.service].wide_ids) * u128::from(random.rotate_left(32));
        let trace = span
            .parent()
            .map_or(high << 64 | u128::from(random), |to| ids[to].trace);
        ids.push(Ids {
            trace,
            span: random,
        });
    }
    let process_tags = vec![
        Tag::new("jaeger.version", "Rust-0.0.0"),
        Tag::new("hostname", "localhost"),
        Tag::new("ip", "127.0.0.1"),
        Tag::new("client-uuid", "5c1b7e0a"),
    ];
    Sent {
        ids,
        process_tags: vec![process_tags; load.services.len()],
        root_tags: vec![
            Tag::new("sampler.type", "const"),
            Tag::new("sampler.param", Value::Bool(true)),
        ],
    }
}
