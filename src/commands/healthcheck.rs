//! `smsgw healthcheck`: asks /healthz, for containers, whose images have no curl.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cli::HealthcheckArgs;

/// A gateway that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(3);
/// The status line and what fits in one read is all that is looked at.
const ENOUGH: usize = 512;

/// Succeeds if the gateway is well.
pub(crate) async fn run(args: &HealthcheckArgs) -> Result<()> {
    let addresses = args.worker_listen.into_iter().chain([args.listen]).map(reachable);
    let mut refused = Vec::new();
    for address in addresses {
        match tokio::time::timeout(PATIENCE, ask(address)).await.context("no answer in time")? {
            Ok(status) if status == "200" => return Ok(()),
            Ok(status) => bail!("{address} answers {status:?}"),
            // A process with an API has that address alone, though its settings may name the other.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                refused.push(format!("cannot ask {address}: {error}"));
            }
            Err(error) => return Err(error).with_context(|| format!("cannot ask {address}")),
        }
    }
    bail!(refused.join("; "))
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(ENOUGH);
    stream.take(ENOUGH as u64).read_to_end(&mut answer).await?;
    let head = String::from_utf8_lossy(&answer);
    Ok(head.split_whitespace().nth(1).unwrap_or_default().to_owned())
}

/// Whoever listens on every address of this machine is asked on its own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
