//! Signing in and out, and what a session is worth.

use super::*;

#[tokio::test]
async fn who_signs_in_gets_a_session_of_their_own_and_signing_out_ends_it() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    operator(&app, "ann", Role::Viewer).await;
    let mut browser = Browser::new(&door);
    let asked = browser.get("/console/messages?status=failed").await;
    assert_eq!(location(&asked), "/console/sign-in?next=%2Fconsole%2Fmessages%3Fstatus%3Dfailed");
    // Whatever cookie somebody slipped in before is not the one that is signed in.
    let slipped = format!("__Host-smsgw={}", "a".repeat(43));
    browser.cookie = Some(slipped.clone());
    let fields = [("name", " ANN "), ("password", PASSWORD), ("next", "/console/messages?status=failed")];
    let answer = browser.post("/console/sign-in", &fields).await;
    assert_eq!((answer.status().as_u16(), location(&answer)), (303, "/console/messages?status=failed"));
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(browser.get("/console/messages").await.status(), 303, "the slipped one is worth nothing");
    browser.cookie = cookie.split(';').next().map(str::to_owned);
    assert_ne!(browser.cookie, Some(slipped));
    assert_eq!(browser.get("/console/messages").await.status(), 200);
    assert_eq!(location(&browser.get("/console/sign-in").await), "/console/messages");
    let answer = browser.post("/console/sign-out", &[]).await;
    assert_eq!(location(&answer), "/console/sign-in");
    assert!(answer.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(browser.get("/console/messages").await.status(), 303, "the cookie is worth nothing any more");
    let done: Vec<_> = deeds(&app).await.into_iter().map(|(who, what, _)| (who, what)).collect();
    assert_eq!(
        done,
        [("ann", "operator.sign_in"), ("ann", "operator.sign_out")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}

#[tokio::test]
async fn the_database_holds_neither_cookies_nor_passwords() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let secret = browser.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let stored: String = sqlx::query_scalar(
        "select (select string_agg(o::text, ' ') from smsgw.operators o)
                || (select string_agg(s::text || encode(s.mac, 'escape'), ' ') from smsgw.operator_sessions s)",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert!(stored.contains("$argon2id$"), "{stored}");
    assert!(!stored.contains(&secret) && !stored.contains(PASSWORD), "{stored}");
}

#[tokio::test]
async fn a_session_ends_when_idle_when_old_and_with_its_operator() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (name, change) in [
        ("idle", "update smsgw.operator_sessions set seen_at = clock_timestamp() - interval '31 minutes'"),
        ("old", "update smsgw.operator_sessions set created_at = clock_timestamp() - interval '13 hours'"),
    ] {
        let browser = Browser::signed_in(&app, &door, name, Role::Viewer).await;
        assert_eq!(browser.get("/console/messages").await.status(), 200);
        sqlx::query(change).execute(&app.pool).await.unwrap();
        assert_eq!(browser.get("/console/messages").await.status(), 303, "{name}");
    }
    let browser = Browser::signed_in(&app, &door, "gone", Role::Viewer).await;
    assert!(operators::disable(&app.pool, &"gone".parse().unwrap()).await.unwrap());
    assert_eq!(browser.get("/console/messages").await.status(), 303);
    assert_eq!(Browser::new(&door).sign_in("gone", PASSWORD).await.status(), 401);
}

#[tokio::test]
async fn another_role_or_password_signs_out() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::SuperAdmin).await;
    operator(&app, "ann", Role::Viewer).await;
    assert_eq!(browser.get("/console/audit").await.status(), 303);
}

#[tokio::test]
async fn a_browser_has_one_session_at_a_time() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut browser = Browser::signed_in(&app, &door, "ann", Role::Viewer).await;
    let before = browser.cookie.clone();
    assert_eq!(browser.sign_in("ann", PASSWORD).await.status(), 303);
    assert_eq!(browser.get("/console/messages").await.status(), 200);
    browser.cookie = before;
    assert_eq!(browser.get("/console/messages").await.status(), 303, "the one before is over");
}
