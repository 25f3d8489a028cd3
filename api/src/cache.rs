//! A small cache for what every request needs and operators change: API keys and templates.
//!
//! An entry is believed for two seconds, so a revoked key is refused after at most that. Whoever asks after
//! one second has it looked up again, and goes on with what is known: on a busy gateway no request waits for
//! a look, unless the one before failed or something was changed meanwhile. With the database away, whoever
//! waited for one shares its failure: taking turns at finding nobody would keep the last of many for minutes.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use shared::db::{is_away, within};
use tokio::sync::Mutex;

/// Age at which it is looked up again, beside the request that found it so old.
const REFRESH: Duration = Duration::from_secs(1);
/// Age at which an entry is worth nothing.
const LIFETIME: Duration = Duration::from_secs(2);
/// A database that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(3);
/// More entries than this and all are forgotten: whoever asks for made-up keys gains no memory.
const MAX_ENTRIES: usize = 10_000;
/// Looks at the same time, at most: one a shard.
const SHARDS: usize = 16;

/// Remembers what `load` said about a key, also that there is nothing.
#[derive(Debug)]
pub(crate) struct Cache<K, V>(Arc<Inner<K, V>>);

#[derive(Debug)]
struct Inner<K, V> {
    known: RwLock<Known<K, V>>,
    /// Held during a look; says when one last found the database away.
    loading: [Mutex<Option<Instant>>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug)]
struct Known<K, V> {
    entries: HashMap<K, Arc<Entry<V>>>,
    /// How often something was forgotten: what was looked up meanwhile may be what it was before.
    forgets: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: Option<V>,
    since: Instant,
    refresh_began: AtomicBool,
}

impl<V> Entry<V> {
    /// Whether it is as good as new.
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < REFRESH
    }

    /// Whether it is worth anything.
    fn is_usable(&self) -> bool {
        self.since.elapsed() < LIFETIME
    }

    /// Whether the caller is the one who looks again.
    fn begin_refresh(&self) -> bool {
        !self.is_fresh() && !self.refresh_began.swap(true, Ordering::Relaxed)
    }
}

impl<K, V> Cache<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            known: RwLock::new(Known { entries: HashMap::new(), forgets: 0 }),
            loading: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
        }))
    }

    /// What is known of `key`; asks `load` when that is too old.
    ///
    /// # Errors
    /// Those of `load`.
    pub(crate) async fn get<F>(&self, key: &K, load: impl FnOnce() -> F) -> sqlx::Result<Option<V>>
    where
        F: Future<Output = sqlx::Result<Option<V>>> + Send + 'static,
    {
        let Some(entry) = self.0.find(key).filter(|entry| entry.is_usable()) else {
            // Boxed: whoever finds what they look for, nearly everybody, need not carry the room for this.
            return Box::pin(self.0.look(key, load())).await;
        };
        if entry.begin_refresh() {
            let (inner, key, load) = (Arc::clone(&self.0), key.clone(), load());
            tokio::spawn(async move {
                if let Err(error) = inner.look(&key, load).await {
                    tracing::debug!(%error, "what is known is not refreshed");
                }
            });
        }
        Ok(entry.value.clone())
    }

    /// Forgets `key`: it was changed here.
    pub(crate) fn forget(&self, key: &K) {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entries.remove(key);
        known.forgets += 1;
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Inner<K, V> {
    async fn look(
        &self,
        key: &K,
        load: impl Future<Output = sqlx::Result<Option<V>>>,
    ) -> sqlx::Result<Option<V>> {
        let shard = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        let asked = Instant::now();
        let mut found_away = self.loading[shard].lock().await;
        // Whoever was first has asked for all who waited.
        if let Some(entry) = self.find(key).filter(|entry| entry.is_fresh()) {
            return Ok(entry.value.clone());
        }
        if found_away.is_some_and(|at| at >= asked) {
            return Err(sqlx::Error::PoolTimedOut);
        }
        let (since, forgets) = (Instant::now(), self.read().forgets);
        let value = within(PATIENCE, load).await.inspect_err(|error| {
            if is_away(error) {
                *found_away = Some(Instant::now());
            }
        })?;
        let entry = Entry { value: value.clone(), since, refresh_began: AtomicBool::new(false) };
        self.put(key.clone(), entry, forgets);
        Ok(value)
    }

    fn find(&self, key: &K) -> Option<Arc<Entry<V>>> {
        self.read().entries.get(key).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known<K, V>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an entry, unless something was forgotten since there had been so many `forgets`.
    fn put(&self, key: K, entry: Entry<V>, forgets: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.forgets != forgets {
            return;
        }
        let entries = &mut known.entries;
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

    use tokio::sync::oneshot;

    #[tokio::test]
    async fn many_who_ask_at_once_cause_one_look() {
        let cache = Cache::new();
        let looks = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let looks = Arc::clone(&looks);
            cache.get(&"key", async move || {
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
    async fn nobody_waits_for_what_is_looked_up_again() {
        let (cache, (known, looked_up)) = (Cache::new(), oneshot::channel());
        let aged = Instant::now().checked_sub(REFRESH).expect("a time");
        let entry = Entry { value: Some("old"), since: aged, refresh_began: AtomicBool::new(false) };
        cache.0.put(1, entry, 0);
        let look = async || Ok(Some(looked_up.await.expect("an answer")));
        assert_eq!(cache.get(&1, look).await.expect("an answer"), Some("old"));
        assert_eq!(
            cache.get(&1, async || unreachable!("one look is enough")).await.expect("it"),
            Some("old")
        );
        known.send("new").expect("somebody looks");
        while cache.get(&1, async || unreachable!("it is known")).await.expect("an answer") != Some("new") {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_was_looked_up_before_it_was_changed_is_not_kept() {
        let cache = Cache::new();
        let changed = cache.0.clone();
        let look = async move || {
            Cache(changed).forget(&1);
            Ok(Some("old"))
        };
        assert_eq!(cache.get(&1, look).await.expect("an answer"), Some("old"));
        assert_eq!(cache.get(&1, async || Ok(Some("new"))).await.expect("an answer"), Some("new"));
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
        let looks = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let looks = Arc::clone(&looks);
            cache.get(&"key", async move || {
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
        assert!(cache.0.read().entries.len() <= MAX_ENTRIES);
    }
}
