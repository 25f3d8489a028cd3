//! `smsgw dev`: the whole gateway on one machine, with a Postgres of its own.

use anyhow::{Context, Result};
use private_postgres::{Cluster, Options};
use secrecy::{ExposeSecret, SecretString};
use shared::config::{DatabaseConfig, Environment, SecretsConfig};
use shared::db::Database;
use shared::operator::Role;
use shared::provider::catalogue::ProviderEnv;
use shared::seal::Keyring;
use shared::store::{api_keys, integrations, operator_sessions, operators};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::{DevArgs, ServeArgs};
use crate::gateway::{self, Gateway, stop_on_signal};
use crate::home::Home;
use crate::print::Printer;

/// How to see what arrived, while nothing leaves the machine.
const INBOX: &str = "
  See it arrive:

    curl -s http://ADDRESS/sandbox/inbox -H 'Authorization: Bearer KEY'
";

/// Name of the key that the printed examples use, and of the operator whom the printed link signs in.
const NAME: &str = "dev";

/// Runs until interrupted, then stops everything it started.
pub(crate) async fn run(mut args: DevArgs, printer: Printer) -> Result<()> {
    args.serve.gateway.site.environment = Environment::Development;
    let stop = stop_on_signal()?;
    let home = Home::open(&args.dir)?;
    let listener = gateway::listen(&args.serve.api).await?;
    let (url, cluster) = database(&args.serve.gateway.database, &home).await?;
    let served = serve(args.serve, &home, url.expose_secret(), listener, (stop, printer)).await;
    if let Some(cluster) = cluster {
        cluster.stop().await.context("the private Postgres did not stop")?;
    }
    served
}

/// The database given, else a private one in the folder of `dev`.
async fn database(given: &DatabaseConfig, home: &Home) -> Result<(SecretString, Option<Cluster>)> {
    if let Ok(url) = given.url() {
        home.publish_database(url.expose_secret())?;
        return Ok((url, None));
    }
    eprintln!("Starting a private Postgres …");
    let cluster = Cluster::start(Options::kept(home.postgres())).await?;
    if let Some(wanted) = cluster.moved_from() {
        eprintln!(
            "{} is out of Postgres' reach; its data is in {}",
            wanted.display(),
            cluster.dir().display()
        );
    }
    let url = cluster.url();
    home.publish_database(&url)?;
    Ok((SecretString::from(url), Some(cluster)))
}

async fn serve(
    args: ServeArgs,
    home: &Home,
    url: &str,
    listener: TcpListener,
    (stop, printer): (CancellationToken, Printer),
) -> Result<()> {
    Database::new(url).context("DATABASE_URL cannot be read")?.migrate().await.context("the schema")?;
    let keyring = keyring(&args.gateway.secrets, home)?;
    let gateway = Gateway::connect(url, keyring, args.gateway.site, Some(&listener), &stop).await?;
    let key = dev_key(&gateway, home).await?;
    let link = console_link(&gateway).await?;
    let live = is_live(&gateway, &args.sending.providers).await?;
    let worker = gateway.start_worker(&args.sending, &args.api.reach, &stop)?;
    let address = listener.local_addr()?.to_string();
    let mode = if live { "live" } else { "sandbox" };
    let url = format!("http://{address}");
    let console = format!("{url}{link}");
    let document =
        serde_json::json!({ "url": url, "key": key.expose_secret(), "mode": mode, "console": console });
    printer.show(&document, || banner(&address, key.expose_secret(), &link, live))?;
    let served = gateway.serve_api(listener, &args.api, &args.sending.providers, stop).await;
    worker.stop().await?;
    served
}

/// The keys given, else those of the folder.
fn keyring(given: &SecretsConfig, home: &Home) -> Result<Keyring> {
    if given.is_given() {
        return Ok(given.keyring()?);
    }
    Ok(Keyring::new(&home.master_key()?, &[]))
}

/// The key of the printed examples: the same at every start, also on a new database.
async fn dev_key(gateway: &Gateway, home: &Home) -> Result<SecretString> {
    let mac = gateway.keyring().api_keys();
    if let Some(key) = home.api_key() {
        let tags = mac.tags(&[key.expose_secret().as_bytes()]);
        if api_keys::find_live(gateway.pool(), &tags).await?.is_none() {
            api_keys::revoke(gateway.pool(), NAME).await?;
            api_keys::insert(gateway.pool(), mac, NAME, &[api_keys::Scope::Admin], &key).await?;
        }
        return Ok(key);
    }
    api_keys::revoke(gateway.pool(), NAME).await?;
    let key = api_keys::create(gateway.pool(), mac, NAME, &[api_keys::Scope::Admin]).await?;
    home.keep_api_key(&key)?;
    Ok(key)
}

/// Where the console signs in whoever started this, once.
async fn console_link(gateway: &Gateway) -> Result<String> {
    let (pool, name) = (gateway.pool(), NAME.parse().context("an operator's name")?);
    let operator = match operators::find(pool, &name).await? {
        Some(operator) => operator.id,
        None => operators::upsert(pool, &name, Role::SuperAdmin, None).await?,
    };
    Ok(operator_sessions::make_link(pool, gateway.keyring().operators(), operator).await?)
}

/// Whether messages reach real phones.
async fn is_live(gateway: &Gateway, providers: &ProviderEnv) -> Result<bool> {
    let rows = integrations::list(gateway.pool()).await?;
    Ok(!providers.providers()?.is_empty() || rows.iter().any(|row| row.enabled && row.kind != "sandbox"))
}

fn banner(address: &str, key: &str, link: &str, live: bool) -> String {
    let mode = if live { "LIVE: messages go to real phones" } else { "sandbox: nothing leaves this machine" };
    let inbox = if live { "" } else { INBOX };
    let banner = format!(
        "
  smsgw {version} is ready ({mode})

  API       http://ADDRESS
  Key       KEY
  Console   http://ADDRESSLINK
            (signs you in once; another: smsgw operators link dev)
  Follow    smsgw logs --follow     (cargo run -- logs --follow)

  Send a message:

    curl -s http://ADDRESS/sms/send-transactional \\
      -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' \\
      -d '{{\"to\": \"+41790000001\", \"text\": \"Hello from smsgw\"}}'
INBOX
  Ctrl-C stops everything.
",
        version = env!("CARGO_PKG_VERSION"),
    );
    banner.replace("INBOX", inbox).replace("LINK", link).replace("KEY", key).replace("ADDRESS", address)
}
