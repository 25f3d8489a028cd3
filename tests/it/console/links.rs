//! Links that sign in once.

use futures::future::join_all;

use super::*;

#[tokio::test]
async fn of_many_who_press_its_button_a_link_signs_in_one() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    operators::upsert(&app.pool, &"ann".parse().unwrap(), Role::SuperAdmin, None).await.unwrap();
    let link = link_for(&app, "ann").await;
    let browser = Browser::new(&door);
    for _ in 0..3 {
        assert_eq!(browser.get(&link).await.status(), 200, "looking at it does not use it up");
    }
    let answers = join_all((0..20).map(|_| browser.post(&link, &[]))).await;
    let signed_in: Vec<_> =
        answers.iter().filter(|answer| answer.headers().contains_key(SET_COOKIE)).collect();
    assert_eq!(signed_in.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status() == 404).count(), 19);
    let cookie = signed_in[0].headers()[SET_COOKIE].to_str().unwrap().split(';').next().map(str::to_owned);
    assert_eq!(Browser { cookie, ..browser }.get("/console/audit").await.status(), 200);
}

#[tokio::test]
async fn a_link_is_over_after_its_time_and_with_its_operator() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    operator(&app, "ann", Role::Viewer).await;
    let browser = Browser::new(&door);
    let late = link_for(&app, "ann").await;
    sqlx::query("update smsgw.operator_links set ends_at = clock_timestamp()")
        .execute(&app.pool)
        .await
        .unwrap();
    assert_eq!(browser.post(&late, &[]).await.status(), 404);
    let link = link_for(&app, "ann").await;
    assert!(operators::disable(&app.pool, &"ann".parse().unwrap()).await.unwrap());
    assert_eq!(browser.post(&link, &[]).await.status(), 404);
    assert_eq!(browser.post("/console/link/made-up", &[]).await.status(), 404);
}

/// A link's secret is no session's, though both are looked up by a hash under the same key.
#[tokio::test]
async fn the_secret_of_a_link_is_no_cookie() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    operator(&app, "ann", Role::Viewer).await;
    let link = link_for(&app, "ann").await;
    let mut browser = Browser::new(&door);
    browser.cookie = Some(format!("__Host-smsgw={}", link.rsplit('/').next().unwrap()));
    assert_eq!(browser.get("/console/messages").await.status(), 303);
}
