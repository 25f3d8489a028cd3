//! `examples/booking.sql`, as `psql -f` runs it: statement by statement, going on after what is refused.

use std::path::Path;

use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tests::TestApp;

/// SQLSTATE, or the first column of the last row.
type Said = Result<Option<String>, String>;

/// Runs each statement of the file; gives it with what it said.
async fn run_example(app: &TestApp) -> Vec<(String, Said)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/booking.sql");
    let text = std::fs::read_to_string(file).unwrap();
    let mut db = app.owner().await;
    let mut said = Vec::new();
    for statement in text.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        let rows = db.fetch_all(sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))).await;
        let first = |rows: Vec<sqlx::postgres::PgRow>| rows.last()?.try_get_unchecked(0).ok();
        let state = |error: sqlx::Error| error.as_database_error().unwrap().code().unwrap().into_owned();
        let lines = statement.lines().filter(|line| !line.starts_with("--"));
        said.push((lines.collect::<Vec<_>>().join(" ").trim().to_owned(), rows.map(first).map_err(state)));
    }
    said
}

#[tokio::test]
async fn the_example_does_what_it_says() {
    let app = TestApp::without_worker().await;
    let said = run_example(&app).await;
    let refused: Vec<_> = said.iter().filter_map(|(sql, said)| Some((sql, said.as_ref().err()?))).collect();
    // A table that is taken, and a number that is none.
    let states: Vec<_> = refused.iter().map(|(_, state)| state.as_str()).collect();
    assert_eq!(states, ["23505", "22023"], "{refused:?}");
    let (_, seen) = said.iter().find(|(sql, _)| sql.contains("from sms_messages")).unwrap();
    assert_eq!(seen, &Ok(Some("+41790000001".to_owned())));
    let waiting: Vec<(String, String)> =
        sqlx::query_as(r#"select "to", body from smsgw.sms_outbox"#).fetch_all(&app.pool).await.unwrap();
    let [(to, body)] = waiting.as_slice() else { panic!("not one text: {waiting:?}") };
    assert_eq!(to, "+41790000001");
    assert!(body.starts_with("Table 7 is yours, "), "{body}");
    let left =
        "select exists (select from pg_roles where rolname = 'shop') or to_regclass('bookings') is not null";
    let left: bool = sqlx::query_scalar(left).fetch_one(&app.pool).await.unwrap();
    assert!(!left, "it tidies up");
}
