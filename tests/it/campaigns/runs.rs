//! A campaign from its list to its results.

use std::collections::HashSet;

use super::*;

#[tokio::test]
async fn everybody_on_the_list_is_texted_once_and_the_results_say_so() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Hi {{ name }}, sale today" })).await;
    let people = numbers(300);
    let mut list = String::from("Name;Phone\n");
    for (at, number) in people.iter().enumerate() {
        list += &format!("Ann {at};{number}\n");
    }
    // The same people once more, spelled otherwise.
    list += &format!("Bob;{}\nBob;00{}\n", people[0].replace('+', "+ "), &people[1][1..]);
    let lines = upload(&door, &campaign, list).await;
    assert_eq!(
        told(&lines),
        json!({ "type": "done", "added": 300, "duplicates": 2, "blocked": 0, "rejected": 0 })
    );
    let before = door.get(&campaign).await.body;
    assert_eq!((&before["status"], &before["progress"]["recipients"]), (&json!("draft"), &json!(300)));
    assert_eq!(act(&door, &campaign, "start").await.status, 200);
    let done = becomes(&door, &campaign, "finished").await;
    assert_eq!(done["progress"]["by_status"], json!({ "sent": 300 }));
    assert_eq!(copies(&app, &people), vec![1; 300]);
    let texts: HashSet<String> =
        people.iter().map(|number| app.mock.arrivals_to(number)[0].body.clone()).collect();
    assert_eq!(texts.len(), 300);
    assert!(texts.contains("Hi Ann 299, sale today"));
    let results = results(&door, &campaign).await;
    assert_eq!(results.len(), 300);
    for (row, number) in results.iter().zip(&people) {
        assert_eq!((&row["phone"], &row["status"]), (&json!(number), &json!("sent")));
        let message = door.get(&format!("/sms/messages/{}", row["message_id"].as_str().unwrap())).await.body;
        assert_eq!(message["to"], json!(number));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_spreadsheet_finds_no_formula_in_the_results() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({})).await;
    let people = numbers(3);
    upload(&door, &campaign, list_of(&people)).await;
    let request = door.request(Method::GET, &format!("{campaign}/results"));
    let answer = request.send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(answer.headers()["content-disposition"].to_str().unwrap().contains("attachment"));
    let text = answer.text().await.unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[0], "phone,status,reason,provider,message_id,country,segments,attempts,finished_at");
    assert_eq!(rows.len(), 4);
    for (row, number) in rows[1..].iter().zip(&people) {
        assert!(row.starts_with(&format!("{number},waiting,")), "{row}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_list_by_hand_is_a_list_too() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Hi {{ name }}" })).await;
    let people = numbers(2);
    let list = json!({ "recipients": [
        { "phone": people[0], "name": "Ann" }, { "phone": people[1], "name": "Bob" }, { "phone": "12", "name": "Eve" },
        { "phone": people[0] },
    ] });
    let lines = upload_as(&door, &campaign, "application/json", None, list.to_string()).await;
    assert_eq!(told(&lines)["added"], 2);
    let refused: Vec<_> = lines.iter().filter(|line| line["type"] == "rejected").collect();
    assert_eq!((&refused[0]["line"], &refused[1]["line"]), (&json!(3), &json!(4)));
    assert_eq!(refused[1]["reason"], "text_not_filled");
    assert_eq!(act(&door, &campaign, "start").await.status, 200);
    becomes(&door, &campaign, "finished").await;
    assert_eq!(app.mock.arrivals_to(&people[1])[0].body, "Hi Bob");
    app.stop().await;
}

#[tokio::test]
async fn a_test_text_goes_to_one_number_and_counts_for_nothing() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Hi {{ name }}", "sender": "SHOP" })).await;
    let to = a_number();
    let sent =
        door.post(&format!("{campaign}/test"), &json!({ "to": to, "variables": { "name": "Ann" } })).await;
    assert_eq!((sent.status.as_u16(), &sent.body["text"]), (202, &json!("Hi Ann")));
    within(std::time::Duration::from_secs(10), "the test to arrive", async || {
        (app.mock.arrivals_to(&to).len() == 1).then_some(())
    })
    .await;
    assert_eq!(app.mock.arrivals_to(&to)[0].body, "Hi Ann");
    let refused = door.post(&format!("{campaign}/test"), &json!({ "to": to })).await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["variables"]));
    assert_eq!(door.get(&campaign).await.body["progress"]["recipients"], 0);
    app.stop().await;
}

#[tokio::test]
async fn a_planned_campaign_begins_at_its_time() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let start_at = app.now() + chrono::TimeDelta::seconds(3);
    let campaign = draft(&door, json!({ "start_at": start_at.to_rfc3339() })).await;
    let people = numbers(5);
    upload(&door, &campaign, list_of(&people)).await;
    let started = act(&door, &campaign, "start").await;
    assert_eq!((started.status.as_u16(), &started.body["status"]), (200, &json!("scheduled")));
    becomes(&door, &campaign, "finished").await;
    for number in &people {
        let arrived_at = arrived_at(&app.mock.arrivals_to(number)[0]);
        assert!(arrived_at >= start_at, "{arrived_at}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_throttle_is_never_exceeded() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "max_per_second": 50 })).await;
    upload(&door, &campaign, list_of(&numbers(600))).await;
    act(&door, &campaign, "start").await;
    becomes(&door, &campaign, "finished").await;
    let mut times: Vec<_> = app.mock.arrivals().iter().map(|one| arrived_at(one)).collect();
    times.sort_unstable();
    assert_eq!(times.len(), 600);
    let took = (times[550] - times[50]).as_seconds_f64();
    // A busy machine holds up single messages at either end; `bench/run campaigns` says how exactly.
    assert!((8.5..=30.0).contains(&took), "500 messages in {took} s");
    app.stop().await;
}
