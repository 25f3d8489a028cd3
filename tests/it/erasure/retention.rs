//! What goes by age: texts of messages, lists of campaigns, whom campaigns of one key have texted.

use shared::store::{retention, upkeep};

use super::*;

/// Messages that ended so long ago, with weeks for them. Texts were wiped until 31 days ago.
async fn logged(app: &TestApp, ages: &[&str]) {
    let weeks = "select smsgw.create_partitions(clock_timestamp() - interval '60 days', interval '28 days')";
    run(app, weeks.to_owned()).await;
    for age in ages {
        let ended = format!("clock_timestamp() - interval '{age}'");
        run(app, format!(
            "insert into sms_messages_log (id, \"to\", type, text, status, segments, attempts, created_at, finished_at)
             select (substring(smsgw.uuid_floor({ended} - interval '1 minute')::text for 24)
                     || substring(md5('{age}') for 12))::uuid,
                    '+41790000001', 'promo', '{age}', 'sent', 1, 1, {ended}, {ended}"
        ))
        .await;
    }
    let until = "update smsgw.sms_retention set done_until = clock_timestamp() - interval '31 days'";
    run(app, until.to_owned()).await;
}

async fn texts(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("select text from sms_messages_log where text is not null order by finished_at")
        .fetch_all(&app.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn texts_are_wiped_at_their_age_and_no_sooner() {
    let app = TestApp::without_worker().await;
    logged(&app, &["30 days 23 hours", "30 days 1 hour", "29 days 23 hours", "1 day"]).await;
    let mut db = app.connection().await;
    while retention::wipe_bodies(&mut db, 30).await.unwrap() == upkeep::GROUP {}
    assert_eq!(texts(&app).await, ["29 days 23 hours", "1 day"]);
    let rows: i64 =
        sqlx::query_scalar("select count(*) from sms_messages_log").fetch_one(&app.pool).await.unwrap();
    assert_eq!(rows, 4, "counts stay");
    assert_eq!(retention::wipe_bodies(&mut db, 30).await.unwrap(), 0, "it is done until then");
    while retention::wipe_bodies(&mut db, 29).await.unwrap() == upkeep::GROUP {}
    assert_eq!(texts(&app).await, ["1 day"]);
}

#[tokio::test]
async fn a_worker_wipes_what_is_old() {
    let mut app = TestApp::without_worker().await;
    logged(&app, &["30 days 23 hours", "1 day"]).await;
    app.start_worker_with(|parts| parts.config.body_days = 30);
    within(PATIENCE, "the old text to go", async || (texts(&app).await == ["1 day"]).then_some(())).await;
    app.stop().await;
}

#[tokio::test]
async fn a_campaign_that_ended_long_ago_has_counts_and_no_people() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let old = campaign_of(&door, &number).await;
    door.call(door.request(Method::POST, &format!("{old}/start"))).await;
    let ended = within(PATIENCE, "the campaign to end", async || {
        let shown = door.get(&old).await.body;
        (shown["status"] == "finished").then_some(shown)
    })
    .await;
    let mut db = app.connection().await;
    assert_eq!(retention::empty_campaign(&mut db, 1).await.unwrap(), 0, "it is not old");
    run(&app, "update sms_campaigns set finished_at = finished_at - interval '2 days'".to_owned()).await;
    assert_eq!(retention::empty_campaign(&mut db, 1).await.unwrap(), 1);
    assert_eq!(retention::empty_campaign(&mut db, 1).await.unwrap(), 0);
    let tables: Vec<_> =
        found(&app, &[national(&number), NAME]).await.into_iter().map(|(table, _)| table).collect();
    assert!(
        tables.iter().all(|table| !table.contains("recipients") && !table.contains("sms_campaigns")),
        "{tables:?}"
    );
    let shown = door.get(&old).await.body;
    assert_eq!(shown["progress"]["recipients"], ended["progress"]["recipients"]);
    assert_eq!(shown["progress"]["by_status"], ended["progress"]["by_status"]);
    app.stop().await;
}

/// Whom it has texted is known by its list alone, which is no longer whole from the first group on.
#[tokio::test]
async fn a_campaign_whose_list_is_being_deleted_takes_nobody_any_more() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let old = campaign_of(&door, &number).await;
    let id = old.rsplit('/').next().unwrap();
    run(
        &app,
        format!(
            "update sms_campaigns set status = 'finished', finished_at = now() - interval '2 days';
             insert into smsgw.sms_campaign_recipients (campaign_id, place, segments, phone)
             select '{id}', place, 1, '+4179' || to_char(n, 'FM0000000')
             from smsgw.sms_campaign_places, generate_series(1, {}) n",
            upkeep::GROUP
        ),
    )
    .await;
    let mut db = app.connection().await;
    let is_refused = async || {
        let list = json!({ "recipients": [{ "phone": number, "variables": { "name": NAME } }] });
        let by_list = door.post(&format!("{old}/recipients"), &list).await;
        assert_eq!(by_list.refusal(), (409, "campaign-state"));
        let by_sql = format!("select sms_campaign_add('{id}', '{number}')");
        let error = sqlx::raw_sql(AssertSqlSafe(by_sql)).execute(&app.pool).await.unwrap_err();
        assert!(error.to_string().contains("its list is deleted"), "{error}");
    };
    assert_eq!(retention::empty_campaign(&mut db, 1).await.unwrap(), upkeep::GROUP);
    is_refused().await;
    assert_eq!(retention::empty_campaign(&mut db, 1).await.unwrap(), 1, "the rest goes all the same");
    is_refused().await;
    assert_eq!(retention::empty_campaign(&mut db, 1).await.unwrap(), 0);
}

#[tokio::test]
async fn who_was_texted_is_remembered_as_long_as_the_widest_window_of_the_key() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for hours in [24, 48] {
        let wanted = json!({ "name": "x", "text": "y", "dedupe_key": "k", "dedupe_window_hours": hours });
        assert_eq!(door.post("/sms/campaigns", &wanted).await.status, 201);
    }
    run(
        &app,
        "insert into smsgw.sms_campaign_dedupe (key, phone, sent_at)
               values ('k', '+41790000001', now() - interval '25 hours'),
                      ('k', '+41790000002', now() - interval '49 hours')"
            .to_owned(),
    )
    .await;
    assert_eq!(retention::purge_dedupe(&app.pool).await.unwrap(), 1);
    assert_eq!(found(&app, &["+41790000002"]).await, []);
}
