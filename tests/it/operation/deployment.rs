//! Units and containers, as far as they can be checked without running them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::process;

use super::{read, root, words};

/// What our variables begin with.
const PREFIXES: [&str; 5] = ["DATABASE_", "SMSGW_", "TWILIO_", "TWO_FACTOR_", "SMS_"];
/// Where variables are set.
const FILES: [&str; 5] = [
    "docker-compose.yml",
    "Dockerfile",
    "ops/systemd/smsgw-api.service",
    "ops/systemd/smsgw-migrate.service",
    "ops/systemd/smsgw-worker@.service",
];

fn variables(text: &str) -> BTreeSet<&str> {
    PREFIXES.into_iter().flat_map(|prefix| words(text, prefix)).collect()
}

#[test]
fn units_and_containers_set_only_variables_that_exist() {
    let help = ["serve", "worker", "migrate"].map(|command| process::run(&Vec::new(), &[command, "--help"]));
    let help = help.join("\n");
    let known = variables(&help);
    for file in FILES {
        let text = read(file);
        let set = variables(&text);
        assert!(!set.is_empty() || file == "Dockerfile", "{file} sets nothing");
        for variable in set {
            assert!(known.contains(variable), "{file} sets {variable}, which smsgw does not read");
        }
    }
}

/// Read by the commands of a developer or of a caller, never by a container.
const OUTSIDE: [&str; 5] =
    ["SMSGW_DEV_DIR", "SMSGW_URL", "SMSGW_API_KEY", "SMSGW_API_KEY_FILE", "SMSGW_CREDENTIALS"];

/// A container sees only the variables that the file passes on.
#[test]
fn every_documented_variable_can_be_set_for_the_containers() {
    let compose = read("docker-compose.yml");
    let passed_on = |name: &str| compose.contains(&format!(" {name}:"));
    let (example, operations) = (read(".env.example"), read("docs/operations.md"));
    let is_name = |text: &&str| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let named =
        example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('=')).map(|(name, _)| name);
    let named: BTreeSet<&str> = named.filter(is_name).chain(words(&operations, "OTEL_")).collect();
    assert!(named.len() > 40, "{named:?}");
    for name in named.into_iter().filter(|name| !OUTSIDE.contains(name)) {
        // A secret goes there as a file.
        assert!(
            passed_on(name) || passed_on(&format!("{name}_FILE")),
            "docker-compose.yml does not pass {name} on"
        );
    }
}

/// With a program that exists in place of ours, which is not installed here.
#[test]
fn systemd_accepts_the_units() {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES.into_iter().filter(|file| file.starts_with("ops/systemd/")) {
        let unit = read(file).replace("/usr/local/bin/smsgw", "/bin/true");
        std::fs::write(folder.path().join(Path::new(file).file_name().unwrap()), unit).unwrap();
    }
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "smsgw-migrate.service", "smsgw-api.service"]);
    match verify.arg("smsgw-worker@.service").current_dir(folder.path()).output() {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            let ours: Vec<_> = told.lines().filter(|line| line.contains("smsgw")).collect();
            assert!(output.status.success() && ours.is_empty(), "{told}");
        }
        Err(error) => eprintln!("skipped: systemd-analyze does not run here ({error})"),
    }
}

/// `docker-compose.yml` as JSON, where Python can read YAML.
fn compose() -> Option<Value> {
    const READ: &str = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let file = root().join("docker-compose.yml");
    let output = Command::new("python3").args(["-c", READ]).arg(file).output();
    match output {
        Ok(output) if output.status.success() => Some(serde_json::from_slice(&output.stdout).unwrap()),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("No module named"), "{told}");
            None
        }
        Err(_) => None,
    }
}

#[test]
fn containers_are_locked_down_and_start_in_order() {
    let Some(compose) = compose() else {
        eprintln!("skipped: no Python with a YAML parser here");
        return;
    };
    let services = &compose["services"];
    for ours in ["migrate", "api", "worker", "mock"] {
        let service = &services[ours];
        assert_eq!(service["read_only"], true, "{ours}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{ours}");
        for secret in service["secrets"].as_array().unwrap_or(&Vec::new()) {
            assert!(compose["secrets"][secret.as_str().unwrap()]["file"].is_string(), "{ours}: {secret}");
        }
    }
    assert_eq!(services["migrate"]["depends_on"]["postgres"]["condition"], "service_healthy");
    for ours in ["api", "worker"] {
        assert_eq!(services[ours]["depends_on"]["migrate"]["condition"], "service_completed_successfully");
        assert!(services[ours]["container_name"].is_null(), "{ours} can be scaled");
    }
    // A number that is only typed is forgotten by the next `up`.
    assert!(services["worker"]["deploy"]["replicas"].is_string());
    assert!(services["postgres"]["healthcheck"]["test"].is_array());
    assert!(services["postgres"]["volumes"].is_array());
}

#[test]
fn the_image_runs_as_nobody_in_particular_and_knows_whether_it_is_well() {
    let file = read("Dockerfile");
    let last = &file[file.rfind("\nFROM ").unwrap()..];
    assert!(last.lines().any(|line| line.starts_with("USER ") && !line.contains("root")));
    assert!(last.contains("HEALTHCHECK") && last.contains("\"healthcheck\""));
    assert!(!file.contains(":latest") && !file.contains("\nADD "));
}
