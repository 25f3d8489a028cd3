//! `providers prices`: lists are imported whole or not at all.

use serde_json::{Value, json};
use shared::cost::{Volume, estimate};
use shared::price_list::parse;
use shared::store::prices;
use tests::process::said;

use super::{ADD_MAIN, Desk, lines};

const IMPORT: [&str; 4] = ["providers", "prices", "import", "-"];
const LIST: [&str; 3] = ["providers", "prices", "list"];
const HEADER: &str = "provider,country,price,currency\n";

/// Providers that a new database knows: `twilio`, `2factor` and `sandbox`.
async fn desk_with(list: &str) -> Desk {
    let desk = Desk::new().await;
    import(&desk, list);
    desk
}

/// What an import that works says: new, changed, as before, removed.
fn import(desk: &Desk, list: &str) -> [u64; 4] {
    let said = desk.say_with_input(&[&IMPORT[..], &["--json"]].concat(), &format!("{HEADER}{list}"));
    assert_eq!(said.code, 0, "{}", said.err);
    let done = lines(&said.out).remove(0);
    ["added", "changed", "unchanged", "removed"].map(|field| done[field].as_u64().unwrap())
}

/// The prices as they are listed, without their time.
fn listed(desk: &Desk) -> Vec<String> {
    let word = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let row =
        |one: Value| ["provider", "country", "price", "currency"].map(|field| word(&one, field)).join(" ");
    desk.json(&LIST).into_iter().map(row).collect()
}

#[tokio::test]
async fn a_list_is_imported_and_listed_to_the_last_digit() {
    let desk = Desk::new().await;
    assert!(desk.done(&LIST).contains("no price is known"));
    assert_eq!(listed(&desk), [""; 0]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let list =
        "twilio,US,0.0079,USD\n2factor,IN,999999.999999,INR\ntwilio,CH,0.000001,CHF\nsandbox,CH,0,CHF\n";
    std::fs::write(file.path(), format!("{HEADER}{list}")).unwrap();
    let told = desk.done(&["providers", "prices", "import", file.path().to_str().unwrap()]);
    assert!(told.contains("imported 4 prices: 4 new"), "{told}");
    let all = [
        "2factor IN 999999.999999 INR",
        "sandbox CH 0.00 CHF",
        "twilio CH 0.000001 CHF",
        "twilio US 0.0079 USD",
    ];
    assert_eq!(listed(&desk), all);
    let shown = desk.done(&LIST);
    assert!(shown.contains("twilio           US        0.0079 USD  since 20"), "{shown}");
}

#[tokio::test]
async fn a_list_replaces_all_prices_of_its_providers_and_no_others() {
    let desk =
        desk_with("twilio,US,0.0079,USD\ntwilio,CH,0.05,USD\ntwilio,FR,0.06,USD\n2factor,IN,0.15,INR\n")
            .await;
    let done = import(&desk, "twilio,DE,0.07,USD\ntwilio,US,0.0079,EUR\ntwilio,CH,0.050,USD\n");
    assert_eq!(done, [1, 1, 1, 1]);
    let all = ["2factor IN 0.15 INR", "twilio CH 0.05 USD", "twilio DE 0.07 USD", "twilio US 0.0079 EUR"];
    assert_eq!(listed(&desk), all);
}

#[tokio::test]
async fn the_same_list_again_changes_nothing_not_even_a_date() {
    let list = "twilio,US,0.0079,USD\ntwilio,CH,0.05,USD\n";
    let desk = desk_with(list).await;
    let before = desk.json(&LIST);
    assert_eq!(import(&desk, list), [0, 0, 2, 0]);
    assert_eq!(desk.json(&LIST), before);
}

#[tokio::test]
async fn a_list_with_a_wrong_line_imports_nothing_and_tells_them_all() {
    let desk = desk_with("twilio,US,0.0079,USD\n").await;
    let wrong = "twilio,CH,0.05,USD\ntwillio,US,0.01,USD\ntwilio,Peru,0.01,USD\n\ntwilio,FR,\"0,01\",USD\n\
                 twilio,DE,1e-2,USD\ntwilio,IT,0.01,dollars\ntwilio,CH,0.06,USD\n";
    let refused = desk.say_with_input(&IMPORT, &format!("{HEADER}{wrong}"));
    assert_eq!(refused.code, 1);
    for told in [
        "nothing is imported",
        "line 3: there is no provider called \"twillio\"; known are 2factor, sandbox, twilio",
        "line 4: country: \"Peru\"",
        "line 6: it has 5 fields, not 4",
        "line 7: price: \"1e-2\"",
        "line 8: currency: \"dollars\"",
        "line 9: line 2 is about the same provider and country",
    ] {
        assert!(refused.err.contains(told), "{told}: {}", refused.err);
    }
    assert!(!refused.err.contains("line 2:"), "{}", refused.err);
    for text in ["", "twilio,US,0.01,USD\n", HEADER] {
        let refused = desk.say_with_input(&[&IMPORT[..], &["--json"]].concat(), text);
        assert_eq!(refused.code, 1);
        assert!(lines(&refused.err)[0]["error"].as_str().unwrap().contains("line 1"), "{}", refused.err);
    }
    let many = "twilio,Peru,0.01,USD\n".repeat(23);
    let refused = desk.say_with_input(&IMPORT, &format!("{HEADER}{many}"));
    assert!(refused.err.contains("line 21:") && refused.err.contains("and 3 lines more"), "{}", refused.err);
    assert_eq!(listed(&desk), ["twilio US 0.0079 USD"]);
}

#[tokio::test]
async fn prices_of_a_provider_on_record_need_no_master_key() {
    let desk = Desk::new().await;
    let secrets = "account_sid=AC00000000000000000000000000000000\nauth_token=x";
    assert_eq!(desk.say_with_input(&ADD_MAIN, secrets).code, 0);
    let keyless = desk.settings.iter().filter(|(name, _)| *name != "SMSGW_MASTER_KEY").cloned().collect();
    let imported = said(&keyless, &IMPORT, &format!("{HEADER}main,US,0.0079,USD\n"));
    assert_eq!(imported.code, 0, "{}", imported.err);
    assert_eq!(listed(&desk), ["main US 0.0079 USD"]);
    let missing = desk.say(&["providers", "prices", "import", "/nowhere/prices.csv"]);
    assert!(missing.code == 1 && missing.err.contains("cannot read"), "{missing:?}");
}

#[tokio::test]
async fn a_bill_is_made_of_the_prices_that_are_known() {
    let desk = desk_with("twilio,US,0.0079,USD\n2factor,IN,0.15,INR\n").await;
    let volumes =
        [("twilio", "US", 3), ("twilio", "IN", 5), ("2factor", "IN", 2)].map(|(provider, code, segments)| {
            Volume { provider: provider.to_owned(), country: code.parse().ok(), segments }
        });
    let wanted = volumes.iter().filter_map(|one| Some((one.provider.clone(), one.country?))).collect();
    let known = prices::list_of(&mut desk.app.connection().await, &wanted).await.unwrap();
    assert_eq!(known.len(), 2);
    let bill = serde_json::to_value(estimate(volumes, &known)).unwrap();
    assert_eq!(
        bill["totals"],
        json!([
            { "currency": "INR", "cost": "0.30", "segments": 2 },
            { "currency": "USD", "cost": "0.0237", "segments": 3 },
        ])
    );
    assert_eq!(bill["unpriced_segments"], 5);
}

#[tokio::test]
async fn of_two_lists_imported_at_once_one_is_there_and_whole() {
    let desk = Desk::new().await;
    let known = ["main".to_owned()];
    let read = |rows: &str| parse(&format!("{HEADER}{rows}"), &known).unwrap();
    let lists =
        [read("main,US,0.1,USD\nmain,CH,0.1,USD\nmain,FR,0.1,USD"), read("main,FR,0.2,EUR\nmain,DE,0.2,EUR")];
    let mut one = desk.app.connection().await;
    let mut other = desk.app.connection().await;
    for _ in 0..50 {
        let (first, second) =
            tokio::join!(prices::import(&mut one, &lists[0]), prices::import(&mut other, &lists[1]));
        first.unwrap();
        second.unwrap();
        let left: Vec<_> = prices::list(&mut one)
            .await
            .unwrap()
            .into_iter()
            .map(|row| (row.country, row.currency))
            .collect();
        let text = format!("{left:?}");
        let whole = [vec![("CH", "USD"), ("FR", "USD"), ("US", "USD")], vec![("DE", "EUR"), ("FR", "EUR")]];
        assert!(whole.iter().any(|list| format!("{list:?}") == text), "{text}");
        sqlx::query("delete from smsgw.sms_prices").execute(&mut one).await.unwrap();
    }
}
