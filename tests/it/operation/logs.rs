//! Logs for machines: one JSON object a line, whatever happens.

use tests::TestApp;
use tests::process::Smsgw;
use tests::wait::eventually;

use super::{Running, launch, log_lines, settings};

#[tokio::test]
async fn each_line_of_a_log_is_one_json_object_with_the_documented_fields() {
    let mut worker = Running::start(&["worker", "--paused"]).await;
    worker.process.kill();
    let lines = log_lines(&worker.process);
    assert!(!lines.is_empty());
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field} is missing in {line}");
        }
    }
}

#[tokio::test]
async fn what_ends_the_program_is_a_json_line_too() {
    let folder = tempfile::tempdir().unwrap();
    let settings = vec![("SMSGW_LISTEN", "127.0.0.1:0".to_owned())];
    let mut process = Smsgw::start("smsgw", folder.path(), &settings, &["serve"]);
    let ended = eventually("the program to end", || std::future::ready(process.ended())).await;
    assert!(!ended.success());
    let lines = log_lines(&process);
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(last["error"].as_str().unwrap().contains("DATABASE_URL"), "{last}");
}

#[tokio::test]
async fn a_collector_that_gets_no_traces_is_told_once() {
    if std::env::var_os("SMSGW_TEST_FEATURES").is_some_and(|all| all.to_string_lossy().contains("otlp")) {
        return;
    }
    let app = TestApp::without_worker().await;
    let mut settings = settings(&app);
    let (quiet, _, _quiet_logs) = launch(&settings, &["worker"]).await;
    settings.extend([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318".to_owned()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x=y".to_owned()),
    ]);
    let (warned, _, _logs) = launch(&settings, &["worker"]).await;
    let warnings = |process: &Smsgw| {
        let lines = log_lines(process).into_iter();
        lines.filter(|line| line["message"].as_str().unwrap().contains("feature otlp")).collect::<Vec<_>>()
    };
    let [told] = &warnings(&warned)[..] else { panic!("one warning: {}", warned.log()) };
    assert_eq!(told["level"], "WARN");
    assert!(told["variable"].as_str().unwrap().starts_with("OTEL_EXPORTER_OTLP_"), "{told}");
    assert!(warnings(&quiet).is_empty());
}
