//! The console over HTTP, as a browser without scripts uses it.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Response, redirect};
use secrecy::SecretString;
use shared::operator::Role;
use shared::password;
use shared::store::{operator_sessions, operators};
use tests::{Door, TestApp, http};

mod forgery;
mod guard;
mod links;
mod live;
mod pages;
mod roles;
mod sessions;
mod settings;
mod tries;
mod users;

const PASSWORD: &str = "a horse, a battery, a staple";

/// A browser that shows every step instead of following redirections.
struct Browser {
    client: Client,
    url: String,
    cookie: Option<String>,
}

impl Browser {
    fn new(door: &Door) -> Self {
        let client = http::client_builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, url: door.url.clone(), cookie: None }
    }

    /// Signed in as a new operator of this role.
    async fn signed_in(app: &TestApp, door: &Door, name: &str, role: Role) -> Self {
        operator(app, name, role).await;
        let mut browser = Self::new(door);
        let answer = browser.sign_in(name, PASSWORD).await;
        assert_eq!((answer.status().as_u16(), location(&answer)), (303, "/console/messages"));
        browser
    }

    async fn sign_in(&mut self, name: &str, password: &str) -> Response {
        let answer = self.post("/console/sign-in", &[("name", name), ("password", password)]).await;
        if let Some(cookie) = answer.headers().get(SET_COOKIE) {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        answer
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, &[]).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.send(Method::POST, path, fields).await
    }

    async fn send(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        if method == Method::POST {
            request = request.form(fields);
        }
        request.send().await.unwrap()
    }
}

/// Makes an operator, or changes the one of that name.
async fn operator(app: &TestApp, name: &str, role: Role) {
    let hash = password::hash(&SecretString::from(PASSWORD)).unwrap();
    operators::upsert(&app.pool, &name.parse().unwrap(), role, Some(&hash)).await.unwrap();
}

/// The address of a link that signs in the operator `name`.
async fn link_for(app: &TestApp, name: &str) -> String {
    let operator = operators::find(&app.pool, &name.parse().unwrap()).await.unwrap().unwrap();
    let mac = app.keyring.operators();
    operator_sessions::make_link(&app.pool, mac, operator.id).await.unwrap()
}

fn location(answer: &Response) -> &str {
    answer.headers().get(LOCATION).map_or("", |to| to.to_str().unwrap())
}

/// What operators did, oldest first: who, what, to what.
async fn deeds(app: &TestApp) -> Vec<(String, String, Option<String>)> {
    sqlx::query_as("select operator, action, subject from smsgw.audit_log order by id")
        .fetch_all(&app.pool)
        .await
        .unwrap()
}
