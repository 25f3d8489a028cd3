//! Receipts of messages that were sent.

use std::time::Duration;

use mock_provider::{Fault, FaultRule, Vendor};
use shared::ids::MessageId;
use tests::builders::{a_number, a_transactional};
use tests::wait::{becomes, eventually};

use super::{SID, gateway, gateway_with_receipts, kept, logged, post, report, status_path};

#[tokio::test]
async fn the_vendors_own_receipts_say_how_messages_ended() {
    let (app, door) = gateway_with_receipts().await;
    let delivered = app.accept(a_transactional(app.now())).await;
    let undelivered = app.accept(a_transactional(app.now()).to("+41795530003")).await;
    for (id, status) in [(delivered, "delivered"), (undelivered, "undelivered")] {
        becomes(status.to_owned(), async || app.state(id).await.0).await;
    }
    let shown = door.get(&format!("/sms/messages/{undelivered}")).await.body;
    assert_eq!((&shown["status"], &shown["receipt_code"]), (&"undelivered".into(), &"30003".into()));
    assert!(shown["receipt_at"].is_string(), "{shown}");
    // One that came before its message's result says nothing new by now, and goes with the next look.
    becomes(0, async || kept(&app).await).await;
    app.stop().await;
}

#[tokio::test]
async fn a_message_only_moves_forward_whatever_order_its_receipts_come_in() {
    let (app, door) = gateway().await;
    for (statuses, end) in [
        (["sent", "delivered", "delivered"], "delivered"),
        (["delivered", "sent", "queued"], "delivered"),
        (["delivered", "undelivered", "failed"], "delivered"),
        (["undelivered", "delivered", "sent"], "undelivered"),
        (["queued", "sending", "sent"], "sent"),
        (["failed", "failed", "failed"], "undelivered"),
    ] {
        let id = app.accept(a_transactional(app.now())).await;
        app.end_of(id).await;
        let sid = logged(&app, id).await.1.unwrap();
        for status in statuses {
            assert_eq!(report(&door, id, &sid, status).await.status, 204);
        }
        assert_eq!(app.state(id).await.0, end, "{statuses:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_receipt_moves_nothing_that_ended_without_being_sent() {
    let (app, door) = gateway().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::Reject { code: "21211".to_owned() })).unwrap();
    let id = app.accept(a_transactional(app.now())).await;
    assert_eq!(app.end_of(id).await.0, "failed");
    assert_eq!(report(&door, id, SID, "delivered").await.status, 204);
    assert_eq!(app.state(id).await.0, "failed");
    app.stop().await;
}

#[tokio::test]
async fn a_copy_that_did_not_arrive_says_nothing_of_another_that_did() {
    let (app, door) = gateway().await;
    let id = app.accept(a_transactional(app.now())).await;
    app.end_of(id).await;
    report(&door, id, SID, "undelivered").await;
    assert_eq!(app.state(id).await.0, "sent", "the log holds another copy");
    report(&door, id, SID, "delivered").await;
    assert_eq!(app.state(id).await.0, "delivered", "whichever arrived");
    app.stop().await;
}

/// The mock posts its receipts while it still holds back the answer.
#[tokio::test]
async fn a_receipt_that_comes_before_the_answer_is_applied_after_it() {
    let (app, _door) = gateway_with_receipts().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::Delay { delay_ms: 1500 })).unwrap();
    let id = app.accept(a_transactional(app.now())).await;
    eventually("the receipt to be kept", async || (kept(&app).await > 0).then_some(())).await;
    assert_eq!(app.state(id).await.0, "sending", "a call is under way");
    becomes("delivered".to_owned(), async || app.state(id).await.0).await;
    assert_eq!(app.attempts(id).await, [("twilio".to_owned(), "accepted".to_owned())]);
    becomes(0, async || kept(&app).await).await;
    app.stop().await;
}

#[tokio::test]
async fn receipts_of_unknown_messages_leave_nothing_behind() {
    let (app, door) = gateway().await;
    let stranger = MessageId::new(app.now());
    assert_eq!(report(&door, stranger, SID, "delivered").await.status, 204);
    let fields = [("MessageSid", SID), ("MessageStatus", "delivered")];
    for path in [
        "/webhooks/twilio/status",
        "/webhooks/twilio/status?message_id=",
        "/webhooks/twilio/status?message_id=1%27",
    ] {
        assert_eq!(post(&door, path, &fields).await.status, 204, "{path}");
    }
    for fields in [&[] as &[(&str, &str)], &[("MessageStatus", "delivered")], &[("MessageSid", SID)]] {
        assert_eq!(post(&door, &status_path(stranger), fields).await.status, 204, "{fields:?}");
    }
    assert_eq!(kept(&app).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_kept_receipt_is_forgotten_after_a_day() {
    let app = tests::TestApp::without_worker().await;
    let door = tests::Door::open(&app).await;
    let ids = [app.accept(a_transactional(app.now())).await, app.accept(a_transactional(app.now())).await];
    for id in ids {
        report(&door, id, SID, "sent").await;
        report(&door, id, SID, "sent").await;
    }
    assert_eq!(kept(&app).await, 2, "repeated ones take no room");
    let old =
        "update smsgw.sms_receipts set received_at = received_at - interval '25 hours' where message_id = $1";
    sqlx::query(old).bind(ids[0]).execute(&app.pool).await.unwrap();
    assert_eq!(shared::store::upkeep::purge_receipts(&app.pool).await.unwrap(), 1);
    assert_eq!(kept(&app).await, 1);
}

#[tokio::test]
async fn hundreds_of_early_receipts_are_all_applied() {
    let (app, _door) = gateway_with_receipts().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::Delay { delay_ms: 300 })).unwrap();
    let many: Vec<_> = (0..300).map(|_| a_transactional(app.now()).to(&a_number()).build()).collect();
    app.accept_all(&many).await;
    app.drained(Duration::from_secs(30)).await;
    becomes(Some(300), async || app.ends().await.get("delivered").copied()).await;
    becomes(0, async || kept(&app).await).await;
    app.stop().await;
}
