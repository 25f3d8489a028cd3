//! An application's sign-in: signs tokens for its users, and publishes its keys over HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The modulus of RFC 7515's example A.2: a public key whose private half signs nothing here.
pub const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B\
    m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS\
    -UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz\
    k2PAcDTW9gb54h4FRWyuXpoQ";

/// Signs and publishes.
pub struct Issuer {
    /// Where its keys are: `p256`, `ed`, and `rsa`, with which nothing is signed.
    pub url: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
    p256: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Issuer {
    /// Makes keys and publishes them.
    pub async fn start() -> Self {
        let random = SystemRandom::new();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let p256 =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).unwrap();
        let ed =
            Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::<Mutex<(u16, String)>>::default(), Arc::<AtomicUsize>::default());
        let (told, count) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (status, body) = told.lock().unwrap().clone();
                tokio::spawn(async move { serve(stream, status, &body).await });
            }
        });
        let issuer = Self { url, answer, asked, p256, ed };
        issuer.publish();
        issuer
    }

    /// Answers with the keys.
    pub fn publish(&self) {
        // Not compressed: 4, x, y.
        let (x, y) = self.p256.public_key().as_ref()[1..].split_at(32);
        let keys = json!([
            { "kty": "EC", "crv": "P-256", "kid": "p256", "alg": "ES256", "use": "sig", "x": base64(x), "y": base64(y) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64(self.ed.public_key().as_ref()) },
            { "kty": "RSA", "kid": "rsa", "alg": "RS256", "n": RSA_MODULUS, "e": "AQAB" },
        ]);
        self.answers(200, &json!({ "keys": keys }).to_string());
    }

    /// Answers so from now on.
    pub fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// A token by ES256.
    pub fn es256(&self, claims: &Value) -> String {
        self.es256_as(&json!({ "alg": "ES256", "typ": "JWT", "kid": "p256" }), claims)
    }

    /// A token signed by ES256, whatever its header says.
    pub fn es256_as(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, |signed| {
            self.p256.sign(&SystemRandom::new(), signed).unwrap().as_ref().to_vec()
        })
    }

    /// A token by EdDSA.
    pub fn eddsa(&self, claims: &Value) -> String {
        token(&json!({ "alg": "EdDSA", "kid": "ed" }), claims, |signed| {
            self.ed.sign(signed).as_ref().to_vec()
        })
    }
}

/// A token by HS256.
pub fn hs256(secret: &[u8], claims: &Value) -> String {
    hs256_as(&json!({ "alg": "HS256", "typ": "JWT" }), secret, claims)
}

/// A token signed by HS256, whatever its header says.
pub fn hs256_as(header: &Value, secret: &[u8], claims: &Value) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    token(header, claims, |signed| ring::hmac::sign(&key, signed).as_ref().to_vec())
}

/// A token, signed as `sign` says.
pub fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed =
        format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
    format!("{signed}.{}", base64(&sign(signed.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Answers the one request of a connection.
async fn serve(stream: TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}
