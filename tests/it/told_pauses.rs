//! What workers tell each other of a provider that says "slow down".

use mock_provider::{Fault, PaceChange, RetryAfter, Vendor};
use tests::TestApp;
use tests::builders::a_promo;

/// Each of many calls under way is told a moment later than the one before to wait as long.
#[tokio::test]
async fn one_pause_that_many_calls_hear_of_is_written_down_a_few_times_only() {
    let mut app = TestApp::without_worker().await;
    sqlx::raw_sql(
        "create sequence public.writes;
         create function public.count_write() returns trigger language plpgsql security definer
             as $$ begin perform nextval('public.writes'); return null; end $$;
         create trigger count_writes after insert or update on smsgw.sms_provider_state
             for each row execute function public.count_write();",
    )
    .execute(&mut app.owner().await)
    .await
    .unwrap();
    app.mock.set_pace(Vendor::Twilio, PaceChange { latency_ms: Some(300), ..PaceChange::default() });
    app.mock.fail(Vendor::Twilio, Fault::Throttle { retry_after: Some(RetryAfter::Seconds(30)) }).unwrap();
    let backlog: Vec<_> = (0..300).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    app.start_worker();
    for message in &backlog {
        app.waits_for(message.id, "provider_paused").await;
    }
    let calls = app.mock.requests().twilio.total;
    assert!(calls >= 50, "{calls} calls");
    let writes: i64 = sqlx::query_scalar("select last_value from public.writes")
        .fetch_one(&mut app.owner().await)
        .await
        .unwrap();
    assert!(writes <= 10, "{writes} writes for {calls} calls");
    app.stop().await;
}
