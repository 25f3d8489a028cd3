//! The page of a user: what they have, and devices that are revoked.

use serde_json::json;

use super::*;
use tests::builders::a_number;

/// Of an id that is no plain word, with two devices; gives the number.
async fn somebody(door: &Door, address: &str) -> String {
    let phone = a_number();
    let settings = json!({ "phone": phone, "otp_enabled": true });
    assert_eq!(door.put(&format!("{address}/contact-settings"), &settings).await.status, 200);
    let codes = door.post(&format!("{address}/two-factor/backup-codes"), &json!({})).await.body;
    for (n, name) in ["Laptop <b>", "Phone"].into_iter().enumerate() {
        let typed = json!({ "method": "backup_code", "code": codes["codes"][n], "remember_device": name });
        assert_eq!(door.post(&format!("{address}/two-factor/verify"), &typed).await.status, 200);
    }
    phone
}

#[tokio::test]
async fn a_users_page_shows_what_they_have_and_an_admin_revokes_devices() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (id, encoded) = ("a/b <i> 1", "a%2Fb%20%3Ci%3E%201");
    let phone = somebody(&door, &format!("/users/{encoded}")).await;
    let sent = json!({ "to": phone, "text": "Hello", "user_id": id });
    let message = door.post("/sms/send-transactional", &sent).await.body["message_id"].clone();
    assert_eq!(door.post("/otp/send", &json!({ "phone": phone, "user_id": id })).await.status, 202);

    let path = format!("/console/users/{encoded}");
    let viewer = Browser::signed_in(&app, &door, "ben", Role::Viewer).await;
    let of_message = viewer.get(&format!("/console/messages/{}", message.as_str().unwrap())).await;
    let of_message = of_message.text().await.unwrap();
    assert!(of_message.contains(&format!("href=\"{path}\"")), "{of_message}");
    let page = viewer.get(&path).await.text().await.unwrap();
    for shown in
        ["a/b &#60;i&#62; 1", "Laptop &#60;b&#62;", "Phone", "8 unused", "login", &phone[phone.len() - 2..]]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains(&phone) && !page.contains("<button>Revoke"), "{page}");

    let admin = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let page = admin.get(&path).await.text().await.unwrap();
    assert!(page.contains(&phone), "{page}");
    let of_phone = page.split("/revoke\"").next().unwrap().rsplit('/').next().unwrap().to_owned();
    let gone = admin.post(&format!("{path}/devices/{of_phone}/revoke"), &[]).await;
    assert_eq!((gone.status().as_u16(), location(&gone)), (303, path.as_str()));
    assert_eq!(admin.post(&format!("{path}/devices/{of_phone}/revoke"), &[]).await.status(), 404);
    let page = admin.get(&path).await.text().await.unwrap();
    assert!(!page.contains(">Phone<") && page.contains("Laptop"), "{page}");
    assert_eq!(location(&admin.post(&format!("{path}/devices/revoke"), &[]).await), path);
    assert!(admin.get(&path).await.text().await.unwrap().contains("None."));
    let done: Vec<_> = deeds(&app).await.into_iter().filter(|deed| deed.1.starts_with("device.")).collect();
    let deed = |action: &str| ("ann".to_owned(), action.to_owned(), Some(id.to_owned()));
    assert_eq!(done, [deed("device.revoke"), deed("device.revoke_all")]);
    for nobody in ["%00", &"a".repeat(129)] {
        assert_eq!(admin.get(&format!("/console/users/{nobody}")).await.status(), 404);
    }
}
