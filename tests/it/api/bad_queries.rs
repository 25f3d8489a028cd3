//! What stands in queries and addresses is checked too, and what nothing is called is not found.

use reqwest::Method;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{assert_names, assert_refused, stored};

#[tokio::test]
async fn every_part_of_a_query_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("limit=99999999999", "limit"),
        ("limit=", "limit"),
        ("status=lost", "status"),
        ("status=", "status"),
        ("lane=fast", "lane"),
        ("to=12", "to"),
        ("to=%00", "to"),
        ("to=", "to"),
        ("user_id=", "user_id"),
        ("user_id=a%00b", "user_id"),
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=00000000-0000-0000-0000-00000000000g", "cursor"),
        ("offset=1", "offset"),
        ("limit=1&limit=2", "limit"),
    ] {
        assert_names(&door.get(&format!("/sms/messages?{query}")).await, &[field]);
    }
    let all = door.get("/sms/messages?limit=0&to=12&user_id=&cursor=x").await;
    assert_names(&all, &["limit", "to", "user_id", "cursor"]);
    for (query, field) in
        [("limit=0", "limit"), ("limit=1001", "limit"), ("before=x", "before"), ("a=b", "a")]
    {
        assert_names(&door.get(&format!("/sandbox/inbox?{query}")).await, &[field]);
    }
    assert_names(&door.delete("/sms/templates/booked?colour=red").await, &["colour"]);
}

#[tokio::test]
async fn a_name_that_nothing_has_is_not_found() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let id = Uuid::new_v4();
    for path in [
        format!("/sms/messages/{id}"),
        "/sms/messages/not-an-id".to_owned(),
        "/sms/messages/%00".to_owned(),
        "/sms/messages/%FF".to_owned(),
        format!("/otp/sessions/{id}"),
        "/otp/sessions/not-an-id".to_owned(),
        "/sms/templates/nobody".to_owned(),
        "/sms/templates/a%00b".to_owned(),
        "/sms/templates/%FF".to_owned(),
        "/settings/api/nobody".to_owned(),
        "/settings/api/a%00b".to_owned(),
        "/settings/api/%FF".to_owned(),
        "/users/%FF/contact-settings".to_owned(),
        "/sms/opt-outs/%FF".to_owned(),
    ] {
        assert_refused(&door.get(&path).await, 404, "not-found");
    }
    for path in [format!("/sms/messages/{id}/cancel"), "/sms/messages/not-an-id/cancel".to_owned()] {
        assert_refused(&door.call(door.request(Method::POST, &path)).await, 404, "not-found");
    }
    for path in [
        "/sms/templates/nobody",
        "/sms/templates/a%00b",
        "/sms/templates/nobody?locale=a%00b",
        "/settings/api/nobody",
        "/settings/api/a%00b",
        "/sms/opt-outs/+919876543210",
        "/settings/pauses?scope=all",
    ] {
        assert_refused(&door.delete(path).await, 404, "not-found");
    }
    assert_eq!(stored(&app).await, [0; 10]);
}
