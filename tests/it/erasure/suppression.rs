//! What somebody had stopped outlives them: whichever way their number comes back.

use shared::consent::{Evidence, Statement, Stop};
use shared::ids::MessageId;
use shared::phone::PhoneNumber;
use shared::store::{consents, suppressions};
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

/// What its own process stores and sends is never claimed.
#[tokio::test]
async fn an_erased_stop_holds_for_texts_that_are_handed_over() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let stopped = door.put(&format!("/sms/opt-outs/{number}"), &json!({ "scope": "all" })).await;
    assert_eq!(stopped.status, 200, "{:?}", stopped.body);
    done(&door, &erase(&door, &number).await).await;
    app.refuse_claims().await;
    app.takes_over().await;
    let text = async |to: &str| {
        let sent = door.post("/sms/send-transactional", &json!({ "to": to, "text": "Hello" })).await.body;
        app.end_of(MessageId(sent["message_id"].as_str().unwrap().parse().unwrap())).await
    };
    assert_eq!(text(&number).await, ("suppressed".to_owned(), Some("opted_out".to_owned())));
    assert_eq!(text(&a_number()).await.0, "sent");
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

/// Posts a list of statements.
async fn import(door: &Door, list: String) -> Value {
    let import = door.request(Method::POST, "/sms/opt-outs/import").header("content-type", "text/csv");
    let told = import.body(list).send().await.unwrap().text().await.unwrap();
    serde_json::from_str(told.lines().last().unwrap()).unwrap()
}

/// The list of before, given again, says what they wanted before they stopped; a newer one, what they want now.
#[tokio::test]
async fn what_they_said_before_the_stop_does_not_lift_it() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let said = |action: &str, day: u32| format!("{number},{action},2025-01-{day:02}T00:00:00Z\n");
    let list = |rows: &[String]| format!("phone,action,created_at\n{}", rows.concat());
    import(&door, list(&[said("opt_in", 1), said("opt_out", 3)])).await;
    let told = import(&door, list(&[said("opt_in", 2)])).await;
    assert_eq!((&told["recorded"], &told["unchanged"]), (&json!(0), &json!(1)), "while they are known");
    let path = format!("/sms/opt-outs/{number}");
    assert_eq!(door.get(&path).await.body["opted_out"], true);
    let address = erase(&door, &number).await;
    done(&door, &address).await;
    let told = import(&door, list(&[said("opt_in", 2), said("opt_out", 3)])).await;
    assert_eq!((&told["recorded"], &told["unchanged"]), (&json!(0), &json!(2)));
    assert_eq!(found(&app, &[national(&number)]).await, []);
    assert_eq!(door.get(&path).await.body["opted_out"], true);
    let told = import(&door, list(&[said("opt_in", 4)])).await;
    assert_eq!(told["recorded"], 1);
    assert_eq!(door.get(&path).await.body["opted_out"], false);
    app.stop().await;
}

/// Else they would be texted after a list that failed in between.
#[tokio::test]
async fn an_erased_stop_goes_with_what_replaces_it_or_not_at_all() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = stopped_and_erased(&app, &door).await;
    let plant =
        "create function smsgw.fail() returns trigger language plpgsql as $$ begin raise 'full'; end $$;
                 create trigger fail before insert on smsgw.sms_consents execute function smsgw.fail()";
    let mut owner = app.owner().await;
    sqlx::raw_sql(plant).execute(&mut owner).await.unwrap();
    let list = format!("phone,action\n{number},opt_in\n{number},opt_out\n");
    assert_eq!(import(&door, list.clone()).await["type"], "error");
    let path = format!("/sms/opt-outs/{number}");
    assert_eq!(door.get(&path).await.body["opted_out"], true);
    sqlx::raw_sql("drop trigger fail on smsgw.sms_consents").execute(&mut owner).await.unwrap();
    assert_eq!(import(&door, list).await["recorded"], 2);
    assert_eq!(door.get(&path).await.body["opt_outs"][0]["source"], "import");
    app.stop().await;
}

/// A message that was on its way is refused because of an older stop: that tells of somebody who is being erased.
#[tokio::test]
async fn what_a_provider_tells_while_they_are_erased_is_kept_as_a_hash() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (number, back) = (a_number(), a_number());
    let mut addresses = Vec::new();
    let mut db = app.connection().await;
    for one in [&number, &back] {
        addresses.push(erase(&door, one).await);
        let phone = PhoneNumber::parse(one, None).unwrap();
        let mut said = Statement::told_by_provider("twilio", &phone, None, Some("21610".to_owned()));
        if one == &back {
            said.insert(0, Statement::opt_out(phone, Stop::All, Evidence::of("inbound:twilio")));
        }
        consents::record(&mut db, &said).await.unwrap();
    }
    app.start_worker();
    for address in &addresses {
        done(&door, address).await;
    }
    assert_eq!(found(&app, &[national(&number)]).await, []);
    for one in [&number, &back] {
        let phone = PhoneNumber::parse(one, None).unwrap();
        let kept = suppressions::list(&app.pool, app.keyring.people(), &phone).await.unwrap();
        assert_eq!(kept.len(), 1, "{kept:?}");
    }
    let stops = door.get(&format!("/sms/opt-outs/{back}")).await.body;
    assert_eq!(stops["opt_outs"][0]["source"], "inbound:twilio", "what they said themselves is new: {stops}");
    app.stop().await;
}
