//! Codes that no provider takes.

use mock_provider::{Fault, FaultBody, Vendor};

use super::*;

/// No provider answers, and what waits has `seconds` to live.
async fn outage(app: &mut TestApp, seconds: u8) {
    let fault = Fault::Status { status: 503, body: FaultBody::Vendor, delivered: false };
    for vendor in [Vendor::Twilio, Vendor::TwoFactor] {
        app.mock.fail(vendor, fault.clone()).unwrap();
    }
    let until = format!("clock_timestamp() + interval '{seconds} seconds'");
    run(app, format!("update smsgw.sms_outbox set expires_at = {until}")).await;
    app.start_worker();
}

/// Asks for another code, the wait being over.
async fn resend(app: &TestApp, door: &Door, sent: &Answer) {
    run(app, "update sms_otp_sessions set resend_at = clock_timestamp()".to_owned()).await;
    let again = door.post("/otp/resend", &json!({ "session_id": id(sent) })).await;
    assert_eq!(again.status, 202, "{}", again.body);
}

async fn taken_back(app: &TestApp, many: i64) {
    eventually("what was counted to be taken back", async || {
        let unsent = "select count(*) from smsgw.guard_decisions where outcome = 'allow' and not is_sent";
        let unsent: i64 = sqlx::query_scalar(unsent).fetch_one(&app.pool).await.unwrap();
        (unsent == many).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_no_provider_took_is_held_against_nobody() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    for n in 0..6 {
        start(&door, &number(400, n * 100)).await;
    }
    let seventh = start(&door, &number(400, 9000)).await;
    assert!(!is_sent(&app, &seventh).await, "too many of the prefix");
    outage(&mut app, 1).await;
    taken_back(&app, 6).await;
    let prefix = state(&app, "prefix", "+4179400").await;
    assert_eq!((&prefix["credits"], prefix.get("recent"), prefix.get("hold")), (&json!(20.0), None, None));
    assert_eq!(prefix["traffic"][0][2], 0, "{prefix}");
    assert_eq!(state(&app, "country", "CH").await["credits"], 200.0);
    app.stop_workers().await;
    let next = start(&door, &number(400, 9100)).await;
    assert!(is_sent(&app, &next).await);
}

/// They expire unclaimed then.
#[tokio::test]
async fn so_is_what_waits_while_no_provider_is_open() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    start(&door, &number(450, 1)).await;
    let paused = "insert into smsgw.sms_provider_state (provider_name, paused_until)
                  select name, clock_timestamp() + interval '1 hour' from unnest(array['twilio', '2factor']) as name";
    run(&app, paused.to_owned()).await;
    outage(&mut app, 1).await;
    taken_back(&app, 1).await;
    assert!(app.mock.arrivals().is_empty());
    assert_eq!(state(&app, "prefix", "+4179450").await["credits"], 20.0);
}

#[tokio::test]
async fn who_asks_again_meanwhile_has_asked_for_nothing_either() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let sent = start(&door, &number(430, 1)).await;
    resend(&app, &door, &sent).await;
    assert_eq!(state(&app, "prefix", "+4179430").await["credits"], 18.0);
    outage(&mut app, 1).await;
    taken_back(&app, 2).await;
    let prefix = state(&app, "prefix", "+4179430").await;
    assert_eq!((&prefix["credits"], prefix.get("recent")), (&json!(20.0), None));
    assert_eq!(prefix["traffic"][0][2], 0, "{prefix}");
}

/// What a provider would refuse again tomorrow is no outage: such numbers would cost whoever tries them nothing, and a vendor
/// that sees the fraud first would make the guard forget it.
#[tokio::test]
async fn a_number_that_is_refused_stays_counted() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    // The mock vendors say 21211, bad number, and refuse the country.
    let numbers = [number(552, 1211), "+41795521408".to_owned()];
    let mut sent = Vec::new();
    for phone in &numbers {
        sent.push(start(&door, phone).await);
    }
    run(&app, "update smsgw.sms_outbox set hint = 'twilio'".to_owned()).await;
    app.start_worker_with(|parts| parts.providers.retain(|provider| provider.name == "twilio"));
    for sent in &sent {
        eventually("the code to fail", async || {
            let shown = door.get(&format!("/otp/sessions/{}", id(sent))).await;
            (shown.body["status"] == "send_failed").then_some(())
        })
        .await;
    }
    app.stop_workers().await;
    // A worker that stops has told the guard of everything.
    assert_eq!(state(&app, "prefix", "+4179552").await["credits"], 18.0);
}

/// As after an outage that was too short for a code to expire.
#[tokio::test]
async fn who_asks_again_after_a_code_that_failed_is_counted_as_one_who_asks() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let sent = start(&door, &number(460, 1)).await;
    outage(&mut app, 1).await;
    taken_back(&app, 1).await;
    app.stop_workers().await;
    resend(&app, &door, &sent).await;
    let prefix = state(&app, "prefix", "+4179460").await;
    assert_eq!((&prefix["credits"], prefix["recent"][0][0].as_u64()), (&json!(19.0), Some(1)));
    let counted: Vec<_> = prefix["traffic"].as_array().unwrap().iter().map(|stretch| &stretch[2]).collect();
    assert!(counted.contains(&&json!(1)), "{prefix}");
}

#[tokio::test]
async fn of_a_session_only_the_code_that_was_not_sent_is_taken_back() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let sent = start(&door, &number(410, 1)).await;
    app.start_worker();
    eventually("the first code to be sent", async || {
        let shown = door.get(&format!("/otp/sessions/{}", id(&sent))).await;
        (shown.body["status"] == "sent").then_some(())
    })
    .await;
    app.stop_workers().await;
    resend(&app, &door, &sent).await;
    assert_eq!(state(&app, "prefix", "+4179410").await["credits"], 18.0);
    outage(&mut app, 1).await;
    taken_back(&app, 1).await;
    let prefix = state(&app, "prefix", "+4179410").await;
    assert_eq!(prefix["credits"], 19.0, "{prefix}");
    assert_eq!(prefix["traffic"][0][2], 1, "the first was sent");
    let said = decisions(&door, "").await;
    let fates: Vec<_> = said.iter().map(|one| (&one["inputs"]["resend"], &one["is_sent"])).collect();
    assert_eq!(fates, [(&json!(true), &json!(false)), (&json!(false), &json!(true))]);
}

#[tokio::test]
async fn a_guarded_text_is_taken_back_likewise_and_a_known_number_gives_nothing_back() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    verify(&app, &door, &number(420, 1)).await;
    start(&door, &number(420, 1)).await;
    let text = json!({ "to": number(420, 2), "text": "Your code is 123456", "guarded": true });
    assert_eq!(door.post("/sms/send-transactional", &text).await.status, 202);
    assert_eq!(state(&app, "prefix", "+4179420").await["credits"], 19.0);
    outage(&mut app, 1).await;
    // The code that was verified is on its way as well, in this test.
    taken_back(&app, 2).await;
    let prefix = state(&app, "prefix", "+4179420").await;
    assert_eq!((&prefix["credits"], prefix.get("recent")), (&json!(20.0), None));
}
