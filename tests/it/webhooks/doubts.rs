//! Receipts of messages that nobody knows to have been sent.

use mock_provider::{Fault, FaultRule, Vendor};
use tests::builders::{a_number, a_promo, a_transactional};
use tests::wait::{becomes, eventually};

use super::{SID, gateway, gateway_with_receipts, logged, report};

#[tokio::test]
async fn a_text_in_doubt_whose_receipt_comes_is_not_sent_again() {
    let (app, _door) = gateway_with_receipts().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::DeliverThenReset).times(1)).unwrap();
    let number = a_number();
    let id = app.accept(a_transactional(app.now()).to(&number)).await;
    becomes("delivered".to_owned(), async || app.state(id).await.0).await;
    let (_, sid, _) = logged(&app, id).await;
    assert_eq!(sid, Some(app.mock.arrivals_to(&number)[0].provider_id.clone()), "the copy is known now");
    assert_eq!(app.logged(id).await.unwrap().copies, 0, "no doubt is left");
    assert_eq!(app.attempts(id).await, [("twilio".to_owned(), "in_doubt".to_owned())]);
    assert_eq!(app.mock.arrivals_to(&number).len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_text_that_waits_in_doubt_is_settled_by_whatever_its_receipt_says() {
    let (app, door) = gateway().await;
    for (word, status) in [("sent", "sent"), ("delivered", "delivered"), ("failed", "undelivered")] {
        app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::Reset).times(1)).unwrap();
        let id = app.accept(a_transactional(app.now())).await;
        eventually("the text to wait for its second copy", async || {
            app.row(id).await.filter(|row| row.copies == 1 && row.worker_id.is_none())
        })
        .await;
        assert_eq!(report(&door, id, SID, word).await.status, 204);
        assert_eq!(app.row(id).await.map(|row| row.copies), None, "it waits no longer");
        assert_eq!(app.state(id).await, (status.to_owned(), Some("settled_by_receipt".to_owned())));
        assert_eq!(logged(&app, id).await.1.as_deref(), Some(SID));
    }
    app.stop().await;
}

#[tokio::test]
async fn an_end_in_doubt_becomes_what_its_receipts_say() {
    let (app, door) = gateway().await;
    for (words, status) in [
        (["sent", "delivered"], "delivered"),
        (["undelivered", "delivered"], "undelivered"),
        (["sent", "undelivered"], "undelivered"),
        (["queued", "queued"], "sent"),
    ] {
        app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::Reset).times(1)).unwrap();
        let id = app.accept(a_promo(app.now())).await;
        assert_eq!(app.end_of(id).await.0, "unknown");
        for word in words {
            report(&door, id, SID, word).await;
        }
        assert_eq!(app.state(id).await.0, status, "{words:?}");
    }
    app.stop().await;
}
