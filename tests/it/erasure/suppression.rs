//! What somebody had stopped outlives them: whichever way their number comes back.

use shared::phone::PhoneNumber;
use tests::builders::{a_transactional, an_otp};

use super::*;

/// Stops marketing, and is erased.
async fn stopped_and_erased(app: &TestApp, door: &Door) -> String {
    let number = a_number();
    assert_eq!(door.put(&format!("/sms/opt-outs/{number}"), &json!({})).await.status, 200);
    let address = erase(door, &number).await;
    done(door, &address).await;
    assert_eq!(found(app, &[national(&number)]).await, []);
    number
}

#[tokio::test]
async fn an_erased_stop_holds_for_texts_of_its_scope() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = stopped_and_erased(&app, &door).await;
    let suppressed = ("suppressed".to_owned(), Some("opted_out".to_owned()));
    let promo = app.accept(a_promo(app.now()).to(&number)).await;
    assert_eq!(app.end_of(promo).await, suppressed);
    let other = app.accept(a_promo(app.now())).await;
    assert_eq!(app.end_of(other).await.0, "sent");
    let transactional = app.accept(a_transactional(app.now()).to(&number)).await;
    assert_eq!(app.end_of(transactional).await.0, "sent");
    let code = app.accept(an_otp(app.now(), &app.keyring, "123456").to(&number)).await;
    assert_eq!(app.end_of(code).await.0, "sent");
    // As somebody typed it, by SQL.
    let typed = format!("+91 0{}", national(&number));
    run(&app, format!("select sms_enqueue('{typed}', 'Sale', lane => 'promo')")).await;
    app.drained(PATIENCE).await;
    let ended: Vec<String> = sqlx::query_scalar(
        "select status from sms_messages_log where type = 'promo' and api_key_id is null
                            and text = 'Sale'",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert_eq!(ended, ["suppressed"]);
    let shown = door.get(&format!("/sms/opt-outs/{number}")).await.body;
    assert_eq!((&shown["opted_out"], &shown["opt_outs"][0]["source"]), (&json!(true), &json!("erased")));
    app.stop().await;
}

#[tokio::test]
async fn a_list_that_comes_again_does_not_bring_them_back() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = stopped_and_erased(&app, &door).await;
    let made = door.post("/sms/campaigns", &json!({ "name": "autumn", "text": "Sale" })).await.body;
    let campaign = format!("/sms/campaigns/{}", made["campaign_id"].as_str().unwrap());
    let upload = door
        .request(Method::POST, &format!("{campaign}/recipients"))
        .header("content-type", "text/csv")
        .body(format!("phone\n+41790000001\n{number}\n"));
    let told = upload.send().await.unwrap().text().await.unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&told[0]["line"], &told[0]["reason"]), (&json!(3), &json!("opted_out")), "{told:?}");
    let last = told.last().unwrap();
    assert_eq!((&last["added"], &last["rejected"]), (&json!(1), &json!(1)));
    run(&app, format!("select sms_campaign_add('{}', '{number}')", made["campaign_id"].as_str().unwrap()))
        .await;
    within(PATIENCE, "the row to be read", async || {
        let progress = &door.get(&campaign).await.body["progress"];
        (progress["staged"] == 0 && progress["rejected"] == 2).then_some(())
    })
    .await;
    assert_eq!(found(&app, &[national(&number)]).await, []);
    app.stop().await;
}

#[tokio::test]
async fn who_says_start_is_texted_again() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    for way in ["api", "list", "text"] {
        let number = stopped_and_erased(&app, &door).await;
        let path = format!("/sms/opt-outs/{number}");
        match way {
            "api" => assert_eq!(door.delete(&format!("{path}?scope=marketing")).await.status, 204),
            "list" => {
                let list = format!("phone,action\n{number},opt_in\n");
                let import = door.request(Method::POST, "/sms/opt-outs/import");
                let import = import.header("content-type", "text/csv").body(list).send().await.unwrap();
                assert!(import.text().await.unwrap().contains("\"done\""));
            }
            _ => {
                let text = shared::store::inbound::Inbound {
                    provider_message_id: format!("SM{number}"),
                    from: PhoneNumber::parse(&number, None).unwrap(),
                    to: Vec::new(),
                    wish: shared::store::inbound::Wish::Start,
                };
                let mut db = app.connection().await;
                let people = app.keyring.people();
                shared::store::inbound::carry_out(&mut db, people, "twilio", &text, None).await.unwrap();
            }
        }
        assert_eq!(door.get(&path).await.body["opted_out"], false, "{way}");
        let promo = app.accept(a_promo(app.now()).to(&number)).await;
        assert_eq!(app.end_of(promo).await.0, "sent", "{way}");
    }
    app.stop().await;
}

/// A claim that began before the erasure sees the stop, one that began after it sees the hash; none sees neither.
#[tokio::test]
async fn a_stop_holds_while_it_turns_into_a_hash() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    for _ in 0..10 {
        let number = a_number();
        door.put(&format!("/sms/opt-outs/{number}"), &json!({ "scope": "all" })).await;
        let send = async {
            for _ in 0..20 {
                app.accept(a_promo(app.now()).to(&number)).await;
            }
        };
        let path = format!("/people/{number}");
        tokio::join!(send, door.delete(&path));
        app.drained(PATIENCE).await;
        assert_eq!(app.mock.arrivals_to(&number).len(), 0);
    }
    app.stop().await;
}
