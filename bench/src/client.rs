//! A client that costs little: requests are prepared bytes, of answers only the status is read.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use shared::provider::http::basic_auth;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{ACCOUNT, TOKEN};

/// One kept connection.
pub struct Client {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: &'a [u8],
}

impl Client {
    /// Connects to `http://host:port` for requests with this API key.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn connect(url: &str, key: &str) -> anyhow::Result<Self> {
        Self::with(url, &format!("authorization: Bearer {key}"), "application/json").await
    }

    /// Connects as a browser with this cookie.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn browser(url: &str, cookie: &str) -> anyhow::Result<Self> {
        Self::with(url, &format!("cookie: {cookie}"), "application/x-www-form-urlencoded").await
    }

    /// Connects to a mock vendor, for requests as the adapter for Twilio makes them.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn to_twilio(url: &str) -> anyhow::Result<Self> {
        let login = basic_auth(ACCOUNT, TOKEN);
        let login = format!("authorization: {}", login.to_str()?);
        Self::with(url, &login, "application/x-www-form-urlencoded").await
    }

    async fn with(url: &str, who: &str, content_type: &str) -> anyhow::Result<Self> {
        let host = url.strip_prefix("http://").context("an http:// address")?;
        let stream = TcpStream::connect(host.parse::<SocketAddr>()?).await?;
        stream.set_nodelay(true)?;
        let head = format!("host: {host}\r\n{who}\r\ncontent-type: {content_type}\r\n");
        Ok(Self { stream, head, buffer: Vec::with_capacity(4096) })
    }

    /// POST, answered.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not HTTP with a length.
    pub async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Answer<'_>> {
        self.request("POST", path, body).await
    }

    /// A request with a JSON body, answered.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub async fn request(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Answer<'_>> {
        let head = &self.head;
        let text = format!("{method} {path} HTTP/1.1\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(text.as_bytes()).await?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the connection was closed");
            if let Some(end) = whole(&self.buffer)? {
                return answer(&self.buffer, end);
            }
        }
    }
}

/// Where the head ends, if all of the answer is there.
fn whole(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end])?;
    let length: usize = match header(head, "content-length: ") {
        Some(length) => length.parse()?,
        None if head.get(9..12) == Some("204") => 0,
        None => bail!("an answer without content-length"),
    };
    Ok((answer.len() >= end + 4 + length).then_some(end))
}

fn answer(whole: &[u8], end: usize) -> anyhow::Result<Answer<'_>> {
    let head = std::str::from_utf8(&whole[..end])?;
    Ok(Answer {
        status: head.get(9..12).context("a status line")?.parse()?,
        retry_after: header(head, "retry-after: ").map(str::parse).transpose()?,
        body: &whole[end + 4..],
    })
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name))
}

/// A number that no other call gives, of India, where both vendors of the mock deliver.
pub fn number(n: u64) -> String {
    format!("+9198{:08}", 10_000_000 + n % 89_000_000)
}

/// Sends a list (CSV) and gives what was told of it, a line each.
///
/// # Errors
/// When the connection breaks.
pub async fn upload(url: &str, key: &str, path: &str, list: Vec<u8>) -> anyhow::Result<String> {
    let host = url.strip_prefix("http://").context("an http:// address")?;
    let (mut reading, mut writing) = TcpStream::connect(host).await?.into_split();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-type: text/csv\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        list.len()
    );
    let sent = async move {
        writing.write_all(head.as_bytes()).await?;
        writing.write_all(&list).await?;
        // Held until the answer has come: a half that is closed would end it.
        anyhow::Ok(writing)
    };
    let told = async {
        let mut told = Vec::new();
        reading.read_to_end(&mut told).await?;
        anyhow::Ok(String::from_utf8(told)?)
    };
    let (sent, told) = tokio::join!(sent, told);
    sent?;
    told
}

/// Sends single texts one after the other until `until`; gives how many were accepted.
///
/// # Errors
/// When one is refused.
pub async fn send_singly(mut client: Client, from: u64, until: Instant) -> anyhow::Result<usize> {
    let mut accepted = 0;
    while Instant::now() < until {
        let to = number(from + accepted as u64);
        let body = format!(r#"{{"to":"{to}","text":"Your table for two is booked at 20:00."}}"#);
        let answer = client.post("/sms/send-transactional", &body).await?;
        ensure!(answer.status == 202, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
        accepted += 1;
    }
    Ok(accepted)
}

/// As [`send_singly`], by `clients` at once.
///
/// # Errors
/// When one is refused.
pub async fn send_by_many(url: &str, key: &str, clients: usize, time: Duration) -> anyhow::Result<usize> {
    let mut connected = Vec::with_capacity(clients);
    for _ in 0..clients {
        connected.push(Client::connect(url, key).await?);
    }
    let until = Instant::now() + time;
    let senders =
        connected.into_iter().zip(0_u64..).map(|(client, n)| send_singly(client, n * 1_000_000, until));
    let accepted = futures::future::try_join_all(senders).await?;
    Ok(accepted.iter().sum())
}
