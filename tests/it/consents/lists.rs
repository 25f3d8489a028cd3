//! Lists of stops: in by chunks with every bad row told, out without harm, and in again.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::store::opt_outs::CONSENT_LOCK;
use tests::builders::{a_number, a_promo};
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::history;

const IMPORT: &str = "/sms/opt-outs/import";

/// The lines of an import's answer.
async fn import(door: &Door, query: &str, kind: &str, list: impl Into<reqwest::Body>) -> Vec<Value> {
    let request =
        door.request(Method::POST, &format!("{IMPORT}{query}")).header("content-type", kind).body(list);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    lines(&answer.text().await.unwrap())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn export(door: &Door, query: &str) -> String {
    door.request(Method::GET, &format!("/sms/opt-outs{query}")).send().await.unwrap().text().await.unwrap()
}

/// What an import that ends well says last, without its type.
fn done(told: &[Value], lines: u64, recorded: u64, unchanged: u64, rejected: u64) {
    let last = json!({ "type": "done", "lines": lines, "recorded": recorded, "unchanged": unchanged,
        "rejected": rejected });
    assert_eq!(told.last(), Some(&last), "{told:?}");
}

#[tokio::test]
async fn a_list_is_recorded_and_its_bad_rows_are_told() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let list = "Mobile;Scope;Sender;Proof\n098765 43210;;;form 7\n+41790000001;all;;\n12;;;\n\
                +41790000002;sender;ACME;\n+41790000003;none;;\n9.1E+11;;;\n+41 79 000 00 01;all;;\n";
    let told = import(&door, "?default_region=IN&source=old%20system", "text/csv", list).await;
    let rejected: Vec<_> = told.iter().filter(|line| line["type"] == "rejected").collect();
    let told_of: Vec<_> =
        rejected.iter().map(|line| (&line["line"], line["reason"].as_str().unwrap())).collect();
    assert_eq!(told_of[1..], [(&json!(6), "unknown_scope"), (&json!(7), "spreadsheet_number")]);
    assert_eq!(told_of[0].0, &json!(4));
    done(&told, 8, 3, 1, 3);
    assert_eq!(
        history(&door, "+919876543210").await,
        [json!(["opt_out", "marketing", null, "old system", "form 7"])]
    );
    assert_eq!(history(&door, "+41790000002").await[0][2], "ACME");
    let again = import(&door, "?default_region=IN&source=other", "text/csv", list).await;
    done(&again, 8, 0, 4, 3);
}

#[tokio::test]
async fn what_is_exported_opens_without_harm_and_is_imported_as_it_was() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (number, stop) in [
        ("+41790000001", json!({ "source": "=HYPERLINK(\"http://evil\")", "proof": "a, \"b\"" })),
        ("+41790000002", json!({ "scope": "all", "source": "@cmd", "proof": "-1+1" })),
        ("+41790000002", json!({ "scope": "sender", "sender": "+15005550006" })),
        ("+41790000003", json!({ "scope": "sender", "sender": "ACME" })),
    ] {
        assert_eq!(door.put(&format!("/sms/opt-outs/{number}"), &stop).await.status, 200);
    }
    let csv = export(&door, "").await;
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows[0], "phone,scope,sender,source,proof,created_at");
    assert!(
        rows[1].starts_with("+41790000001,marketing,,\"'=HYPERLINK(\"\"http://evil\"\")\",\"a, \"\"b\"\"\","),
        "{csv}"
    );
    assert!(rows[2].starts_with("+41790000002,all,,'@cmd,'-1+1,"), "{csv}");
    let ndjson = export(&door, "?format=ndjson").await;
    for (list, kind) in [(csv.clone(), "text/csv"), (ndjson.clone(), "application/x-ndjson")] {
        let other = TestApp::without_worker().await;
        let theirs = Door::open(&other).await;
        let told = import(&theirs, "", kind, list).await;
        assert_eq!(told.last().unwrap()["recorded"], 4, "{told:?}");
        assert_eq!(
            (export(&theirs, "").await, export(&theirs, "?format=ndjson").await),
            (csv.clone(), ndjson.clone())
        );
    }
    assert_eq!(door.get("/sms/opt-outs?format=xls").await.refusal(), (400, "invalid-request"));
}

#[tokio::test]
async fn a_long_list_is_committed_by_chunks_and_given_out_whole() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let row = |n: u32| format!("+4179{n:07}\n");
    let list: String = std::iter::once("phone\n".to_owned()).chain((0..5000).map(row)).collect();
    let told = import(&door, "", "text/csv", list).await;
    let counts: Vec<_> =
        told.iter().map(|line| (line["type"].as_str().unwrap(), line["recorded"].as_u64())).collect();
    assert_eq!(counts, [("progress", Some(2000)), ("progress", Some(4000)), ("done", Some(5000))]);
    let numbers: Vec<_> = export(&door, "").await.lines().skip(1).map(|row| row[..12].to_owned()).collect();
    assert_eq!(numbers, (0..5000).map(|n| row(n).trim().to_owned()).collect::<Vec<_>>());
}

/// Each chunk is on disk once its line is there, and holds at the next claim: nobody waits for the end of the list.
#[tokio::test]
async fn a_chunk_holds_while_the_list_still_arrives() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let (send, parts) = futures::channel::mpsc::unbounded::<Result<String, std::io::Error>>();
    let row = |n: u32| format!("+4179{n:07}\n");
    let first: String =
        ["phone\n".to_owned(), format!("{number}\n")].into_iter().chain((0..1999).map(row)).collect();
    send.unbounded_send(Ok(first)).unwrap();
    let list = reqwest::Body::wrap_stream(parts);
    let request = door.request(Method::POST, IMPORT).header("content-type", "text/csv").body(list);
    let answer = request.send().await.unwrap();
    let mut told = answer.bytes_stream();
    let line = told.next().await.unwrap().unwrap();
    assert!(line.starts_with(br#"{"type":"progress","recorded":2000"#), "{line:?}");
    let promo = app.accept(a_promo(app.now()).to(&number)).await;
    assert_eq!(app.end_of(promo).await.0, "suppressed");
    // Longer than a head may take: what arrives is a body.
    for n in 0..11 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        send.unbounded_send(Ok(row(2000 + n))).unwrap();
    }
    drop(send);
    let last = told.next().await.unwrap().unwrap();
    assert!(last.starts_with(br#"{"type":"done","lines":2012,"recorded":2011"#), "{last:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_chunk_waits_for_claims_under_way() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let mut claim = app.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared($1)")
        .bind(CONSENT_LOCK)
        .execute(&mut *claim)
        .await
        .unwrap();
    let stopped = import(&door, "", "text/csv", format!("phone\n{number}\n"));
    let release = async {
        eventually("the import to wait for the claim", async || app.waiting_for_locks().await).await;
        claim.commit().await.unwrap();
    };
    let (told, ()) = tokio::join!(stopped, release);
    done(&told, 2, 1, 0, 0);
}

#[tokio::test]
async fn what_is_no_list_is_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let told = import(&door, "", "text/csv", "name,city\nAda,London\n").await;
    let [error] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("invalid-request")));
    assert!(error["detail"].as_str().unwrap().contains("no column holds phone numbers"), "{error}");
    let send = async |kind: &'static str, query: &str| {
        let request = door.request(Method::POST, &format!("{IMPORT}{query}")).header("content-type", kind);
        door.call(request.body("phone\n+41790000001\n")).await
    };
    assert_eq!(send("application/json", "").await.refusal(), (415, "unsupported-media-type"));
    for (query, field) in [
        ("?default_region=Indien", "default_region"),
        ("?scope=sender", "sender"),
        ("?source=", "source"),
        ("?made_up=1", "made_up"),
    ] {
        let refused = send("text/csv", query).await;
        assert_eq!((refused.refusal(), refused.fields()), ((400, "invalid-request"), vec![field]), "{query}");
    }
}
