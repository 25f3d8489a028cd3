//! A backup that is older than an erasure: by the list that is kept apart, they are erased again.

use shared::store::erasures::{self, Kept, Replayed};

use super::*;

async fn export(app: &TestApp) -> Vec<Kept> {
    erasures::export(&mut app.connection().await).await.unwrap()
}

/// Another database of the same gateway, as a backup of before would be.
async fn another(app: &TestApp) -> TestApp {
    let mut restored = TestApp::without_worker().await;
    restored.keyring = app.keyring.clone();
    restored
}

#[tokio::test]
async fn a_restored_backup_and_its_list_bring_nobody_back() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let (number, other) = (a_number(), a_number());
    door.put(&format!("/sms/opt-outs/{number}"), &json!({ "scope": "all" })).await;
    let address = erase(&door, &number).await;
    done(&door, &address).await;
    let list = export(&app).await;
    let written = serde_json::to_string(&list).unwrap();
    assert!(list.len() == 2 && !written.contains(national(&number)), "{written}");

    let mut restored = another(&app).await;
    let back = Door::open(&restored).await;
    for one in [&number, &other] {
        let settings = json!({ "phone": one });
        back.put(&format!("/users/u{}/contact-settings", national(one)), &settings).await;
        restored.accept_all(&[planned(restored.now(), one)]).await;
    }
    let mut db = restored.connection().await;
    let replayed = erasures::replay(&mut db, &restored.keyring, &list).await.unwrap();
    assert_eq!(replayed, Replayed { stops: 1, erasures: 1, people: 1 });
    let again = erasures::replay(&mut db, &restored.keyring, &list).await.unwrap();
    assert_eq!(again, Replayed::default());
    restored.start_worker();
    done(&back, &address).await;
    assert_eq!(found(&restored, &[national(&number)]).await, []);
    assert!(!found(&restored, &[national(&other)]).await.is_empty());
    let text = restored.accept(a_promo(restored.now()).to(&number)).await;
    assert_eq!(restored.end_of(text).await.0, "suppressed");
    restored.stop().await;
    app.stop().await;
}

#[tokio::test]
async fn a_list_says_nothing_to_another_gateway_and_is_written_down_once() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let address = erase(&door, &number).await;
    done(&door, &address).await;
    let list = export(&app).await;
    let other = TestApp::without_worker().await;
    other.accept_all(&[planned(other.now(), &number)]).await;
    let mut db = other.connection().await;
    let replayed = erasures::replay(&mut db, &other.keyring, &list).await.unwrap();
    assert_eq!(replayed, Replayed { stops: 0, erasures: 1, people: 0 });
    assert_eq!(other.unfinished().await, 1);
    assert_eq!(erasures::replay(&mut db, &other.keyring, &list).await.unwrap(), Replayed::default());
    app.stop().await;
}

/// Whom a campaign has texted may stand where their texts are counted, and nowhere else any more.
#[tokio::test]
async fn who_is_only_counted_by_the_frequency_cap_is_found() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let address = erase(&door, &number).await;
    done(&door, &address).await;
    let list = export(&app).await;
    let restored = another(&app).await;
    run(&restored, format!("insert into smsgw.sms_promo_contacts (phone, times, until) values ('{number}', '{{now()}}', now())"))
        .await;
    let mut db = restored.connection().await;
    let replayed = erasures::replay(&mut db, &restored.keyring, &list).await.unwrap();
    assert_eq!(replayed, Replayed { stops: 0, erasures: 1, people: 1 });
    app.stop().await;
}
