//! Promo waits for a provider that pauses, but only where it has to.

use std::time::Duration;

use mock_provider::{Fault, FaultRule, RetryAfter, Vendor};
use shared::provider::catalogue::ProviderSettings;
use tests::TestApp;
use tests::builders::{a_promo, an_otp};
use tests::wait::eventually;

/// A gateway whose `vendor` has just said "slow down" for half a minute, because of a code.
async fn with_a_pause(vendor: Vendor, change: impl FnOnce(&mut Vec<ProviderSettings>)) -> TestApp {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| change(&mut parts.providers));
    let fault = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(30)) };
    app.mock.fail_by(FaultRule::new(vendor, fault).times(1)).unwrap();
    let name = if vendor == Vendor::Twilio { "twilio" } else { "2factor" };
    let code = app.accept(an_otp(app.now(), &app.keyring, "123456").hint(name)).await;
    app.end_of(code).await;
    app
}

#[tokio::test]
async fn a_promo_for_a_country_that_the_pausing_provider_does_not_serve_goes_out_at_once() {
    let app = with_a_pause(Vendor::TwoFactor, |providers| {
        providers[1].countries = Some(vec!["IN".parse().unwrap()]);
        providers[1].priority = 1;
        providers.sort_by_key(|provider| provider.priority);
    })
    .await;
    let (here, there) = (app.accept(a_promo(app.now())).await, a_promo(app.now()).to("+41791112233"));
    let there = app.accept(there).await;
    eventually("the other country's promo", async || (app.state(there).await.0 == "sent").then_some(()))
        .await;
    assert_eq!(app.way(there).await, "twilio accepted");
    app.waits_unsent(here).await;
    app.stop().await;
}

#[tokio::test]
async fn a_promo_that_arrives_in_a_pause_and_would_expire_in_it_moves_on() {
    let app = with_a_pause(Vendor::Twilio, |_| ()).await;
    let short_lived = a_promo(app.now()).expires_in(app.now(), Duration::from_secs(20));
    let (patient, short_lived) = (app.accept(a_promo(app.now())).await, app.accept(short_lived).await);
    assert_eq!(app.end_of(short_lived).await.0, "sent");
    assert_eq!(app.way(short_lived).await, "2factor accepted");
    app.waits_unsent(patient).await;
    app.stop().await;
}

/// As if a million rows stood before them: to look through takes longer than a claim may be old.
#[tokio::test]
async fn a_promo_that_would_expire_in_a_pause_moves_on_however_deep_the_backlog_is() {
    let app = with_a_pause(Vendor::Twilio, |_| ()).await;
    sqlx::raw_sql(
        "create function public.is_read_slowly(expires_at timestamptz) returns boolean language plpgsql cost 0.1
             as $$ begin
                 if expires_at > now() + interval '1 hour' then perform pg_sleep(0.01); end if;
                 return true;
             end $$;
         grant execute on function public.is_read_slowly to smsgw_app;
         create policy slow on smsgw.sms_outbox to smsgw_app
             using (public.is_read_slowly(expires_at)) with check (true);
         alter table smsgw.sms_outbox enable row level security;",
    )
    .execute(&mut app.owner().await)
    .await
    .unwrap();
    let mut backlog: Vec<_> = (0..200).map(|_| a_promo(app.now()).build()).collect();
    let short_lived = a_promo(app.now()).expires_in(app.now(), Duration::from_secs(20)).build();
    let id = short_lived.id;
    backlog.push(short_lived);
    app.accept_all(&backlog).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.way(id).await, "2factor accepted");
    app.stop().await;
}
