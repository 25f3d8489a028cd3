//! Logs for machines: one JSON object a line, whatever happens.

use tests::process::Smsgw;
use tests::wait::eventually;

use super::{Running, log_lines};

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
