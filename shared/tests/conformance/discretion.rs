//! What a call must keep to itself, and whom it must not ask.

use std::sync::{Arc, Mutex};

use crate::adapters::{self, Adapter, SECRET};
use crate::peer::{Act, Peer};
use crate::{answer, failed, yes};

/// A code that somebody typed.
const TYPED: &str = "4938170256";

#[tokio::test]
async fn no_error_and_no_log_line_shows_a_credential() {
    let log = Log::default();
    let writer = log.clone();
    let lines =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    // For the whole process: with a log of this thread alone, other tests' threads would decide what is recorded.
    tracing::subscriber::set_global_default(lines.finish()).expect("the only test that logs");
    for adapter in adapters::all().into_iter().map(Adapter::hurried) {
        for act in [Act::Answer(yes(&adapter)), Act::Hang, Act::Reset, Act::Answer(answer(401, "", SECRET))] {
            let peer = Peer::always(act).await;
            let sent = adapter.send_to(&peer.url("http")).await;
            assert!(!format!("{sent:?}").contains(SECRET), "{}", adapter.name);
        }
        let error = failed(&adapter, adapter.send_to("http://127.0.0.1:1").await);
        assert!(!format!("{error:?} {error}").contains(SECRET), "{}", adapter.name);
    }
    for checker in adapters::checkers() {
        let (right, denied) = (checker.answer(&checker.right), answer(401, "", SECRET));
        for act in [Act::Answer(right), Act::Reset, Act::Answer(denied)] {
            let peer = Peer::always(act).await;
            let checked = checker.check_at(&peer.url("http"), TYPED).await;
            assert!(!format!("{checked:?}").contains(SECRET), "{}", checker.name);
        }
    }
    let text = String::from_utf8_lossy(&log.0.lock().expect("no writer panics")).into_owned();
    assert!(text.contains("a provider call got no answer"), "the log was caught");
    assert!(!text.contains(SECRET) && !text.contains(TYPED), "{text}");
}

/// Log lines in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Variables are a process's, so another test runs once more in a process of its own.
#[tokio::test]
async fn proxy_variables_change_nothing() {
    let proxy = Peer::always(Act::Hang).await;
    let mut again = tokio::process::Command::new(std::env::current_exe().expect("this program"));
    again.args(["--exact", "connections::a_yes_is_accepted_with_the_vendors_id"]);
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        again.env(variable, proxy.url("http"));
    }
    let done = again.env_remove("NO_PROXY").env_remove("no_proxy").output().await.expect("it runs");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.connections(), 0);
}
