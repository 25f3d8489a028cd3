//! Lists as people have them, and as they come again.

use std::time::Duration;

use futures::StreamExt as _;

use super::*;

#[tokio::test]
async fn each_row_that_cannot_be_used_comes_back_with_its_line_and_the_reason() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Hi {{ name }}" })).await;
    let list = "phone,name\n+41790000001,Ann\n9.1E+11,Bob\n12,Eve\n0790000002,Max\n+41790000003,\n";
    let lines = upload(&door, &format!("{campaign}?default_region=CH"), list).await;
    let refused: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "rejected")
        .map(|line| (line["line"].as_u64().unwrap(), line["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(refused, [(3, "spreadsheet_number"), (4, "phone_not_possible")]);
    assert_eq!(
        told(&lines),
        json!({ "type": "done", "added": 3, "duplicates": 0, "blocked": 0, "rejected": 2 })
    );
    let preview = door.get(&format!("{campaign}/preview")).await.body;
    assert_eq!((&preview["recipients"], &preview["invalid"]), (&json!(3), &json!(2)));
    assert_eq!(preview["countries"], json!([{ "country": "CH", "recipients": 3, "segments": 3 }]));
    app.stop().await;
}

#[tokio::test]
async fn a_list_that_comes_again_adds_nobody() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({})).await;
    let list = list_of(&numbers(12_000));
    let first = upload_as(&door, &campaign, "text/csv", Some("k1"), list.clone()).await;
    assert_eq!(first.iter().filter(|line| line["type"] == "progress").count(), 2);
    let again = upload_as(&door, &campaign, "text/csv", Some("k1"), list.clone()).await;
    assert_eq!(again[0], json!({ "type": "resumed", "rows": 12_000 }));
    assert_eq!(told(&again), told(&first));
    let without_key = upload(&door, &campaign, list.clone()).await;
    assert_eq!(
        (&told(&without_key)["added"], &told(&without_key)["duplicates"]),
        (&json!(0), &json!(12_000))
    );
    for other in
        [list_of(&numbers(12_000)), list[..list.len() / 2].to_owned(), format!("{list}+41790000001\n")]
    {
        let refused = upload_as(&door, &campaign, "text/csv", Some("k1"), other).await;
        let last = refused.last().unwrap();
        assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!("invalid-request")), "{last}");
    }
    assert_eq!(door.get(&campaign).await.body["progress"]["recipients"], 12_000);
    app.stop().await;
}

/// The connection breaks in the middle, and the same list is sent once more.
#[tokio::test]
async fn an_upload_that_broke_off_goes_on_where_it_stopped() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({})).await;
    let list = list_of(&numbers(30_000));
    let begun = list.as_bytes()[..list.len() * 2 / 3].to_vec();
    let pieces = futures::stream::iter([Ok::<_, std::io::Error>(begun)]).chain(futures::stream::pending());
    let request = door
        .request(Method::POST, &format!("{campaign}/recipients"))
        .header("content-type", "text/csv")
        .header("idempotency-key", "k2")
        .body(reqwest::Body::wrap_stream(pieces));
    let upload = tokio::spawn(request.send());
    within(Duration::from_secs(60), "a chunk to be committed", async || {
        let count = door.get(&campaign).await.body["progress"]["recipients"].as_i64().unwrap();
        (count > 0).then_some(())
    })
    .await;
    upload.abort();
    // The gateway may still be committing what had arrived, and says so.
    let again = within(Duration::from_secs(60), "the list to be taken to its end", async || {
        let again = upload_as(&door, &campaign, "text/csv", Some("k2"), list.clone()).await;
        (again.last().unwrap()["code"] != "idempotency-key-running").then_some(again)
    })
    .await;
    assert_eq!(again[0]["type"], "resumed");
    assert_eq!((&told(&again)["added"], &told(&again)["duplicates"]), (&json!(30_000), &json!(0)));
    app.stop().await;
}

#[tokio::test]
async fn what_is_no_list_is_refused_and_nobody_added() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({})).await;
    for (list, said) in [
        (&b""[..], "empty"),
        (b"PK\x03\x04 a workbook", "workbook"),
        (b"name;city\nAnn;Bern\n", "no column"),
        (b"phone;mobile\n+41790000001;+41790000002\n", "several columns"),
    ] {
        let lines = upload(&door, &campaign, list).await;
        let last = lines.last().unwrap();
        assert_eq!(last["type"], "error", "{last}");
        assert!(last["detail"].as_str().unwrap().contains(said), "{last}");
    }
    let request = door.request(Method::POST, &format!("{campaign}/recipients")).body("phone\n");
    assert_eq!(door.call(request).await.refusal(), (415, "unsupported-media-type"));
    let request = door
        .request(Method::POST, &format!("{campaign}/recipients?default_region=XX"))
        .header("content-type", "text/csv");
    let refused = door.call(request.body("phone\n")).await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["default_region"]));
    assert_eq!(door.get(&campaign).await.body["progress"]["recipients"], 0);
    app.stop().await;
}

#[tokio::test]
async fn a_preview_names_the_characters_that_cost_and_counts_who_said_stop() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Don’t miss it", "max_per_second": 10 })).await;
    let people = numbers(25);
    upload(&door, &campaign, list_of(&people)).await;
    door.put(&format!("/sms/opt-outs/{}", people[3]), &json!({})).await;
    let preview = door.get(&format!("{campaign}/preview")).await.body;
    assert_eq!((&preview["recipients"], &preview["opted_out"]), (&json!(25), &json!(1)));
    assert_eq!(preview["longest_text"]["encoding"], "ucs2");
    assert_eq!(preview["longest_text"]["forcing"][0]["code_point"], "U+2019");
    assert_eq!((&preview["ucs2"]["recipients"], &preview["ucs2"]["saved_segments"]), (&json!(25), &json!(0)));
    assert_eq!(preview["ucs2"]["forcing"][0]["replacement"]["text"], "'");
    assert_eq!(preview["seconds"], 3);
    assert_eq!(preview["cost"]["unpriced_segments"], 25);
    app.stop().await;
}

#[tokio::test]
async fn a_campaign_that_cannot_be_is_refused_field_by_field() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (wanted, fields) in [
        (json!({}), vec!["name"]),
        (json!({ "name": "x" }), vec!["text"]),
        (json!({ "name": "x", "text": "{{ a" }), vec!["text"]),
        (json!({ "name": "", "text": "a", "lane": "otp", "weight": 0 }), vec!["name", "lane", "weight"]),
        (json!({ "name": "x", "text": "a", "max_per_second": 0 }), vec!["max_per_second"]),
        (
            json!({ "name": "x", "text": "a", "budget": { "amount": "1e3", "currency": "EUR" } }),
            vec!["budget"],
        ),
        (json!({ "name": "x", "text": "a", "dedupe_window_hours": 3 }), vec!["dedupe_window_hours"]),
        (json!({ "name": "x", "text": "a", "start_at": "2020-01-01T00:00:00Z" }), vec!["start_at"]),
        (json!({ "name": "x", "template": "none" }), vec!["template"]),
    ] {
        let refused = door.post("/sms/campaigns", &wanted).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (400, fields), "{}", refused.body);
    }
    assert_eq!(door.get("/sms/campaigns").await.body["campaigns"], json!([]));
    let nowhere = "/sms/campaigns/00000000-0000-7000-8000-000000000000";
    for action in ["start", "pause", "resume", "cancel"] {
        assert_eq!(act(&door, nowhere, action).await.status, 404);
    }
    app.stop().await;
}
