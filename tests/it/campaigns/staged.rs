//! Recipients by SQL.

use super::*;

fn id(campaign: &str) -> uuid::Uuid {
    campaign.rsplit('/').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn recipients_by_sql_are_texted_and_what_cannot_be_used_is_counted() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Hi {{ name }}" })).await;
    let people = numbers(40);
    let mut tx = app.pool.begin().await.unwrap();
    for number in people.iter().chain(&people[..3]) {
        sqlx::query("select sms_campaign_add($1, $2, jsonb_build_object('name', 'Ann', 'age', 7))")
            .bind(id(&campaign))
            .bind(number)
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    sqlx::query("select sms_campaign_add($1, '+41790000001')")
        .bind(id(&campaign))
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let counts = within(std::time::Duration::from_secs(10), "the rows to be read", async || {
        let told = door.get(&campaign).await.body["progress"].clone();
        (told["staged"] == 0).then_some(told)
    })
    .await;
    assert_eq!(
        (&counts["recipients"], &counts["duplicates"], &counts["rejected"]),
        (&json!(40), &json!(3), &json!(1))
    );
    act(&door, &campaign, "start").await;
    becomes(&door, &campaign, "finished").await;
    assert_eq!(copies(&app, &people), vec![1; 40]);
    // Committed after the end: they have their turn all the same.
    let late = a_number();
    sqlx::query("insert into smsgw.sms_campaign_staged (campaign_id, phone, variables) values ($1, $2, '{\"name\": \"Eve\"}')")
        .bind(id(&campaign))
        .bind(&late)
        .execute(&app.pool)
        .await
        .unwrap();
    within(std::time::Duration::from_secs(20), "the late one to arrive", async || {
        (app.mock.arrivals_to(&late).len() == 1).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn bad_recipients_by_sql_are_refused_with_the_cure() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({})).await;
    for (to, variables, said) in [
        (Some("0790000001"), json!({}), "not a phone number"),
        (None, json!({}), "not a phone number"),
        (Some("+41790000001"), json!([1]), "must be an object"),
        (Some("+41790000001"), json!({ "name": ["Ann"] }), "must be texts, numbers"),
        (Some("+41790000001"), json!({ "name": "x".repeat(20_000) }), "16 kB"),
    ] {
        let refused = sqlx::query("select sms_campaign_add($1, $2, $3)")
            .bind(id(&campaign))
            .bind(to)
            .bind(&variables)
            .execute(&app.pool)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
    let nowhere =
        sqlx::query("select sms_campaign_add(gen_random_uuid(), '+41790000001')").execute(&app.pool).await;
    assert!(nowhere.unwrap_err().to_string().contains("no such campaign"));
    act(&door, &campaign, "cancel").await;
    let late = sqlx::query("select sms_campaign_add($1, '+41790000001')")
        .bind(id(&campaign))
        .execute(&app.pool)
        .await;
    assert!(late.unwrap_err().to_string().contains("cancelled"));
    app.stop().await;
}
