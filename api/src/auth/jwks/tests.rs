//! When keys are fetched, of an issuer that counts.

use std::sync::Mutex as StdMutex;

use axum::http::StatusCode;

use super::*;

const NEVER: Duration = Duration::from_secs(3600);
const AT_ONCE: Pace = Pace { lifetime: NEVER, pause: Duration::ZERO, first_pause: Duration::ZERO };

/// Publishes keys of these names, or is away.
#[derive(Clone, Default)]
struct Issuer {
    publishes: Arc<StdMutex<Option<Vec<&'static str>>>>,
    asked: Arc<StdMutex<usize>>,
}

impl Issuer {
    fn publish(&self, names: &[&'static str]) {
        *self.publishes.lock().unwrap() = Some(names.to_vec());
    }

    fn be_away(&self) {
        *self.publishes.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    fn keys(&self, pace: Pace) -> Arc<Jwks> {
        let issuer = self.clone();
        Jwks::with(pace, move || {
            *issuer.asked.lock().unwrap() += 1;
            let names = issuer.publishes.lock().unwrap().clone();
            let named = |id: &str| Named { id: Some(id.to_owned()), key: Key::ed25519(vec![7; 32]) };
            let keys = names.map(|names| names.into_iter().map(named).collect());
            async move { keys.ok_or(FetchError::Status(StatusCode::BAD_GATEWAY)) }.boxed()
        })
    }
}

async fn is_known(keys: &Arc<Jwks>, name: &str) -> bool {
    keys.any(Algorithm::EdDsa, Some(name), |_| true).await.expect("keys were fetched")
}

#[tokio::test]
async fn keys_are_fetched_once_for_all_who_ask() {
    let issuer = Issuer::default();
    issuer.publish(&["a"]);
    let keys = issuer.keys(Pace { pause: NEVER, ..AT_ONCE });
    let known = futures::future::join_all((0..50).map(|_| is_known(&keys, "a"))).await;
    assert!(known.iter().all(|known| *known));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn made_up_names_do_not_make_us_ask_on_and_on() {
    let issuer = Issuer::default();
    issuer.publish(&["a"]);
    let keys = issuer.keys(Pace { pause: NEVER, ..AT_ONCE });
    assert!(is_known(&keys, "a").await);
    for name in 0..50 {
        assert!(!is_known(&keys, &format!("made-up-{name}")).await);
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_by_its_name_and_one_that_is_gone_counts_no_more() {
    let issuer = Issuer::default();
    issuer.publish(&["a"]);
    let keys = issuer.keys(AT_ONCE);
    assert!(is_known(&keys, "a").await);
    issuer.publish(&["b"]);
    assert!(is_known(&keys, "b").await);
    assert!(!is_known(&keys, "a").await);
}

#[tokio::test]
async fn keys_that_age_are_fetched_again_while_nobody_waits() {
    let issuer = Issuer::default();
    issuer.publish(&["a"]);
    let keys = issuer.keys(Pace { lifetime: Duration::ZERO, ..AT_ONCE });
    assert!(is_known(&keys, "a").await);
    issuer.publish(&["b"]);
    assert!(is_known(&keys, "a").await, "what is known does for whoever finds it ageing");
    while keys.known().keys.iter().any(|named| named.id.as_deref() == Some("a")) {
        tokio::task::yield_now().await;
    }
    assert!(!is_known(&keys, "a").await);
}

#[tokio::test]
async fn what_was_fetched_stays_while_its_address_is_away() {
    let issuer = Issuer::default();
    issuer.publish(&["a"]);
    let keys = issuer.keys(Pace { lifetime: Duration::ZERO, ..AT_ONCE });
    assert!(is_known(&keys, "a").await);
    issuer.be_away();
    let asked = issuer.asked();
    while issuer.asked() < asked + 3 {
        assert!(is_known(&keys, "a").await);
        tokio::task::yield_now().await;
    }
    assert!(!is_known(&keys, "b").await, "an unknown key is refused, not taken for our trouble");
}

#[tokio::test]
async fn until_keys_were_fetched_nobody_can_tell() {
    let issuer = Issuer::default();
    let keys = issuer.keys(Pace { first_pause: NEVER, ..AT_ONCE });
    for _ in 0..5 {
        assert!(keys.any(Algorithm::EdDsa, None, |_| true).await.is_err());
    }
    assert_eq!(issuer.asked(), 1);
    let keys = issuer.keys(AT_ONCE);
    assert!(keys.any(Algorithm::EdDsa, None, |_| true).await.is_err());
    issuer.publish(&["a"]);
    assert!(is_known(&keys, "a").await);
}

#[tokio::test]
async fn a_key_is_asked_only_for_its_own_algorithm_and_name() {
    let issuer = Issuer::default();
    issuer.publish(&["a", "b"]);
    let keys = issuer.keys(AT_ONCE);
    let asked = StdMutex::new(0);
    let count = |_: &Key| {
        *asked.lock().unwrap() += 1;
        false
    };
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256] {
        assert!(!keys.any(algorithm, Some("a"), count).await.expect("keys"));
    }
    assert_eq!(*asked.lock().unwrap(), 0);
    assert!(!keys.any(Algorithm::EdDsa, Some("a"), count).await.expect("keys"));
    assert!(!keys.any(Algorithm::EdDsa, None, count).await.expect("keys"));
    assert_eq!(*asked.lock().unwrap(), 3);
}
