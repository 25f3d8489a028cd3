//! What a send is answered says nothing of its number's state, neither by its bytes nor by its time.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::keys_publishable::{PAGE, asking, make};
use super::{OTP_RESEND, OTP_SEND};

/// The answer without what differs from one request to the next.
fn bare(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut body = answer.body.clone();
    let time = body["expires_at"].as_str().unwrap_or_default().len();
    for field in ["session_id", "expires_at"] {
        assert!(body[field].is_string(), "{body}");
        body[field] = Value::Null;
    }
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id", "content-length"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    // A time at a whole second is written shorter.
    let length: usize = answer.headers["content-length"].to_str().unwrap().parse().unwrap();
    headers.push(format!("content-length but for the time: {}", length - time));
    headers.sort_unstable();
    (answer.status.as_u16(), headers, body)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Numbers of every state a number can have, made for each turn anew.
async fn numbers(app: &TestApp, door: &Door) -> [(&'static str, String); 6] {
    let [unknown, known, locked, blocked, suppressed, any] = std::array::from_fn(|_| a_number());
    let pumped = format!("{PUMPED}{}", &any[any.len() - 4..]);
    let settings = json!({ "phone": known, "otp_enabled": true });
    assert_eq!(door.put(&format!("/users/{}/contact-settings", &known[1..]), &settings).await.status, 200);
    sqlx::query(
        "insert into smsgw.otp_phone_failures
         values ($1, 10, clock_timestamp() + interval '1 hour'), ($2, 100, 'infinity')",
    )
    .bind(&locked)
    .bind(&blocked)
    .execute(&app.pool)
    .await
    .unwrap();
    let stop = door.put(&format!("/sms/opt-outs/{suppressed}"), &json!({ "scope": "all" })).await;
    assert_eq!(stop.status, 200, "{}", stop.body);
    [
        ("unknown", unknown),
        ("known", known),
        ("locked", locked),
        ("blocked", blocked),
        ("suppressed", suppressed),
        ("pumped", pumped),
    ]
}

/// What numbers begin with that the pumping guard has blocked.
const PUMPED: &str = "+4179999";

/// Lets the guard enforce, and stop nothing but that prefix.
async fn block(app: &TestApp, door: &Door) {
    let settings = json!({ "mode": "enforce", "neighbours": 1000, "near": 20, "credits_prefix": 10_000,
        "credits_country": 10_000 });
    assert_eq!(door.put("/settings/guard", &settings).await.status, 200);
    let far = 4_000_000_000_i64;
    let state = json!({ "credits": 20, "refills_from": far, "traffic": [], "hold": { "rule": "ratio", "until": far } });
    sqlx::query("insert into smsgw.guard_subjects (kind, subject, state) values ('prefix', $1, $2)")
        .bind(PUMPED)
        .bind(state)
        .execute(&app.pool)
        .await
        .unwrap();
}

/// Turns after which the times are looked at. A machine with other things to do needs more of them to be fair to all
/// states; a difference that is there stays, however many they are.
const LOOKS: [usize; 4] = [60, 120, 240, 480];

/// Seen red with a locked phone that is answered at once, without the usual work.
#[tokio::test]
async fn a_send_is_answered_alike_whatever_the_state_of_its_number() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    block(&app, &door).await;
    let mut times: [Vec<Duration>; 6] = Default::default();
    for turn in 0..LOOKS[LOOKS.len() - 1] {
        let numbers = numbers(&app, &door).await;
        let mut first = None;
        // Each state has each place in turn: whatever comes first is slower.
        for place in 0..numbers.len() {
            let (state, number) = &numbers[(turn + place) % numbers.len()];
            let request = door.request(Method::POST, OTP_SEND).json(&json!({ "phone": number }));
            let began = Instant::now();
            let answer = door.call(request).await;
            times[(turn + place) % numbers.len()].push(began.elapsed());
            let expected = first.get_or_insert_with(|| bare(&answer));
            assert_eq!(&bare(&answer), expected, "{state}");
        }
        if LOOKS.contains(&(turn + 1)) && are_alike(&times) {
            let withheld: i64 =
                sqlx::query_scalar("select count(*) from sms_otp_sessions where withheld = 'guard'")
                    .fetch_one(&app.pool)
                    .await
                    .unwrap();
            assert_eq!(usize::try_from(withheld), Ok(turn + 1), "the pumped ones, and nobody else");
            return;
        }
    }
    panic!("{:?}", times.map(median));
}

/// Whether the medians of the fastest state and the slowest are within a millisecond; or within a tenth, where the machine
/// is so busy that answers take longer than ten.
fn are_alike(times: &[Vec<Duration>; 6]) -> bool {
    let medians = times.clone().map(median);
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    *most - *least < Duration::from_millis(1).max(*most / 10)
}

#[tokio::test]
async fn a_page_cannot_tell_which_numbers_of_a_prefix_without_credits_are_known() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = make(&app, "web", &[PAGE]).await;
    let [known, unknown, other] = ["0001", "4000", "8000"].map(|end| format!("{PUMPED}{end}"));
    assert_eq!(door.post(OTP_SEND, &json!({ "phone": known })).await.status, 202);
    assert_eq!(door.put("/settings/guard", &json!({ "mode": "enforce" })).await.status, 200);
    sqlx::raw_sql(
        "update sms_otp_sessions set status = 'verified', verified_at = now();
         update smsgw.guard_subjects set state = state || '{\"credits\": 0, \"refills_from\": 4000000000}'
         where kind = 'prefix'",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let ask = async |path: &str, body: Value| {
        door.call(asking(&door, Method::POST, path, &key).header("origin", PAGE).json(&body)).await
    };
    // Where the page itself stands moves with each send.
    let told = |answer: &Answer| {
        let (status, mut headers, body) = bare(answer);
        headers.retain(|header| !header.starts_with("ratelimit:"));
        (status, headers, body)
    };
    let [first, second] =
        [ask(OTP_SEND, json!({ "phone": known })).await, ask(OTP_SEND, json!({ "phone": unknown })).await];
    assert_eq!(told(&first), told(&second));
    sqlx::raw_sql("update sms_otp_sessions set resend_at = now()").execute(&app.pool).await.unwrap();
    let [again_first, again_second] = [
        ask(OTP_RESEND, json!({ "session_id": first.body["session_id"] })).await,
        ask(OTP_RESEND, json!({ "session_id": second.body["session_id"] })).await,
    ];
    assert_eq!(again_first.status, 202, "{}", again_first.body);
    assert_eq!(told(&again_first), told(&again_second));
    let said = json!({ "session_id": second.body["session_id"], "challenged": true });
    assert_eq!(ask(OTP_RESEND, said).await.fields(), ["challenged"]);
    // A server is told, as it can do something about it.
    let server = door.post(OTP_SEND, &json!({ "phone": other })).await;
    assert_eq!(server.body["challenge_required"], true, "{}", server.body);
}
