//! The load: requests over connections that are kept open, one at a time on each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;

/// Longest time of a round.
const LIMIT: Duration = Duration::from_secs(300);

type Sender = SendRequest<Empty<Bytes>>;

/// Makes `requests` requests over `connections` connections, and returns the time that they took.
pub(crate) fn drive(address: SocketAddr, requests: u64, connections: u64) -> Result<Duration> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let all = drive_all(address, requests, connections);
    runtime.block_on(async { tokio::time::timeout(LIMIT, all).await })?
}

async fn drive_all(address: SocketAddr, requests: u64, connections: u64) -> Result<Duration> {
    let mut senders = Vec::new();
    for _ in 0..connections {
        senders.push(connect(address).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, sender) in (0..).zip(senders) {
        let ids = (number..requests).step_by(usize::try_from(connections)?);
        tasks.spawn(drive_one(sender, ids));
    }
    while let Some(end) = tasks.join_next().await {
        end?.map_err(|error| format!("a request failed: {error}"))?;
    }
    Ok(start.elapsed())
}

async fn connect(address: SocketAddr) -> Result<Sender> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn drive_one(
    mut sender: Sender,
    ids: impl Iterator<Item = u64>,
) -> std::result::Result<(), String> {
    for id in ids {
        ask(&mut sender, id)
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Makes a request; each second one has a parent.
async fn ask(sender: &mut Sender, id: u64) -> Result<()> {
    let mut request = Request::get(format!("/orders/{id}")).header("host", "shop");
    if id % 2 == 1 {
        request = request.header("traceparent", traceparent(id));
    }
    let response = sender.send_request(request.body(Empty::new())?).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("status {}", response.status()).into());
    }
    let body = response.into_body().collect().await?.to_bytes();
    let expected = format!("{{\"id\":{id},\"in_stock\":{}}}", id % 7);
    match *body == *expected.as_bytes() {
        true => Ok(()),
        false => Err(format!("the answer is not {expected}").into()),
    }
}

/// Returns the header of a caller that samples.
fn traceparent(id: u64) -> String {
    let (trace, span) = caller(id);
    format!("00-{trace:032x}-{span:016x}-01")
}

/// Returns the ids of trace and span of a request's caller.
pub(crate) fn caller(id: u64) -> (u128, u64) {
    ((1 << 127) | u128::from(id), (1 << 63) | id)
}
