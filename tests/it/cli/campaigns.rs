//! `campaign`: from the list to the results, as somebody types it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use tests::builders::a_number;
use tests::process::{Said, Settings, command, said};
use tests::wait::within;
use tests::{Door, TestApp};

use super::lines;

/// A gateway that sends, and somebody who may call it.
struct Owner {
    app: TestApp,
    door: Door,
    settings: Settings,
}

impl Owner {
    async fn new() -> Self {
        Self::of(TestApp::start().await).await
    }

    async fn of(app: TestApp) -> Self {
        let door = Door::open(&app).await;
        let settings = vec![
            ("SMSGW_URL", door.url.clone()),
            ("SMSGW_API_KEY", door.key.expose_secret().to_owned()),
            ("SMSGW_DEV_DIR", "/nowhere".to_owned()),
        ];
        Self { app, door, settings }
    }

    fn say(&self, arguments: &[&str], input: &str) -> Said {
        said(&self.settings, &[&["campaign"], arguments].concat(), input)
    }

    /// What a command that does its work prints.
    fn done(&self, arguments: &[&str]) -> String {
        let said = self.say(arguments, "");
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said.out.trim_end().to_owned()
    }

    fn draft(&self, more: &[&str]) -> String {
        self.done(&[&["create", "autumn", "Hi {{ name }}, sale today"], more].concat())
    }

    async fn close(self) {
        self.door.close().await;
        self.app.stop().await;
    }
}

/// People with names, as a file has them.
fn list(numbers: &[String]) -> String {
    let rows: Vec<_> = numbers.iter().map(|number| format!("{number},Ann\n")).collect();
    format!("phone,name\n{}", rows.concat())
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|_| a_number()).collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_led_from_its_list_to_its_results() {
    let owner = Owner::new().await;
    let id = owner.draft(&["--max-per-second", "200", "--budget", "12.50 EUR"]);
    let people = numbers(30);
    let list = file(&list(&people));
    let added = owner.done(&["add", &id, list.path().to_str().unwrap()]);
    assert_eq!(added, "30 added of 30 rows");
    let preview = owner.done(&["preview", &id]);
    assert!(preview.starts_with("30 recipients, 30 segments"), "{preview}");
    assert!(preview.contains("price unknown") && preview.contains("longest text, 1 segments"), "{preview}");
    let shown = owner.done(&["show", &id]);
    assert!(shown.contains("budget 12.50 EUR") && shown.contains("text  Hi {{ name }}"), "{shown}");
    let tested = owner.done(&["test", &id, &a_number(), "--var", "name=Ada"]);
    assert!(tested.ends_with(" queued\nHi Ada, sale today"), "{tested}");
    assert!(owner.done(&["start", &id]).starts_with("running: 0 of 30 done"));

    let watched = owner.done(&["watch", &id]);
    assert_eq!(watched.lines().last(), Some("finished: 30 of 30 done (sent 30)"), "{watched}");
    let listed = owner.done(&["list", "--status", "finished"]);
    assert!(listed.starts_with(&id) && listed.ends_with("autumn"), "{listed}");
    let table = owner.done(&["results", &id]);
    assert_eq!(table.lines().count(), 31);
    for number in &people {
        assert!(table.contains(&format!("{number},sent,")), "{table}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().to_str().unwrap();
    assert_eq!(owner.done(&["results", &id, "--output", name]), format!("written: {name}"));
    assert_eq!(std::fs::read_to_string(name).unwrap().trim_end(), table);
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_json_of_every_command() {
    let owner = Owner::new().await;
    let json = |arguments: &[&str], input: &str| {
        let said = owner.say(&[arguments, &["--json"]].concat(), input);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        (lines(&said.out), lines(&said.err))
    };
    let id =
        json(&["create", "autumn", "-"], "Sale today\n").0[0]["campaign_id"].as_str().unwrap().to_owned();
    assert_eq!(json(&["show", &id], "").0[0]["text"], "Sale today");
    let people = numbers(3);
    let text =
        format!("{{\"phone\":\"{}\"}}\n{{\"phone\":\"12\"}}\n{{\"phone\":\"{}\"}}\n", people[0], people[1]);
    let (done, rejected) = json(&["add", &id, "-"], &text);
    assert_eq!((done.len(), &done[0]["added"]), (1, &2.into()));
    assert_eq!(
        (rejected.len(), &rejected[0]["line"], &rejected[0]["type"]),
        (1, &2.into(), &"rejected".into())
    );
    assert_eq!(json(&["preview", &id], "").0[0]["invalid"], 1);
    assert_eq!(json(&["test", &id, &people[2]], "").0[0]["text"], "Sale today");
    assert_eq!(json(&["start", &id], "").0[0]["status"], "running");
    assert_eq!(json(&["watch", &id], "").0.last().unwrap()["progress"]["ended"], 2);
    assert_eq!(json(&["list"], "").0[0]["campaign_id"], id.as_str());
    let results = json(&["results", &id], "").0;
    assert_eq!((results.len(), &results[0]["phone"]), (2, &people[0].as_str().into()));
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_list_again_adds_nobody_and_a_change_of_it_is_another() {
    let owner = Owner::of(TestApp::without_worker().await).await;
    let id = owner.draft(&[]);
    let people = numbers(6000);
    let whole = list(&people);
    let named = file(&whole);
    let add = ["add", &id, named.path().to_str().unwrap()];
    assert_eq!(owner.done(&add), "6000 added of 6000 rows");
    let again = owner.say(&add, "");
    assert_eq!(again.out.trim_end(), "6000 added of 6000 rows");
    assert!(again.err.contains("the first 6000 rows were committed before"), "{}", again.err);
    // What comes by a pipe is known by what is in it, too.
    let piped = owner.say(&["add", &id, "-"], &whole);
    assert!(piped.code == 0 && piped.err.contains("6000 rows were committed before"), "{piped:?}");
    let longer = owner.say(&["add", &id, "-"], &format!("{whole}{},Bob\n", a_number()));
    assert_eq!(longer.out.trim_end(), "1 added of 6001 rows, 6000 on the list before");
    owner.close().await;
}

/// The command is killed while a part of its list is in, and typed once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_killed_goes_on_where_it_stopped() {
    let owner = Owner::of(TestApp::without_worker().await).await;
    let id = owner.draft(&[]);
    let named = file(&list(&numbers(60_000)));
    let add = ["campaign", "add", &id, named.path().to_str().unwrap()];
    let mut first =
        command(&owner.settings, &add).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    within(Duration::from_secs(60), "a chunk to be committed", async || {
        let campaign = owner.door.get(&format!("/sms/campaigns/{id}")).await.body;
        (campaign["progress"]["recipients"].as_i64().unwrap() > 0).then_some(())
    })
    .await;
    first.kill().unwrap();
    first.wait().unwrap();
    let again = said(&owner.settings, &add, "");
    assert_eq!((again.code, again.out.trim_end()), (0, "60000 added of 60000 rows"), "{}", again.err);
    assert!(again.err.contains("rows were committed before"), "{}", again.err);
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_used_are_told_with_line_and_reason() {
    let owner = Owner::of(TestApp::without_worker().await).await;
    let id = owner.draft(&[]);
    let text = format!("Mobile;name\n0790000001;Ann\n9.1E+11;Bob\n{};Eve\n12;Max\n", a_number());
    let options = ["--default-region", "CH", "--phone-column", "Mobile"];
    let told = owner.say(&[&["add", &id, "-"], &options[..]].concat(), &text);
    assert_eq!((told.code, told.out.trim_end()), (0, "2 added of 4 rows, 2 not usable"), "{}", told.err);
    for expected in ["line 3: ", "(spreadsheet_number)", "line 5: ", "(phone_not_possible)"] {
        assert!(told.err.contains(expected), "{}", told.err);
    }
    let rejects = tempfile::NamedTempFile::new().unwrap();
    let name = rejects.path().to_str().unwrap();
    let kept = owner.say(&[&["add", &id, "-", "--rejects", name], &options[..]].concat(), &text);
    assert!(kept.code == 0 && !kept.err.contains("line 3"), "{kept:?}");
    let written = std::fs::read_to_string(name).unwrap();
    let rows: Vec<_> = written.lines().map(|row| row.splitn(3, ',').take(2).collect::<Vec<_>>()).collect();
    assert_eq!(rows, [["line", "reason"], ["3", "spreadsheet_number"], ["5", "phone_not_possible"]]);
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_the_cure() {
    let owner = Owner::of(TestApp::without_worker().await).await;
    let id = owner.draft(&[]);
    let nobody = "00000000-0000-7000-8000-000000000000";
    for (arguments, input, told) in [
        (&["create", "autumn", "Hi {{ name"][..], "", "text: "),
        (&["create", "autumn", "Hi", "--lane", "otp"], "", "lane: "),
        (&["create", "autumn", "--template", "none"], "", "template: "),
        (&["show", nobody], "", "there is no such campaign"),
        (&["add", nobody, "-"], "phone\n", "there is no such campaign"),
        (&["add", &id, "/nowhere/people.csv"], "", "cannot read /nowhere/people.csv"),
        (&["add", &id, "-"], "name;city\nAnn;Bern\n", "no column"),
        (&["add", &id, "-", "--default-region", "XX"], "phone\n", "default_region: "),
        (&["add", &id, "-", "--rejects", "/nowhere/rejects.csv"], "phone\n", "cannot write /nowhere"),
        (&["start", &id], "", "has no recipients: add some"),
        (&["watch", &id], "", "smsgw campaign start"),
        (&["pause", &id], "", "the campaign is draft and cannot be paused"),
        (&["results", &id, "--output", "/nowhere/results.csv"], "", "cannot write /nowhere"),
    ] {
        let said = owner.say(arguments, input);
        assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
        let document = lines(&owner.say(&[arguments, &["--json"]].concat(), input).err).remove(0);
        assert!(document["error"].as_str().unwrap().contains(told), "{arguments:?}: {document}");
    }
    // Longer than what fits into a connection: the answer is read all the same.
    let long = list(&numbers(200_000));
    let refused = owner.say(&["add", nobody, "-"], &long);
    assert!(refused.code == 1 && refused.err.contains("there is no such campaign"), "{refused:?}");
    for wrong in [
        &["create", "autumn"][..],
        &["show", "autumn"],
        &["create", "autumn", "Hi", "--budget", "12.50"],
        &["add", &id],
    ] {
        assert_eq!(owner.say(wrong, "").code, 2, "{wrong:?}");
    }
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_ends_when_interrupted_and_the_campaign_goes_on() {
    let owner = Owner::new().await;
    let id = owner.draft(&["--max-per-second", "1"]);
    assert_eq!(owner.say(&["add", &id, "-"], &list(&numbers(50))).code, 0);
    owner.done(&["start", &id]);
    let mut watching = command(&owner.settings, &["campaign", "watch", &id]);
    let mut watching = watching.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(watching.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("running: "), "{first}");
    let pid = Pid::from_raw(watching.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let ended = watching.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the campaign goes on"), "{ended:?}");

    assert!(owner.done(&["pause", &id]).starts_with("paused: "));
    assert!(owner.done(&["resume", &id]).starts_with("running: "));
    assert!(owner.done(&["cancel", &id]).starts_with("cancelled: "));
    let cancelled = owner.say(&["watch", &id], "");
    assert!(cancelled.code == 1 && cancelled.out.starts_with("cancelled: "), "{cancelled:?}");
    owner.close().await;
}
