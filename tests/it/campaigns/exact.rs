//! A list as people have them, counted to the last row: what the upload, the preview, the results and the vendor say.
//!
//! `SMSGW_LIST_ROWS` (3000) says how long it is.

use std::collections::HashMap;
use std::time::Duration;

use super::*;

/// What a list is made of.
struct Mixed {
    /// In different encodings and with different separators; together they are the list.
    files: Vec<Vec<u8>>,
    people: Vec<String>,
    stopped: Vec<String>,
    duplicates: usize,
    invalid: usize,
}

/// Rows that no number can be read from, each in its way.
const INVALID: [&str; 5] = ["12", "9.1E+11", "nobody", "", "+999 123"];

impl Mixed {
    /// Of `rows` rows, a tenth is there already in another spelling, and three in a hundred are no number; of the others
    /// one in twenty has said stop.
    fn new(rows: usize) -> Self {
        let (duplicates, invalid) = (rows / 10, rows * 3 / 100);
        let people: Vec<String> = (0..rows - duplicates - invalid)
            .map(|n| format!("+91{}", 9_000_000_000_u64 + n as u64))
            .collect();
        let stopped = people.iter().step_by(20).cloned().collect();
        let mut cells: Vec<(String, &str)> = Vec::with_capacity(rows);
        cells.extend(
            people.iter().enumerate().map(|(at, number)| (spelled(number, at), ["Ann", "José"][at % 2])),
        );
        let again = people.iter().step_by(7).take(duplicates).enumerate();
        cells.extend(again.map(|(at, number)| (spelled(number, 7 * at + 1), "Zoë")));
        cells.extend((0..invalid).map(|at| (INVALID[at % INVALID.len()].to_owned(), "Ann")));
        let third = rows.div_ceil(3);
        let mut parts = cells.chunks(third);
        let files =
            vec![utf16(&csv(parts.next().unwrap(), ';')), latin1(&csv(parts.next().unwrap(), '\t')), {
                [b"\xef\xbb\xbf", csv(parts.next().unwrap(), ',').as_bytes()].concat()
            }];
        Self { files, people, stopped, duplicates, invalid }
    }
}

/// A number of India in one of the ways people write it.
fn spelled(number: &str, way: usize) -> String {
    let national = &number[3..];
    match way % 5 {
        0 => number.to_owned(),
        1 => format!("0{national}"),
        2 => format!("0091 {} {}", &national[..5], &national[5..]),
        3 => format!("(+91) {}-{}", &national[..4], &national[4..]),
        _ => national.to_owned(),
    }
}

fn csv(rows: &[(String, &str)], separator: char) -> String {
    let mut text = format!("Name{separator}Mobile\r\n");
    for (number, name) in rows {
        text += &format!("\"{name}\"{separator}{number}\r\n");
    }
    text
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

async fn stop(app: &TestApp, people: &[String]) {
    sqlx::query(
        "insert into smsgw.sms_opt_outs (phone, source) select n, 'test' from unnest($1::text[]) as n",
    )
    .bind(people)
    .execute(&app.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_mixed_list_is_counted_to_the_last_row_by_all_who_count() {
    let rows = std::env::var("SMSGW_LIST_ROWS")
        .map_or(3000, |rows| rows.parse().expect("SMSGW_LIST_ROWS: a number"));
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let mixed = Mixed::new(rows);
    stop(&app, &mixed.stopped).await;
    let campaign = draft(&door, json!({ "text": "Hi {{ name }}, sale today" })).await;
    let mut sums: HashMap<&str, u64> = HashMap::new();
    for file in &mixed.files {
        let lines = upload(&door, &format!("{campaign}?default_region=IN"), file.clone()).await;
        let last = lines.last().unwrap();
        assert_eq!(last["type"], "done", "{last}");
        for count in ["added", "duplicates", "rejected"] {
            *sums.entry(count).or_default() += last[count].as_u64().unwrap();
        }
        let refused: Vec<_> = lines.iter().filter(|line| line["type"] == "rejected").collect();
        assert!(refused.iter().all(|line| line["line"].is_u64() && line["reason"].is_string()));
        *sums.entry("told").or_default() += refused.len() as u64;
    }
    let [people, stopped, duplicates, invalid] =
        [mixed.people.len(), mixed.stopped.len(), mixed.duplicates, mixed.invalid].map(|count| count as u64);
    let counted = ["added", "duplicates", "rejected", "told"].map(|count| sums[count]);
    assert_eq!(counted, [people, duplicates, invalid, invalid]);
    let preview = door.get(&format!("{campaign}/preview")).await.body;
    let shown =
        ["recipients", "duplicates", "invalid", "opted_out"].map(|count| preview[count].as_u64().unwrap());
    assert_eq!(shown, [people, duplicates, invalid, stopped]);
    assert_eq!(act(&door, &campaign, "start").await.status, 200);
    let done = within(Duration::from_secs(60 + rows as u64 / 200), "it to end", async || {
        let now = door.get(&campaign).await.body;
        (now["status"] == "finished").then_some(now)
    })
    .await;
    assert_eq!(done["progress"]["by_status"], json!({ "sent": people - stopped, "suppressed": stopped }));
    let results = results(&door, &campaign).await;
    assert_eq!(results.len() as u64, people);
    let copies = app.arrivals_by_number();
    assert_eq!(copies.len() as u64, people - stopped);
    for row in &results {
        let arrived = copies.get(row["phone"].as_str().unwrap()).map_or(0, Vec::len);
        let wanted = if row["status"] == "sent" { 1 } else { 0 };
        assert!(arrived == wanted, "{arrived} arrived: {row}");
    }
    assert!(mixed.stopped.iter().all(|number| !copies.contains_key(number.as_str())));
    app.stop().await;
}
