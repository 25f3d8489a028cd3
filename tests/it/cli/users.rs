//! `users`: what is known of one, for people and for programs.

use serde_json::json;
use tests::Door;
use tests::builders::a_number;

use super::Desk;

#[tokio::test]
async fn a_user_is_shown_with_their_factors_devices_and_codes() {
    let desk = Desk::new().await;
    let door = Door::open(&desk.app).await;
    let nobody = desk.json(&["users", "show", "ann"]).remove(0);
    let expected = json!({ "user_id": "ann", "phone": null, "method": "none", "app_since": null,
        "backup_codes_remaining": 0, "devices": [], "sessions": [] });
    assert_eq!(nobody, expected);
    let phone = a_number();
    let settings = json!({ "phone": phone, "otp_enabled": true });
    assert_eq!(door.put("/users/ann/contact-settings", &settings).await.status, 200);
    let codes = door.post("/users/ann/two-factor/backup-codes", &json!({})).await.body;
    let typed = json!({ "method": "backup_code", "code": codes["codes"][0], "remember_device": "Laptop" });
    assert_eq!(door.post("/users/ann/two-factor/verify", &typed).await.status, 200);
    assert_eq!(door.post("/otp/send", &json!({ "phone": phone, "user_id": "ann" })).await.status, 202);
    let shown = desk.json(&["users", "show", "ann"]).remove(0);
    assert_eq!(
        (&shown["phone"], &shown["method"], &shown["backup_codes_remaining"]),
        (&json!(phone), &json!("sms"), &json!(9))
    );
    assert_eq!(
        (&shown["devices"][0]["name"], &shown["sessions"][0]["purpose"]),
        (&json!("Laptop"), &json!("login"))
    );
    let told = desk.done(&["users", "show", "ann"]);
    for word in [&phone, "second factor sms", "9 unused", "Laptop", "never used", "checks 0/5"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}
