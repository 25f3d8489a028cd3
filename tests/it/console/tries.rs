//! Guessing passwords.

use futures::future::join_all;

use super::*;

/// Tries for one name from one address, as the gateway has them.
const TOGETHER: usize = 10;

#[tokio::test]
async fn who_guesses_in_parallel_has_no_more_guesses_than_in_turn() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    operator(&app, "ann", Role::Viewer).await;
    let guesses = (0..4 * TOGETHER).map(async |n| {
        let mut browser = Browser::new(&door);
        browser.sign_in("ann", &format!("the wrong password {n}")).await.status().as_u16()
    });
    let told = join_all(guesses).await;
    assert_eq!(told.iter().filter(|status| **status == 401).count(), TOGETHER, "{told:?}");
    assert_eq!(told.iter().filter(|status| **status == 429).count(), 3 * TOGETHER, "{told:?}");
    let late = Browser::new(&door).sign_in("ann", PASSWORD).await;
    assert_eq!(late.status(), 429, "not even with the right one");
    let wait: u64 = late.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    sqlx::query("update smsgw.operator_tries set until = clock_timestamp()")
        .execute(&app.pool)
        .await
        .unwrap();
    assert_eq!(Browser::new(&door).sign_in("ann", PASSWORD).await.status(), 303);
}

#[tokio::test]
async fn an_address_cannot_try_name_after_name() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut statuses = Vec::new();
    for n in 0..32 {
        let name = format!("nobody{n}");
        statuses.push(Browser::new(&door).sign_in(&name, "the wrong password").await.status().as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30, "{statuses:?}");
    assert_eq!(statuses[30..], [429, 429]);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    operator(&app, "known", Role::Viewer).await;
    let mut pages = Vec::new();
    for name in ["known", "nobod"] {
        let answer = Browser::new(&door).sign_in(name, "the wrong password").await;
        assert_eq!(answer.status(), 401);
        pages.push(answer.text().await.unwrap().replace(name, "NAME"));
    }
    assert_eq!(pages[0], pages[1]);
    assert!(pages[0].contains("Name or password is wrong"));
}
