//! `send` and `otp`: through a running gateway, whose refusals become a sentence.

use secrecy::ExposeSecret;
use serde_json::json;
use tests::Door;
use tests::process::{Settings, said};

use super::{Desk, lines};

/// A gateway, and the environment of somebody who may call it.
async fn gateway() -> (Desk, Door, Settings) {
    let desk = Desk::new().await;
    let door = Door::open(&desk.app).await;
    let settings = vec![
        ("SMSGW_URL", door.url.clone()),
        ("SMSGW_API_KEY", door.key.expose_secret().to_owned()),
        ("SMSGW_DEV_DIR", "/nowhere".to_owned()),
    ];
    (desk, door, settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_and_its_id_printed() {
    let (desk, door, settings) = gateway().await;
    let sent = said(&settings, &["send", "+41790000001", "Your table is booked."], "");
    assert_eq!(sent.code, 0, "{}", sent.err);
    let (id, status) = sent.out.trim().split_once(' ').unwrap();
    assert_eq!((status, desk.app.state(id.parse().unwrap()).await.0.as_str()), ("queued", "queued"));

    let piped = ["send", "+41790000001", "-", "--idempotency-key", "k1", "--json"];
    let first = lines(&said(&settings, &piped, "From a pipe.\n").out).remove(0);
    let again = lines(&said(&settings, &piped, "From a pipe.\n").out).remove(0);
    assert_eq!((&first["status"], &first["message_id"]), (&"queued".into(), &again["message_id"]));

    desk.done(&["templates", "set", "booking", "--body", "Dear {{ name }}, welcome."]);
    let rendered = said(
        &settings,
        &["send", "+41790000001", "--template", "booking", "--var", "name=Ada", "--json"],
        "",
    );
    assert_eq!(rendered.code, 0, "{}", rendered.err);
    let id = lines(&rendered.out)[0]["message_id"].as_str().unwrap().to_owned();
    let shown = door.get(&format!("/sms/messages/{id}")).await;
    assert_eq!(shown.body["text"], "Dear Ada, welcome.");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_sent_and_a_wrong_one_refused() {
    let (_desk, door, settings) = gateway().await;
    let sent = said(&settings, &["otp", "send", "+41790000002"], "");
    assert_eq!(sent.code, 0, "{}", sent.err);
    let session = sent.out.trim().to_owned();
    let wrong = said(&settings, &["otp", "verify", &session], "000000\n");
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("attempts remain"), "{}", wrong.err);
    let document = said(&settings, &["otp", "verify", &session, "--json"], "000000\n");
    assert!(document.code == 1 && document.out.is_empty(), "{document:?}");
    let told = &lines(&document.err)[0];
    assert!(told["error"].as_str().unwrap().contains("attempts remain"), "{told}");
    assert!(told["problem"]["attempts_remaining"].is_number(), "{told}");
    let none = said(&settings, &["otp", "verify", &session], "");
    assert!(none.code == 2 && none.err.contains("standard input"), "{none:?}");
    // A code on the command line could be read by others.
    assert_eq!(said(&settings, &["otp", "verify", &session, "123456"], "").code, 2);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_field_and_the_cure() {
    let (_desk, door, settings) = gateway().await;
    let changed = |name: &'static str, value: &str| -> Settings {
        let others = settings.iter().filter(|(known, _)| *known != name).cloned();
        others.chain(std::iter::once((name, value.to_owned()))).collect()
    };
    let nowhere = "http://127.0.0.1:1";
    for (settings, arguments, told) in [
        (settings.clone(), &["send", "nobody", "Hello"][..], "to: "),
        (settings.clone(), &["send", "+41790000001", "Hello", "--send-at", "soon"], "send_at: "),
        (settings.clone(), &["send", "+41790000001", "--template", "none"], "template"),
        (changed("SMSGW_API_KEY", "sk_none"), &["send", "+41790000001", "Hello"], "smsgw keys create"),
        (changed("SMSGW_API_KEY", " "), &["send", "+41790000001", "Hello"], "SMSGW_API_KEY"),
        (changed("SMSGW_URL", nowhere), &["send", "+41790000001", "Hello"], "SMSGW_URL"),
        (changed("SMSGW_URL", "not a url"), &["send", "+41790000001", "Hello"], "SMSGW_URL"),
    ] {
        let said = said(&settings, arguments, "");
        assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
        assert!(
            said.err.contains(told) && said.err.trim().lines().count() == 1,
            "{arguments:?}: {}",
            said.err
        );
        assert!(!said.err.contains(door.key.expose_secret()));
    }
    for wrong in [&["send", "+41790000001"][..], &["send"], &["otp"], &["send", "+1", "x", "--var", "a=b"]] {
        assert_eq!(said(&settings, wrong, "").code, 2, "{wrong:?}");
    }
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_a_locked_phone_is_unlocked() {
    let (desk, door, settings) = gateway().await;
    let session = said(&settings, &["otp", "send", "+41790000003"], "").out.trim().to_owned();
    let listed = lines(&desk.done(&["otp", "sessions", "--phone", "+41 79 000 00 03", "--json"]));
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &session.as_str().into()));
    assert!(desk.done(&["otp", "sessions"]).contains(&session));
    assert!(desk.done(&["otp", "sessions", "--user-id", "nobody"]).contains("no such session"));
    sqlx::query("insert into smsgw.otp_phone_failures values ('+41790000003', 10, 'infinity')")
        .execute(&desk.app.pool)
        .await
        .unwrap();
    assert_eq!(desk.done(&["otp", "unlock", "+41790000003"]).trim(), "unlocked: +41790000003");
    let again = desk.say(&["otp", "unlock", "+41790000003"]);
    assert!(again.code == 1 && again.err.contains("no wrong codes to forget"), "{again:?}");
    let nonsense = desk.say(&["otp", "unlock", "12"]);
    assert!(nonsense.code == 2 && nonsense.err.contains("[PHONE]"), "{nonsense:?}");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_second_factor_is_locked_is_unlocked() {
    let (desk, door, _) = gateway().await;
    let made = door.post("/users/ann/two-factor/backup-codes", &json!({})).await.body;
    let verify = async || {
        let typed = json!({ "method": "backup_code", "code": made["codes"][0] });
        door.post("/users/ann/two-factor/verify", &typed).await.status.as_u16()
    };
    let locked = "insert into smsgw.two_factor_failures
                  values ('ann', 10, clock_timestamp() + interval '1 day'), ('ben', 3, null)";
    sqlx::query(locked).execute(&desk.app.pool).await.unwrap();
    assert_eq!(verify().await, 429);
    assert_eq!(desk.done(&["otp", "unlock", "--user", "ann"]).trim(), "unlocked: ann");
    assert_eq!(verify().await, 200);
    let again = desk.say(&["otp", "unlock", "--user", "ann"]);
    assert!(again.code == 1 && again.err.contains("ann has no wrong codes to forget"), "{again:?}");
    assert_eq!(
        lines(&desk.done(&["otp", "unlock", "--user", "ben", "--json"])),
        [json!({ "unlocked": "ben" })]
    );
    for wrong in [&["otp", "unlock"][..], &["otp", "unlock", "+41790000003", "--user", "ann"]] {
        assert_eq!(desk.say(wrong).code, 2, "{wrong:?}");
    }
    door.close().await;
}
