//! The API's address: free, or taken by us.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;

use super::{Finding, Patient};
use crate::call::client;

const CHECK: &str = "port";
const PATIENCE: Duration = Duration::from_secs(3);

/// Tries to take the address.
pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    let address = patient.args.api.listen;
    let finding = match TcpListener::bind(address).await {
        Ok(_) => Finding::ok(CHECK, format!("{address} is free; no gateway runs there")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if is_smsgw(&format!("http://{address}/healthz")).await {
                Finding::ok(CHECK, format!("smsgw answers on {address}"))
            } else {
                let cure = "stop the other program, or set SMSGW_LISTEN to another address";
                Finding::fail(CHECK, format!("{address} is taken by another program"), cure)
            }
        }
        Err(error) => {
            let cure = "set SMSGW_LISTEN to an address of this machine and a port above 1023";
            Finding::fail(CHECK, format!("{address} cannot be listened on: {error}"), cure)
        }
    };
    vec![finding]
}

/// Whether what answers there does so as our own health check.
async fn is_smsgw(url: &str) -> bool {
    let Ok(client) = client() else { return false };
    let Ok(answer) = client.get(url).timeout(PATIENCE).send().await else { return false };
    let ours = answer.headers().contains_key("x-request-id");
    let health: Value = answer.json().await.unwrap_or_default();
    ours && health["status"] == "ok"
}
