//! Settings → SMS & OTP: providers, purposes, limits, and the ways to try them.

use mock_provider::Credentials;
use serde_json::json;
use shared::store::integrations;
use tests::builders::a_number;
use tests::wait::eventually;

use super::*;

const PAGE: &str = "/console/settings/sms-otp";

async fn admin(app: &TestApp, door: &Door) -> Browser {
    Browser::signed_in(app, door, "ann", Role::Admin).await
}

/// The form of a Twilio account at the mock vendor.
fn twilio<'a>(name: &'a str, base_url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("kind", "twilio"),
        ("name", name),
        ("enabled", "on"),
        ("lanes.otp", "on"),
        ("lanes.transactional", "on"),
        ("sender", "+15005550006"),
        ("settings.base_url", base_url),
        ("credentials.account_sid", Credentials::ACCOUNT_SID),
        ("credentials.auth_token", Credentials::AUTH_TOKEN),
    ]
}

async fn text(browser: &Browser, path: &str) -> String {
    browser.get(path).await.text().await.unwrap()
}

#[tokio::test]
async fn what_is_typed_in_is_shown_as_text() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    let stored = [
        ("kind", "2factor"),
        ("name", "india"),
        ("template", hostile),
        ("credentials.api_key", "key-of-india"),
    ];
    let answer = browser.post("/console/settings/providers", &stored).await;
    let refused = answer.text().await.unwrap();
    let limit = [("name", hostile), ("kind", hostile), ("most", hostile), ("per_seconds", hostile)];
    let limits = browser.post("/console/settings/limits", &limit).await.text().await.unwrap();
    let code = browser.post("/console/settings/tests", &[("phone", hostile), ("purpose", hostile)]).await;
    let pages = [refused, limits, code.text().await.unwrap(), text(&browser, PAGE).await];
    for page in pages.iter().chain([&text(&browser, "/console/settings/providers/india").await]) {
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    }
    assert!(pages[1].contains("&#60;script&#62;alert(1)"), "{}", pages[1]);
}

/// The names of the list, in its order.
async fn order(browser: &Browser) -> Vec<String> {
    let page = text(browser, PAGE).await;
    page.split("data-name=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn keys_go_in_and_never_come_out() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    assert_eq!(location(&browser.get("/settings/sms-otp").await), PAGE);
    let url = app.mock.url();
    let added = browser.post("/console/settings/providers", &twilio("main", &url)).await;
    assert_eq!(location(&added), format!("{PAGE}#provider-main"));
    let stored = integrations::find(&app.pool, "main").await.unwrap().unwrap();
    assert_eq!(
        (stored.priority, &stored.lanes[..]),
        (30, &["otp".to_owned(), "transactional".to_owned()][..])
    );

    // What is left empty stays; what lasts is not changed by whoever writes a form of their own.
    let change = [
        ("enabled", "on"),
        ("lanes.promo", "on"),
        ("countries", "ch, in"),
        ("max_per_second", "7"),
        ("sender", "+15005550001"),
        ("settings.base_url", url.as_str()),
        ("settings.mode", "template"),
        ("credentials.auth_token", ""),
    ];
    let changed = browser.post("/console/settings/providers/main", &change).await;
    assert_eq!(changed.status(), 303, "{}", changed.text().await.unwrap());
    let after = integrations::find(&app.pool, "main").await.unwrap().unwrap();
    assert_eq!(after.sender, stored.sender);
    assert_eq!((after.countries, after.max_per_second), (Some(vec!["CH".into(), "IN".into()]), Some(7)));
    assert_eq!((after.lanes, after.priority), (vec!["promo".to_owned()], stored.priority));
    let secrets = |row: &integrations::Integration| row.view(app.keyring.credentials()).credentials;
    assert_eq!(secrets(&integrations::find(&app.pool, "main").await.unwrap().unwrap()), secrets(&stored));

    let mut removal = change.to_vec();
    removal.push(("remove.credentials.auth_token", "on"));
    let refused = browser.post("/console/settings/providers/main", &removal).await;
    assert!(refused.text().await.unwrap().contains("Auth token is missing"));

    for path in [PAGE, "/console/settings/providers/main", "/console/audit"] {
        let page = text(&browser, path).await;
        for secret in [Credentials::AUTH_TOKEN, Credentials::ACCOUNT_SID] {
            assert!(!page.contains(secret), "{path}");
        }
    }
    let page = text(&browser, "/console/settings/providers/main").await;
    let shown = format!("Set, …{}", Credentials::ACCOUNT_SID.split_at(Credentials::ACCOUNT_SID.len() - 4).1);
    assert!(page.contains(&shown), "{page}");
    let kept: String = sqlx::query_scalar(
        "select (select string_agg(i::text, ' ') from api_integrations i)
                || (select string_agg(a::text, ' ') from smsgw.audit_log a)",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert!(!kept.contains(Credentials::AUTH_TOKEN) && kept.contains("provider.change"), "{kept}");
    browser.post("/console/settings/providers/main/delete", &[]).await;
    assert_eq!(integrations::find(&app.pool, "main").await.unwrap(), None);
}

#[tokio::test]
async fn a_form_that_cannot_be_used_names_the_field_and_stores_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    let url = app.mock.url();
    let with = |name: &'static str, value: &'static str| {
        let mut form = twilio("main", &url);
        form.retain(|(field, _)| *field != name);
        form.push((name, value));
        form
    };
    for (name, value, told) in [
        ("name", "Main!", "class=\"fault\" id=\"about-name\""),
        ("sender", "", "sender is missing"),
        ("credentials.auth_token", "", "Auth token is missing"),
        ("credentials.account_sid", "AC1", "Account SID"),
        ("countries", "Narnia", "class=\"fault\" id=\"about-countries\""),
        ("max_per_second", "many", "class=\"fault\" id=\"about-max_per_second\""),
        ("max_in_flight", "-1", "class=\"fault\" id=\"about-max_in_flight\""),
        ("settings.mode", "magic", "settings.mode is unknown"),
        ("settings.base_url", "ftp://x", "class=\"fault\" id=\"about-settings.base_url\""),
    ] {
        let answer = browser.post("/console/settings/providers", &with(name, value)).await;
        assert_eq!(answer.status(), 400, "{name}");
        let page = answer.text().await.unwrap();
        assert!(page.contains(told), "{name}: {page}");
        assert!(!page.contains(Credentials::AUTH_TOKEN), "{name}");
    }
    let mut laneless = twilio("main", &url);
    laneless.retain(|(field, _)| !field.starts_with("lanes."));
    let answer = browser.post("/console/settings/providers", &laneless).await;
    assert!(answer.text().await.unwrap().contains("lanes must be one at least"));
    let none: Vec<(&str, &str)> = vec![("kind", "pigeon")];
    assert_eq!(browser.post("/console/settings/providers", &none).await.status(), 404);
    assert_eq!(integrations::list(&app.pool).await.unwrap(), []);

    browser.post("/console/settings/providers", &twilio("main", &url)).await;
    let twice = browser.post("/console/settings/providers", &twilio("main", &url)).await;
    assert!(twice.text().await.unwrap().contains("is taken"));
    // Where a secret leads is not changed without giving it again.
    let mut elsewhere = twilio("main", "https://evil.example");
    elsewhere.retain(|(field, _)| !field.starts_with("credentials."));
    let refused = browser.post("/console/settings/providers/main", &elsewhere).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("is kept for the base_url it was given for"));
}

#[tokio::test]
async fn the_order_on_the_page_is_the_order_in_which_they_are_tried() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    let url = app.mock.url();
    for name in ["alpha", "beta", "gamma"] {
        browser.post("/console/settings/providers", &twilio(name, &url)).await;
    }
    assert_eq!(order(&browser).await, ["twilio", "2factor", "alpha", "beta", "gamma"]);
    for (name, before, expected) in [
        ("gamma", "twilio", ["gamma", "twilio", "2factor", "alpha", "beta"]),
        ("beta", "2factor", ["gamma", "twilio", "beta", "2factor", "alpha"]),
        ("gamma", "", ["twilio", "beta", "2factor", "alpha", "gamma"]),
        ("alpha", "alpha", ["twilio", "beta", "2factor", "alpha", "gamma"]),
    ] {
        let path = format!("/console/settings/providers/{name}/move");
        let moved = browser.post(&path, &[("before", before)]).await;
        assert_eq!(location(&moved), format!("{PAGE}#provider-{name}"));
        assert_eq!(order(&browser).await, expected, "{name} before {before:?}");
    }
    // As workers load them.
    let rows = integrations::list(&app.pool).await.unwrap();
    let catalogue = shared::provider::catalogue::Catalogue::load(
        &tests::app::vendors(&url),
        &rows,
        app.keyring.credentials(),
        shared::config::Environment::Production,
    );
    let tried: Vec<_> = catalogue.providers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(tried, ["twilio", "beta", "2factor", "alpha", "gamma"]);
    let refused = browser.post("/console/settings/providers/2factor/move", &[("before", "twilio")]).await;
    assert!(refused.text().await.unwrap().contains("SMSGW_PROVIDER_ORDER"));
    assert_eq!(browser.post("/console/settings/providers/nobody/move", &[]).await.status(), 404);
}

#[tokio::test]
async fn what_a_purpose_allows_counts_for_the_next_code() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    // From here on the rules are remembered.
    assert_eq!(door.post("/otp/send", &json!({ "phone": a_number() })).await.body["attempts_remaining"], 5);
    let form = |digits: &'static str| {
        [
            ("code_length", digits),
            ("lifetime_seconds", "120"),
            ("max_attempts", "4"),
            ("cool_down_seconds", "20"),
            ("max_sends", "3"),
            ("send_window_seconds", "600"),
            ("resend", "same"),
            ("template", "otp"),
            ("origin", "shop.example"),
        ]
    };
    let path = "/console/settings/purposes/login";
    for (digits, fault) in [("5", "must be 6 to 10"), ("six", "must be a whole number"), ("", "is required")]
    {
        let answer = browser.post(path, &form(digits)).await;
        assert_eq!(answer.status(), 400);
        let page = answer.text().await.unwrap();
        assert!(page.contains(fault), "{fault}: {page}");
    }
    assert_eq!(location(&browser.post(path, &form("8")).await), format!("{PAGE}#purposes"));
    let sent = door.post("/otp/send", &json!({ "phone": a_number() })).await;
    assert_eq!(sent.body["attempts_remaining"], 4, "{}", sent.body);
    let session = sent.body["session_id"].as_str().unwrap();
    let length: i16 =
        sqlx::query_scalar("select code_length from sms_otp_sessions where id = $1::text::uuid")
            .bind(session)
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!(length, 8);
    let page = text(&browser, path).await;
    for part in ["value=\"8\"", "value=\"shop.example\"", "value=\"same\" selected"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(browser.get("/console/settings/purposes/fishing").await.status(), 404);
    let last = deeds(&app).await.pop().unwrap();
    assert_eq!(last, ("ann".to_owned(), "otp_purpose.change".to_owned(), Some("login".to_owned())));
}

#[tokio::test]
async fn a_limit_is_set_holds_and_goes() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    let limit = [("name", "phone-week"), ("kind", "phone"), ("most", "1"), ("per_seconds", "604800")];
    for (field, value, told) in [
        ("kind", "pigeon", "must be ip"),
        ("most", "0", "must be 1 to"),
        ("name", "A week", "must be 1 to 40"),
    ] {
        let form = limit.map(|(name, usual)| (name, if name == field { value } else { usual }));
        let answer = browser.post("/console/settings/limits", &form).await;
        assert_eq!(answer.status(), 400);
        let page = answer.text().await.unwrap();
        assert!(page.contains(told) && page.contains("Nothing was changed"), "{field}: {page}");
    }
    // From here on the rules are remembered.
    let phone = json!({ "phone": a_number() });
    assert_eq!(door.post("/otp/send", &phone).await.status, 202);
    assert_eq!(location(&browser.post("/console/settings/limits", &limit).await), format!("{PAGE}#limits"));
    let mut twice = limit.to_vec();
    twice.push(("is_new", "yes"));
    let taken = browser.post("/console/settings/limits", &twice).await;
    assert!(taken.text().await.unwrap().contains("name is taken"));
    assert_eq!(door.post("/otp/send", &phone).await.status, 429);
    browser.post("/console/settings/limits/delete", &limit[..1]).await;
    assert_eq!(door.post("/otp/send", &phone).await.status, 202);
    assert_eq!(browser.post("/console/settings/limits/delete", &limit[..1]).await.status(), 404);
}

/// The code in the one text that arrived at `to`.
async fn arrived(app: &TestApp, to: &str) -> String {
    eventually("the code to arrive", async || {
        let text = app.mock.arrivals_to(to).pop()?;
        let code: String = text.body.chars().skip_while(|c| !c.is_ascii_digit()).take(6).collect();
        Some(code)
    })
    .await
}

#[tokio::test]
async fn a_test_code_is_sent_typed_in_and_told_of() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    let to = a_number();
    let form = [("phone", to.as_str()), ("purpose", "login"), ("provider_hint", "twilio")];
    let sent = browser.post("/console/settings/tests", &form).await;
    let path = location(&sent).to_owned();
    assert!(path.starts_with("/console/settings/tests/"), "{}", sent.text().await.unwrap());
    let code = arrived(&app, &to).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let answer = browser.post(&path, &[("otp", wrong)]).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("4 more tries"));
    eventually("the provider's answer on the page", async || {
        text(&browser, &path).await.contains("twilio took it").then_some(())
    })
    .await;
    assert_eq!(location(&browser.post(&path, &[("otp", &code)]).await), path);
    let page = text(&browser, &path).await;
    assert!(page.contains("verified") && page.contains(" ms") && !page.contains(&code), "{page}");
    assert!(!text(&browser, "/console/audit").await.contains(&to));

    let bad = browser.post("/console/settings/tests", &[("phone", "123"), ("purpose", "login")]).await;
    assert_eq!(bad.status(), 400);
    assert!(bad.text().await.unwrap().contains("class=\"fault\" id=\"about-phone\""));
    // An application's code is not the console's to check.
    let theirs = door.post("/otp/send", &json!({ "phone": a_number() })).await;
    let theirs = format!("/console/settings/tests/{}", theirs.body["session_id"].as_str().unwrap());
    assert_eq!(browser.get(&theirs).await.status(), 404);
    assert_eq!(browser.post(&theirs, &[("otp", "123456")]).await.status(), 404);
    app.stop().await;
}

#[tokio::test]
async fn a_provider_is_tried_by_itself_and_only_when_its_price_is_accepted() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = admin(&app, &door).await;
    let url = app.mock.url();
    browser.post("/console/settings/providers", &twilio("main", &url)).await;
    let path = "/console/settings/providers/main/test";
    let to = a_number();
    let asked = browser.post(path, &[("phone", &to)]).await;
    assert_eq!((asked.status().as_u16(), app.mock.arrival_total()), (400, 0));
    let form = [("phone", to.as_str()), ("lane", "transactional"), ("is_paid", "on")];
    let page = browser.post(path, &form).await.text().await.unwrap();
    assert!(page.contains("main took it") && page.contains("HTTP status") && !page.contains(&to), "{page}");
    assert_eq!(app.mock.arrival_total(), 1);
    let mut wrong = twilio("wrong", &url);
    wrong.retain(|(name, _)| *name != "credentials.auth_token");
    wrong.push(("credentials.auth_token", "another-token-altogether"));
    browser.post("/console/settings/providers", &wrong).await;
    let page = browser.post("/console/settings/providers/wrong/test", &form).await.text().await.unwrap();
    assert!(page.contains("wrong did not take it") && page.contains("credentials"), "{page}");
    assert_eq!(browser.post("/console/settings/providers/nobody/test", &form).await.status(), 404);
    let last = deeds(&app).await.pop().unwrap();
    assert_eq!((last.1.as_str(), last.2.as_deref()), ("provider.test", Some("wrong")));
}
