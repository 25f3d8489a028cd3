//! `/openapi.json` describes what the API does: no field, address or answer more or less.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{assert_refused, second_factor, stranger};

/// The description, as anybody may read it.
async fn description(door: &Door) -> Value {
    let answer = door.call(stranger().get(format!("{}/openapi.json", door.url))).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.body
}

/// An address with something in its gaps.
fn filled(path: &str) -> String {
    let id = if path.starts_with("/sms/campaigns") { "00000000-0000-7000-8000-000000000000" } else { "ann" };
    let path = path.replace("{phone}", "+41790000001").replace("{id}", id).replace("{name}", "main");
    path.replace("{device_id}", "00000000-0000-4000-8000-000000000000")
}

#[tokio::test]
async fn each_address_takes_the_methods_described() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let description = description(&door).await;
    for (path, methods) in description["paths"].as_object().unwrap() {
        let answer = door.call(door.request(Method::PATCH, &filled(path))).await;
        assert_refused(&answer, 405, "method-not-allowed");
        let told = answer.headers["allow"].to_str().unwrap().to_lowercase();
        let told: BTreeSet<_> = told.split(',').map(str::trim).filter(|method| *method != "head").collect();
        let described: BTreeSet<_> = methods.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(described, told, "{path}");
    }
}

/// The words in backticks.
fn quoted(message: &str) -> BTreeSet<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

#[tokio::test]
async fn each_door_takes_the_fields_described() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let description = description(&door).await;
    let mut doors = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(body) = operation.get("requestBody") else { continue };
            // What applications send that were written for others is not refused for a field too many.
            if path.starts_with("/api/") {
                continue;
            }
            // A vendor's form may have any fields.
            let Some(content) = body["content"].get("application/json") else { continue };
            let schema = shape(&description, &content["schema"]);
            let method = method.to_uppercase().parse().unwrap();
            let request = door.request(method, &filled(path)).json(&json!({ "made_up": 1 }));
            let answer = door.call(request).await;
            assert_refused(&answer, 400, "invalid-request");
            let known = answer.body["errors"][0]["message"].as_str().unwrap();
            let described: BTreeSet<_> =
                schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(described, quoted(known), "{path}: {known}");
            doors += 1;
        }
    }
    assert_eq!(doors, 26);
}

/// What a schema is, wherever it stands.
fn shape<'a>(description: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(place) => description.pointer(place.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Every difference between a value and its schema.
fn differences(description: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let schema = shape(description, schema);
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let takes = match &schema["type"] {
        Value::Array(kinds) => kinds.contains(&json!(kind)),
        one => one == kind,
    };
    let mut found = Vec::new();
    if !takes {
        found.push(format!("{place} is {value}, not {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{place} is {value}, none of {words:?}"));
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(differences(description, &schema["items"], item, &format!("{place}[{i}]")));
    }
    let Some(fields) = value.as_object() else { return found };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            found.push(format!("{place}.{name} is missing"));
        }
    }
    for (name, value) in fields {
        let place = format!("{place}.{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema)) => {
                found.extend(differences(description, schema, value, &place));
            }
            // Said to be any object: a provider's settings.
            (None, None) if schema.get("properties").is_none() => {}
            (None, None) => found.push(format!("{place} is not described")),
        }
    }
    found
}

/// Calls doors and holds their answers to the description.
struct Reader<'a> {
    door: &'a Door,
    description: Value,
    seen: BTreeSet<String>,
}

impl Reader<'_> {
    async fn call(&mut self, method: &str, path: &str, at: &str, body: Option<Value>) -> Value {
        let mut request = self.door.request(method.to_uppercase().parse().unwrap(), at);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = self.door.call(request).await;
        let status = answer.status.as_str();
        let operation = &self.description["paths"][path][method];
        let told = shape(&self.description, &operation["responses"][status]);
        assert!(told.is_object(), "{method} {at} answers {status}, which is not described: {}", answer.body);
        let content = &told["content"];
        let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        if let Some(kind) = kind.filter(|kind| kind.ends_with("json")) {
            let found = differences(&self.description, &content[&kind]["schema"], &answer.body, "answer");
            assert!(found.is_empty(), "{method} {at} {status}: {found:#?}");
        }
        if answer.status.is_success() {
            self.seen.insert(format!("{method} {path}"));
        }
        answer.body
    }

    async fn get(&mut self, path: &str, at: &str) -> Value {
        self.call("get", path, at, None).await
    }
}

#[tokio::test]
async fn each_door_answers_as_described() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.providers.clear());
    let door = Door::open(&app).await;
    let description = description(&door).await;
    let mut reader = Reader { door: &door, description, seen: BTreeSet::new() };
    read_messages(&mut reader).await;
    read_campaigns(&mut reader).await;
    read_codes(&mut reader, &app).await;
    read_settings(&mut reader).await;
    read_guard(&mut reader).await;
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/problems",
        "/openapi.json",
        "/docs",
        "/sandbox/inbox",
        "/.well-known/jwks.json",
    ] {
        reader.get(path, path).await;
    }
    reader.get("/problems/{code}", "/problems/otp-wrong").await;
    assert_eq!(door.put("/settings/api/signer", &a_provider()).await.status, 200);
    for path in ["/webhooks/{provider}/status", "/webhooks/{provider}/inbound"] {
        let unsigned = door.request(Method::POST, &path.replace("{provider}", "signer")).form(&[("a", "b")]);
        assert_refused(&door.call(unsigned).await, 403, "invalid-signature");
        assert!(reader.description["paths"][path]["post"]["responses"]["403"].is_object());
        // What signed ones are answered is seen in the tests of webhooks.
        reader.seen.insert(format!("post {path}"));
    }
    let all: BTreeSet<String> = reader.description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |m| format!("{m} {path}")))
        .collect();
    assert_eq!(all.difference(&reader.seen).collect::<Vec<_>>(), Vec::<&String>::new(), "never called");
    app.stop().await;
}

async fn read_messages(reader: &mut Reader<'_>) {
    let (send, batch) = ("/sms/send-transactional", "/sms/send-batch");
    let sent = json!({ "to": a_number(), "text": "Hello", "user_id": "ann" });
    let id = reader.call("post", send, send, Some(sent)).await["message_id"].as_str().unwrap().to_owned();
    reader.call("post", send, send, Some(json!({ "to": "12" }))).await;
    let two = json!([{ "to": a_number(), "text": "Sale!" }, { "to": "12", "text": "Sale!" }]);
    reader.call("post", batch, batch, Some(json!({ "lane": "promo", "messages": two }))).await;
    let (one, at) = ("/sms/messages/{id}", format!("/sms/messages/{id}"));
    let door = reader.door;
    eventually("the message to be sent", async || {
        Some(door.get(&at).await.body).filter(|message| message["status"] == "sent")
    })
    .await;
    assert_eq!(reader.get(one, &at).await["attempts"].as_array().unwrap().len(), 1);
    reader.get(one, "/sms/messages/nothing").await;
    reader.get("/sms/messages", "/sms/messages?limit=2").await;
    let later = json!({ "to": a_number(), "text": "Later", "send_at": chrono::Utc::now() + chrono::TimeDelta::hours(1) });
    let later = reader.call("post", send, send, Some(later)).await;
    for id in [later["message_id"].as_str().unwrap(), &id] {
        reader.call("post", "/sms/messages/{id}/cancel", &format!("/sms/messages/{id}/cancel"), None).await;
    }
}

async fn read_campaigns(reader: &mut Reader<'_>) {
    let (all, one) = ("/sms/campaigns", "/sms/campaigns/{id}");
    let wanted = json!({ "name": "autumn", "text": "Hi {{ name }}", "max_per_second": 5, "dedupe_key": "autumn",
        "budget": { "amount": "12.50", "currency": "EUR" } });
    let made = reader.call("post", all, all, Some(wanted)).await;
    let at = format!("{all}/{}", made["campaign_id"].as_str().unwrap());
    reader.call("post", all, all, Some(json!({ "name": "no text" }))).await;
    reader.get(all, "/sms/campaigns?limit=1").await;
    reader.get(one, &at).await;
    reader.get(one, "/sms/campaigns/nothing").await;
    reader.call("post", "/sms/campaigns/{id}/start", &format!("{at}/start"), None).await;
    let list = reader.door.request(Method::POST, &format!("{at}/recipients"));
    let list = list.header("content-type", "text/csv").body(format!("phone,name\n{},Ann\n", a_number()));
    assert_eq!(reader.door.call(list).await.status, 200);
    reader.seen.insert("post /sms/campaigns/{id}/recipients".to_owned());
    reader.get("/sms/campaigns/{id}/preview", &format!("{at}/preview")).await;
    for amount in ["25.00", "0"] {
        let budget = json!({ "amount": amount, "currency": "EUR" });
        reader.call("put", "/sms/campaigns/{id}/budget", &format!("{at}/budget"), Some(budget)).await;
    }
    let test = json!({ "to": a_number(), "variables": { "name": "Ann" } });
    reader.call("post", "/sms/campaigns/{id}/test", &format!("{at}/test"), Some(test)).await;
    for step in ["start", "pause", "resume", "cancel", "pause"] {
        reader.call("post", &format!("/sms/campaigns/{{id}}/{step}"), &format!("{at}/{step}"), None).await;
    }
    reader.get("/sms/campaigns/{id}/results", &format!("{at}/results")).await;
}

async fn read_codes(reader: &mut Reader<'_>, app: &TestApp) {
    let phone = a_number();
    let (send, verify, resend) = ("/otp/send", "/otp/verify", "/otp/resend");
    let sent = reader.call("post", send, send, Some(json!({ "phone": phone }))).await;
    let id = &sent["session_id"];
    reader.get("/otp/sessions/{id}", &format!("/otp/sessions/{}", id.as_str().unwrap())).await;
    let code = arrived_code(reader.door, &phone).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for otp in [wrong, &code, &code] {
        reader.call("post", verify, verify, Some(json!({ "session_id": id, "otp": otp }))).await;
    }
    let another = super::Challenge { id: sent_to_another(reader).await, code };
    let session = Some(json!({ "session_id": another.id }));
    reader.call("post", resend, resend, session.clone()).await;
    another.cool_down(app).await;
    reader.call("post", resend, resend, session).await;
    read_identity(reader).await;
    read_aliases(reader).await;
}

/// Numbers and passwords of users: what right codes bring.
async fn read_identity(reader: &mut Reader<'_>) {
    for purpose in ["verify_phone", "password_reset"] {
        let phone = a_number();
        let start = json!({ "phone": phone, "user_id": "dora", "purpose": purpose });
        let sent = reader.call("post", "/otp/send", "/otp/send", Some(start)).await;
        let code = arrived_code(reader.door, &phone).await;
        let typed = json!({ "session_id": sent["session_id"], "otp": code });
        let right = reader.call("post", "/otp/verify", "/otp/verify", Some(typed)).await;
        let redeem = "/otp/reset-tokens/redeem";
        for _ in 0..2 {
            reader.call("post", redeem, redeem, Some(json!({ "token": right["reset_token"] }))).await;
        }
    }
    let (settings, phone) = ("/settings/identity", "/users/{id}/phone");
    reader.get(settings, settings).await;
    reader.call("put", settings, settings, Some(json!({ "change_needs_old": true }))).await;
    let change = json!({ "phone": a_number(), "user_id": "dora", "purpose": "change_phone" });
    reader.call("post", "/otp/send", "/otp/send", Some(change)).await;
    for _ in 0..2 {
        reader.get(phone, "/users/dora/phone").await;
        reader.call("delete", phone, "/users/dora/phone", None).await;
    }
}

/// The code that the sandbox took for a phone.
async fn arrived_code(door: &Door, phone: &str) -> String {
    eventually("the code to arrive", async || {
        let inbox = door.get("/sandbox/inbox").await.body;
        let mut arrived = inbox["messages"].as_array().unwrap().iter();
        let text = arrived.find(|message| message["to"] == json!(phone))?["text"].clone();
        Some(super::code_in(text.as_str().unwrap()))
    })
    .await
}

async fn read_aliases(reader: &mut Reader<'_>) {
    for path in ["/api/sms/sendOtp", "/api/sms/send-verification", "/api/sms/send-2fa", "/api/send-otp"] {
        reader.call("post", path, path, Some(json!({ "phone": a_number() }))).await;
    }
    for path in ["/api/sms/verifyOtp", "/api/verify-otp"] {
        let phone = a_number();
        let sent = reader.call("post", "/otp/send", "/otp/send", Some(json!({ "phone": phone }))).await;
        let code = arrived_code(reader.door, &phone).await;
        let body = json!({ "session_id": sent["session_id"], "otp": code });
        reader.call("post", path, path, Some(body)).await;
    }
    let text = json!({ "to": a_number(), "template": "BOOKING1", "vars": { "VAR1": "Ada" } });
    reader.call("post", "/api/sms/sendTemplate", "/api/sms/sendTemplate", Some(text)).await;
}

async fn sent_to_another(reader: &mut Reader<'_>) -> String {
    let sent = reader.call("post", "/otp/send", "/otp/send", Some(json!({ "phone": a_number() }))).await;
    sent["session_id"].as_str().unwrap().to_owned()
}

async fn read_guard(reader: &mut Reader<'_>) {
    let send = "/sms/send-transactional";
    let text = json!({ "to": a_number(), "text": "Your code is 123456", "guarded": true });
    let sent = reader.call("post", send, send, Some(text)).await["message_id"].as_str().unwrap().to_owned();
    for id in [sent.as_str(), "00000000-0000-7000-8000-000000000000"] {
        let at = format!("/sms/messages/{id}/converted");
        reader.call("post", "/sms/messages/{id}/converted", &at, None).await;
    }
    let settings = "/settings/guard";
    reader.get(settings, settings).await;
    reader.call("put", settings, settings, Some(json!({ "credits_ip": 11 }))).await;
    let listed = reader.get("/guard/decisions", "/guard/decisions?limit=2").await;
    let prefix = listed["decisions"][0]["prefix"].clone();
    reader.get("/guard/decisions", "/guard/decisions?limit=0").await;
    reader.get("/guard/explain", "/guard/explain?phone=%2B41790000001").await;
    for prefix in [prefix, json!("+1555"), json!("everything")] {
        reader.call("post", "/guard/release", "/guard/release", Some(json!({ "prefix": prefix }))).await;
    }
}

fn a_provider() -> Value {
    let account = "AC00000000000000000000000000000000";
    json!({ "kind": "twilio", "enabled": false, "sender": "ACME", "countries": ["CH"],
        "settings": { "base_url": "http://127.0.0.1:9" },
        "credentials": { "account_sid": account, "auth_token": "a-token" } })
}

async fn read_settings(reader: &mut Reader<'_>) {
    let template = json!({ "body": "Hi {{ name }}",
        "provider_templates": { "main": { "id": "Hi", "variables": ["name"] } } });
    let user = json!({ "phone": a_number(), "preferred_provider": "main" });
    for (path, at, body) in [
        ("/sms/opt-outs/{phone}", "/sms/opt-outs/+41790000009", json!({})),
        ("/users/{id}/contact-settings", "/users/ann/contact-settings", user),
        ("/sms/templates/{name}", "/sms/templates/hi", template),
        ("/settings/api/{name}", "/settings/api/main", a_provider()),
    ] {
        reader.get(path, at).await;
        reader.call("put", path, at, Some(body)).await;
        reader.get(path, at).await;
    }
    reader.get("/sms/opt-outs", "/sms/opt-outs").await;
    let shown = reader.get("/sms/opt-outs/{phone}", "/sms/opt-outs/+41790000009").await;
    let link = shown["unsubscribe_url"].as_str().unwrap().strip_prefix(&reader.door.url).unwrap().to_owned();
    reader.get("/u/{token}", &link).await;
    reader.call("post", "/u/{token}", &link, None).await;
    let import = "/sms/opt-outs/import";
    let list = reader.door.request(Method::POST, import).header("content-type", "text/csv").body("phone\n");
    assert_eq!(reader.door.call(list).await.status, 200);
    reader.seen.insert(format!("post {import}"));
    reader.get("/sms/opt-outs/{phone}/history", "/sms/opt-outs/+41790000009/history").await;
    let limit = json!({ "kind": "key", "per_seconds": 60, "most": 100 });
    reader.call("put", "/settings/otp/limits/{name}", "/settings/otp/limits/key-minute", Some(limit)).await;
    let mut policy = reader.get("/settings/otp", "/settings/otp").await["purposes"][0].clone();
    let purpose = policy.as_object_mut().unwrap().remove("purpose").unwrap();
    let at = format!("/settings/otp/purposes/{}", purpose.as_str().unwrap());
    reader.call("put", "/settings/otp/purposes/{purpose}", &at, Some(policy)).await;
    let (rules, of_india) = ("/settings/country-rules/{country}", "/settings/country-rules/IN");
    reader.call("put", rules, of_india, Some(json!({ "enabled": false, "source": "an operator" }))).await;
    reader.get(rules, of_india).await;
    reader.get("/settings/country-rules", "/settings/country-rules").await;
    let cap = json!({ "scope": "day", "amount": "500.00", "currency": "EUR" });
    reader.call("put", "/settings/spend-caps/{name}", "/settings/spend-caps/all", Some(cap)).await;
    let frequency = json!({ "most": 2, "within_hours": 24 });
    reader.call("put", "/settings/frequency-cap", "/settings/frequency-cap", Some(frequency)).await;
    reader.get("/settings/spend-caps/{name}", "/settings/spend-caps/all").await;
    for path in ["/spend", "/settings/spend-caps", "/settings/frequency-cap"] {
        reader.get(path, path).await;
    }
    let requirement = "/users/{id}/otp-requirement";
    for at in ["/users/ann/otp-requirement", "/users/bob/otp-requirement?within=0"] {
        reader.get(requirement, at).await;
    }
    read_factors(reader).await;
    let erasure = reader.call("delete", "/people/{phone}", "/people/+41790000009", None).await;
    let at = format!("/people/erasures/{}", erasure["erasure_id"].as_str().unwrap());
    reader.get("/people/erasures/{id}", &at).await;
    let pauses = "/settings/pauses";
    reader.call("post", pauses, pauses, Some(json!({ "scope": "lane", "name": "promo" }))).await;
    for path in ["/sms/templates", "/settings/api", pauses] {
        reader.get(path, path).await;
    }
    for (path, at) in [
        // What was stopped before the erasure.
        ("/sms/opt-outs/{phone}", "/sms/opt-outs/+41790000009"),
        ("/sms/templates/{name}", "/sms/templates/hi"),
        ("/settings/api/{name}", "/settings/api/main"),
        ("/settings/otp/limits/{name}", "/settings/otp/limits/key-minute"),
        ("/settings/spend-caps/{name}", "/settings/spend-caps/all"),
        ("/settings/frequency-cap", "/settings/frequency-cap"),
        (pauses, "/settings/pauses?scope=lane&name=promo"),
    ] {
        for _ in 0..2 {
            reader.call("delete", path, at, None).await;
        }
    }
}

async fn read_factors(reader: &mut Reader<'_>) {
    let (factor, app) = ("/users/{id}/two-factor", "/users/{id}/two-factor/app");
    let at = |path: &str| path.replace("{id}", "cat");
    let (confirm, codes) = (&format!("{app}/confirm"), &format!("{factor}/backup-codes"));
    let (verify, requirement) = (&format!("{factor}/verify"), "/users/{id}/otp-requirement");
    let enabled = json!({ "phone": a_number(), "otp_enabled": true });
    assert_eq!(reader.door.put("/users/cat/contact-settings", &enabled).await.status, 200);
    let begun = reader.call("post", app, &at(app), None).await;
    let secret = begun["secret"].as_str().unwrap();
    let step = chrono::Utc::now().timestamp() / 30;
    for code in [second_factor::totp(secret, step - 20), second_factor::totp(secret, step)] {
        reader.call("post", confirm, &at(confirm), Some(json!({ "code": code }))).await;
    }
    reader.call("put", factor, &at(factor), Some(json!({ "method": "sms" }))).await;
    let codes = reader.call("post", codes, &at(codes), None).await["codes"].clone();
    let mut token = json!(null);
    for code in [codes[0].as_str().unwrap(), codes[0].as_str().unwrap(), "zzzzz-zzzzz", ""] {
        let typed =
            json!({ "method": "backup_code", "code": code, "token": true, "remember_device": "laptop" });
        let answer = reader.call("post", verify, &at(verify), Some(typed)).await;
        token = answer.get("device_token").cloned().unwrap_or(token);
    }
    let later = json!({ "device_token": token });
    reader.call("post", requirement, &at(requirement), Some(later)).await;
    reader.get(factor, &at(factor)).await;
    let devices = "/users/{id}/devices";
    let listed = reader.get(devices, &at(devices)).await;
    let one = format!("{}/{}", at(devices), listed["devices"][0]["id"].as_str().unwrap());
    for _ in 0..2 {
        reader.call("delete", "/users/{id}/devices/{device_id}", &one, None).await;
        reader.call("delete", devices, &at(devices), None).await;
        reader.call("delete", app, &at(app), None).await;
    }
}
