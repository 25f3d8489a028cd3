//! A small cache for what every request needs and operators change: API keys and templates.
//!
//! An entry is believed for two seconds, so a revoked key is refused after at most that. After one
//! second the next request looks again while the others go on with what is known, so a busy gateway
//! never waits for all its requests to ask at once. With the database away, whoever waited for a look
//! shares its failure: taking turns at finding nobody would keep the last of many for minutes.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use shared::db::is_away;
use tokio::sync::Mutex;

/// Age at which one request looks again.
const REFRESH: Duration = Duration::from_secs(1);
/// Age at which an entry is worth nothing.
const LIFETIME: Duration = Duration::from_secs(2);
/// More entries than this and all are forgotten: whoever asks for made-up keys gains no memory.
const MAX_ENTRIES: usize = 10_000;
/// Looks at the same time, at most: one a shard.
const SHARDS: usize = 16;

/// Remembers what `load` said about a key, also that there is nothing.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: RwLock<HashMap<K, Arc<Entry<V>>>>,
    /// Held during a look; says when one last found the database away.
    loading: [Mutex<Option<Instant>>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug)]
struct Entry<V> {
    value: Option<V>,
    since: Instant,
    refreshing: AtomicBool,
}

impl<V> Entry<V> {
    /// Whether the caller may use it as it is; of those who find it ageing, one may not.
    fn is_usable(&self) -> bool {
        let age = self.since.elapsed();
        age < REFRESH || (age < LIFETIME && self.refreshing.swap(true, Ordering::Relaxed))
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            entries: RwLock::default(),
            loading: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
        }
    }

    /// What is known of `key`; asks `load` when that is too old.
    ///
    /// # Errors
    /// Those of `load`.
    pub(crate) async fn get(
        &self,
        key: &K,
        load: impl AsyncFnOnce() -> sqlx::Result<Option<V>>,
    ) -> sqlx::Result<Option<V>> {
        if let Some(entry) = self.find(key).filter(|entry| entry.is_usable()) {
            return Ok(entry.value.clone());
        }
        // Boxed: whoever finds what they look for, nearly everybody, need not carry the room for this.
        Box::pin(self.look(key, load)).await
    }

    async fn look(
        &self,
        key: &K,
        load: impl AsyncFnOnce() -> sqlx::Result<Option<V>>,
    ) -> sqlx::Result<Option<V>> {
        let shard = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        let asked = Instant::now();
        let mut found_away = self.loading[shard].lock().await;
        // Whoever was first has asked for all who waited.
        if let Some(entry) = self.find(key).filter(|entry| entry.since.elapsed() < REFRESH) {
            return Ok(entry.value.clone());
        }
        if found_away.is_some_and(|at| at >= asked) {
            return Err(sqlx::Error::PoolTimedOut);
        }
        let since = Instant::now();
        let value = load().await.inspect_err(|error| {
            if is_away(error) {
                *found_away = Some(Instant::now());
            }
        })?;
        self.put(key.clone(), Entry { value: value.clone(), since, refreshing: AtomicBool::new(false) });
        Ok(value)
    }

    /// Forgets `key`: it was changed here.
    pub(crate) fn forget(&self, key: &K) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn find(&self, key: &K) -> Option<Arc<Entry<V>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: K, entry: Entry<V>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, Arc::new(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[tokio::test]
    async fn many_who_ask_at_once_cause_one_look() {
        let cache = Cache::new();
        let looks = AtomicUsize::new(0);
        let ask = || {
            cache.get(&"key", async || {
                looks.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(Some(7))
            })
        };
        let answers = futures::future::join_all((0..50).map(|_| ask())).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Some(7)))));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_was_forgotten_is_looked_up_again() {
        let cache = Cache::new();
        let first = cache.get(&1, async || Ok(Some("old"))).await.expect("an answer");
        cache.forget(&1);
        let second = cache.get(&1, async || Ok(None)).await.expect("an answer");
        assert_eq!((first, second), (Some("old"), None));
    }

    #[tokio::test]
    async fn a_failed_look_is_not_remembered() {
        let cache = Cache::new();
        assert!(cache.get(&1, async || Err(sqlx::Error::PoolTimedOut)).await.is_err());
        assert_eq!(cache.get(&1, async || Ok(Some(2))).await.expect("an answer"), Some(2));
    }

    #[tokio::test]
    async fn those_who_wait_for_a_look_that_finds_the_database_away_share_its_failure() {
        let cache = Cache::<_, ()>::new();
        let looks = AtomicUsize::new(0);
        let ask = || {
            cache.get(&"key", async || {
                looks.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Err(sqlx::Error::PoolTimedOut)
            })
        };
        let answers = futures::future::join_all((0..50).map(|_| ask())).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn made_up_keys_do_not_fill_the_memory() {
        let cache = Cache::new();
        for key in 0..MAX_ENTRIES + 5 {
            cache.get(&key, async || Ok(None::<()>)).await.expect("an answer");
        }
        assert!(cache.entries.read().expect("not poisoned").len() <= MAX_ENTRIES);
    }
}
