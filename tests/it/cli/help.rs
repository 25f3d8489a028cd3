//! What teaches: help, completions, the table of settings.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::process::{Settings, binary, said};

use super::lines;

fn out(arguments: &[&str]) -> String {
    let said = said(&Settings::new(), arguments, "");
    assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
    said.out
}

/// The commands that a help text lists.
fn commands_in(help: &str) -> Vec<String> {
    let listed =
        help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let word = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let at_the_margin = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    at_the_margin.filter_map(word).filter(|name| name != "help").collect()
}

#[test]
fn every_command_shows_an_example() {
    let all = commands_in(&out(&["--help"]));
    assert!(all.len() >= 18, "{all:?}");
    let mut waiting: Vec<Vec<String>> = all.into_iter().map(|name| vec![name]).collect();
    while let Some(path) = waiting.pop() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = out(&arguments);
        assert!(help.contains("Example"), "{path:?} shows no example");
        waiting.extend(commands_in(&help).into_iter().map(|name| [path.clone(), vec![name]].concat()));
    }
}

#[test]
fn shells_get_completions_also_when_nobody_reads_them() {
    for shell in ["bash", "zsh", "fish"] {
        let script = out(&["completions", shell]);
        assert!(script.contains("smsgw") && script.contains("doctor"), "{shell}");
    }
    assert_eq!(said(&Settings::new(), &["completions", "dos"], "").code, 2);
    let mut child = Command::new(binary())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
}

#[test]
fn the_table_of_settings_is_the_one_in_the_documents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let written = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let printed = out(&["config"]);
    assert!(printed == written, "docs/configuration.md is not what `smsgw config` prints: write it anew");
    let settings = lines(&out(&["config", "--json"]));
    let example = std::fs::read_to_string(root.join(".env.example")).unwrap();
    for line in example.lines() {
        let Some((name, value)) = line.trim_start_matches('#').split_once('=') else { continue };
        if !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            continue;
        }
        let known = settings.iter().find(|one| one["variable"] == name);
        let known = known.unwrap_or_else(|| panic!(".env.example has a variable that nothing reads: {line}"));
        let default = known["default"].as_str().unwrap_or(value);
        assert_eq!(value, default, ".env.example shows another default of {name}");
    }
}

#[test]
fn what_a_file_may_hold_has_no_flag_of_its_own() {
    let settings = lines(&out(&["config", "--json"]));
    let find = |name: &str| settings.iter().find(|one| one["variable"] == name);
    let mut secrets = 0;
    for setting in &settings {
        let Some(name) = setting["variable"].as_str().unwrap().strip_suffix("_FILE") else { continue };
        let secret = find(name).unwrap_or_else(|| panic!("{name} is not in the table"));
        assert!(secret["flag"].is_null() && secret["commands"] == setting["commands"], "{secret}");
        secrets += 1;
    }
    assert_eq!(secrets, 9);
    for flag in ["--database-url", "--master-key", "--twilio-auth-token", "--two-factor-api-key"] {
        assert_eq!(said(&Settings::new(), &["doctor", flag, "x"], "").code, 2, "{flag}");
    }
}

#[test]
fn wrong_use_ends_with_two() {
    for wrong in [&["fly"][..], &["keys"], &["outbox"], &["logs", "--limit", "many"], &["providers", "add"]] {
        assert_eq!(said(&Settings::new(), wrong, "").code, 2, "{wrong:?}");
    }
}

#[test]
fn programs_are_told_of_every_error_in_one_way() {
    let broken = vec![("SMSGW_LISTEN", "nowhere".to_owned())];
    for (settings, arguments, told) in [
        (&Settings::new(), &["fly"][..], "unrecognized subcommand 'fly'"),
        (&Settings::new(), &["logs", "--limit", "many"], "invalid value 'many' for '--limit <LIMIT>'"),
        (&Settings::new(), &["keys"], "--help"),
        (&Settings::new(), &["providers", "add"], "<NAME>"),
        (&Settings::new(), &["send", "+41790000001"], "<TEXT>"),
        (&Settings::new(), &["serve", "--lisen", "x"], "found; tip: "),
        (&broken, &["serve"], "--listen"),
        (&broken, &[], "--listen"),
    ] {
        let said = said(settings, &[&["--json"], arguments].concat(), "");
        assert!(said.code == 2 && said.out.is_empty(), "{arguments:?}: {said:?}");
        let [document] = &lines(&said.err)[..] else { panic!("one line: {}", said.err) };
        let error = document["error"].as_str().unwrap();
        assert!(error.contains(told) && !error.contains("Usage"), "{arguments:?}: {error}");
    }
    let help = said(&Settings::new(), &["send", "--json", "--help"], "");
    assert!(help.code == 0 && help.out.contains("Usage"), "{help:?}");
    let logged = vec![("SMSGW_LOG_FORMAT", "json".to_owned())];
    let failed = said(&logged, &["migrate", "--json"], "");
    assert_eq!(failed.code, 1);
    assert!(lines(&failed.err)[0]["error"].as_str().unwrap().contains("DATABASE_URL"), "{}", failed.err);
}
