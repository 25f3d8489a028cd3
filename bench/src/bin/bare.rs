//! The practical limit: a program that does only what must be done. It accepts a text over HTTP, commits
//! it in a group, claims it, calls one provider with the gateway's HTTP client, and writes the result in a
//! group. No lanes, no consent, no fallback, no doubt, no keys: only the path.
//!
//! `bare <address> <postgres url> <vendor url>`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bench::stage::{ACCOUNT, TOKEN};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use shared::provider::http::{self, Client, Content};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUP: usize = 500;
const SLOTS: usize = 128;
const PLANNER: &str = "set enable_seqscan = off; set enable_bitmapscan = off; set jit = off; \
                       set enable_hashjoin = off; set enable_mergejoin = off; set plan_cache_mode = force_generic_plan";

#[derive(Deserialize)]
struct Wanted {
    to: String,
    text: String,
}

struct Row {
    id: Uuid,
    to: String,
    text: String,
    stored: oneshot::Sender<()>,
}

struct Done {
    id: Uuid,
    reference: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, url, vendor] = arguments.as_slice() else { anyhow::bail!("bare <address> <url> <vendor>") };
    let mut db = PgConnection::connect(url).await?;
    sqlx::raw_sql(
        "create table if not exists bare_outbox (seq bigint generated always as identity, id uuid primary key, \"to\" text not null,
                                   text text not null, claimed boolean not null default false);
         create index if not exists bare_claim on bare_outbox (seq) where not claimed;
         create table if not exists bare_log (id uuid primary key, \"to\" text not null, text text not null, reference text not null,
                                created_at timestamptz not null default clock_timestamp());
         grant select on bare_log to public",
    )
    .execute(&mut db)
    .await?;
    let wake = Arc::new(Notify::new());
    let (rows, queue) = mpsc::channel(4096);
    let queue = Arc::new(tokio::sync::Mutex::new(queue));
    for _ in 0..2 {
        tokio::spawn(store(connect(url).await?, queue.clone(), wake.clone()));
    }
    let (done, finished) = mpsc::channel(4096);
    tokio::spawn(finish(connect(url).await?, finished));
    let (url, vendor) = (url.clone(), vendor.clone());
    let sending = connect(&url).await?;
    // As the gateway does: sending has a thread of its own.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(send(sending, vendor, wake, done)).expect("sending goes on");
    });
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let rows = rows.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| accept(request, rows.clone()));
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        });
    }
}

async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    let mut db = PgConnection::connect(url).await?;
    sqlx::raw_sql(PLANNER).execute(&mut db).await?;
    Ok(db)
}

async fn accept(
    request: Request<Incoming>,
    rows: mpsc::Sender<Row>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = async {
        let body = request.into_body().collect().await?.to_bytes();
        let Wanted { to, text } = serde_json::from_slice(&body)?;
        let (id, (stored, answered)) = (Uuid::now_v7(), oneshot::channel());
        rows.send(Row { id, to, text, stored }).await?;
        answered.await?;
        anyhow::Ok(format!(r#"{{"message_id":"{id}","status":"queued"}}"#))
    };
    let mut response = Response::default();
    match answer.await {
        Ok(body) => {
            *response.status_mut() = hyper::StatusCode::ACCEPTED;
            *response.body_mut() = Full::from(body);
        }
        Err(_) => *response.status_mut() = hyper::StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

/// Groups what waits into one insert and one commit.
async fn store(
    mut db: PgConnection,
    queue: Arc<tokio::sync::Mutex<mpsc::Receiver<Row>>>,
    wake: Arc<Notify>,
) -> anyhow::Result<()> {
    let mut group = Vec::new();
    loop {
        let mut waiting = queue.lock().await;
        if waiting.recv_many(&mut group, GROUP).await == 0 {
            return Ok(());
        }
        drop(waiting);
        let ids: Vec<Uuid> = group.iter().map(|row| row.id).collect();
        let to: Vec<&str> = group.iter().map(|row| row.to.as_str()).collect();
        let texts: Vec<&str> = group.iter().map(|row| row.text.as_str()).collect();
        sqlx::query("insert into bare_outbox (id, \"to\", text) select * from unnest($1::uuid[], $2::text[], $3::text[])")
            .bind(ids)
            .bind(to)
            .bind(texts)
            .execute(&mut db)
            .await?;
        wake.notify_one();
        for row in group.drain(..) {
            let _ = row.stored.send(());
        }
    }
}

/// Claims what is stored and sends it.
async fn send(
    mut db: PgConnection,
    vendor: String,
    wake: Arc<Notify>,
    done: mpsc::Sender<Done>,
) -> anyhow::Result<()> {
    let client = http::client()?;
    let url: Uri = format!("{vendor}/2010-04-01/Accounts/{ACCOUNT}/Messages.json").parse()?;
    let slots = Arc::new(Semaphore::new(SLOTS));
    let mut after = 0_i64;
    loop {
        let first = slots.clone().acquire_owned().await?;
        if slots.available_permits() < 31 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let free = i64::try_from(slots.available_permits())? + 1;
        drop(first);
        let claimed: Vec<(i64, Uuid, String, String)> = sqlx::query_as(
            "with due as (select id from bare_outbox where not claimed and seq > $1 order by seq limit $2
                          for update skip locked)
             update bare_outbox o set claimed = true from due where o.id = due.id
             returning o.seq, o.id, o.\"to\", o.text",
        )
        .bind(after)
        .bind(free)
        .fetch_all(&mut db)
        .await?;
        if claimed.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(25), wake.notified()).await;
            continue;
        }
        // Two flushers commit in any order; a little is looked through again.
        after = claimed.iter().map(|row| row.0).max().unwrap_or(after).max(after + 2000) - 2000;
        for (_, id, to, text) in claimed {
            let (slot, client, url, done) =
                (slots.clone().acquire_owned().await?, client.clone(), url.clone(), done.clone());
            tokio::spawn(async move {
                let call = call(&client, url, &to, &text);
                let reference = tokio::time::timeout(Duration::from_secs(15), call).await??;
                drop(slot);
                done.send(Done { id, reference }).await?;
                anyhow::Ok(())
            });
        }
    }
}

/// Makes one call as Twilio documents it, and gives the id that the vendor answers.
async fn call(client: &Client, url: Uri, to: &str, text: &str) -> anyhow::Result<String> {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("To", to), ("From", "+15005550006"), ("Body", text)])
        .finish();
    let mut request = http::request(Method::POST, url, Content::Form(form));
    let login = http::basic_auth(ACCOUNT, TOKEN);
    request.headers_mut().insert(AUTHORIZATION, login);
    let answer = client.request(request).await?.into_body().collect().await?.to_bytes();
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    Ok(answer["sid"].as_str().context("a sid")?.to_owned())
}

/// Groups results into one write.
async fn finish(mut db: PgConnection, mut results: mpsc::Receiver<Done>) -> anyhow::Result<()> {
    let mut group = Vec::new();
    loop {
        if results.recv_many(&mut group, GROUP).await == 0 {
            return Ok(());
        }
        if group.len() < 32 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            while let Ok(more) = results.try_recv() {
                group.push(more);
            }
        }
        let (ids, references): (Vec<Uuid>, Vec<String>) =
            group.drain(..).map(|one: Done| (one.id, one.reference)).unzip();
        sqlx::query(
            "with input as (select * from unnest($1::uuid[], $2::text[]) as i (id, reference)),
             gone as (delete from bare_outbox o using input i where o.id = i.id
                      returning o.id, o.\"to\", o.text, i.reference)
             insert into bare_log (id, \"to\", text, reference) select * from gone",
        )
        .bind(ids)
        .bind(references)
        .execute(&mut db)
        .await?;
    }
}
