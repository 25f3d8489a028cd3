//! `smsgw config`: every setting there is. `docs/configuration.md` is what it prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use clap::{Arg, Command, CommandFactory};
use serde::Serialize;

use crate::cli::Cli;
use crate::print::{self, Printer};

const INTRODUCTION: &str = "\
# Configuration

Written by `smsgw config`; a test compares. Each setting is an environment variable and, where a flag is named, a flag
of the commands that read it, which wins. `smsgw dev` also takes variables from a file `.env` in its folder, the other
commands from the environment alone. A secret has no flag, because what stands on a command line can be read by others
on the machine; `…_FILE`, or its flag, names a file that holds it, as mounted secrets do. A blank secret or file counts
as unset.
";

/// Read without clap, beside a variable `…_FILE` of the same commands: a flag for a secret would invite it onto command
/// lines.
const SECRETS: [(&str, &str); 9] = [
    ("DATABASE_URL", "Postgres, for example postgres://user:password@host/smsgw"),
    (
        "SMSGW_MASTER_KEY",
        "base64 of 32 random bytes, kept outside the database (make one: openssl rand -base64 32)",
    ),
    ("SMSGW_MASTER_KEY_PREVIOUS", "The key before the last change; still opens what it sealed"),
    ("SMSGW_JWT_SECRET", "What end users' tokens are signed with (HS256), at least 32 bytes"),
    ("SMSGW_ALERT_SECRET", "What alerts are signed with, `whsec_` and base64 of 24 to 64 bytes"),
    ("TWILIO_AUTH_TOKEN", "Twilio auth token"),
    ("TWILIO_API_KEY_SECRET", "Secret of the Twilio API key"),
    ("TWO_FACTOR_API_KEY", "2Factor.in API key; setting it makes the provider `2factor`"),
    ("SMSGW_API_KEY", "Key for a running gateway"),
];

/// Read without clap, too.
const WITHOUT_FLAG: [(&str, &str, &[&str]); 6] = [
    ("RUST_LOG", "What is logged, in the words of tracing, for example info or warn,worker=debug", &["all"]),
    (
        "SMSGW_CREDENTIALS",
        "Secrets of a provider: a JSON object, or a line name=value for each",
        &["providers add"],
    ),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "Collector of traces, if built with the feature otlp", &GATEWAY),
    ("OTEL_SERVICE_NAME", "What traces call this program [default: smsgw]", &GATEWAY),
    ("OTEL_TRACES_SAMPLER", "Which traces are exported [default: parentbased_always_on]", &GATEWAY),
    ("OTEL_TRACES_SAMPLER_ARG", "Share of traces, 0 to 1, for a sampler that takes one", &GATEWAY),
];

const GATEWAY: [&str; 4] = ["dev", "serve", "api", "worker"];

/// One variable.
#[derive(Serialize)]
struct Setting {
    variable: String,
    flag: Option<String>,
    default: Option<String>,
    help: String,
    commands: Vec<String>,
}

/// Prints all settings.
pub(crate) fn run(printer: Printer) -> Result<()> {
    let settings = all();
    if printer.is_for_programs() {
        return settings.iter().try_for_each(|setting| printer.show(setting, String::new));
    }
    let mut text =
        format!("{INTRODUCTION}\n| Variable | Flag | Default | What | Read by |\n|---|---|---|---|---|\n");
    for Setting { variable, flag, default, help, commands } in &settings {
        let code = |text: &Option<String>| text.as_ref().map(|text| format!("`{text}`")).unwrap_or_default();
        let (flag, default, read_by) = (code(flag), code(default), commands.join(", "));
        writeln!(text, "| `{variable}` | {flag} | {default} | {} | {read_by} |", help.replace('|', "\\|"))?;
    }
    print::write(&text)
}

/// In the order of the commands' own help, each once.
fn all() -> Vec<Setting> {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    let mut places = BTreeMap::new();
    for argument in root.get_arguments() {
        note(argument, "all", &mut found, &mut places);
    }
    collect(&root, "", &mut found, &mut places);
    for (variable, help, commands) in WITHOUT_FLAG {
        let commands = commands.iter().map(|&command| command.to_owned()).collect();
        found.push(Setting { commands, ..Setting::without_flag(variable, help) });
    }
    found.into_iter().flat_map(with_secret).collect()
}

impl Setting {
    fn without_flag(variable: &str, help: &str) -> Self {
        let (variable, help) = (variable.to_owned(), help.to_owned());
        Self { variable, flag: None, default: None, help, commands: Vec::new() }
    }
}

/// A setting, after the secret whose file it names, if it does.
fn with_secret(setting: Setting) -> Vec<Setting> {
    let named = SECRETS.iter().find(|(name, _)| setting.variable.strip_suffix("_FILE") == Some(name));
    let secret = named.map(|(name, help)| Setting {
        commands: setting.commands.clone(),
        ..Setting::without_flag(name, help)
    });
    secret.into_iter().chain([setting]).collect()
}

fn collect(command: &Command, path: &str, found: &mut Vec<Setting>, places: &mut BTreeMap<String, usize>) {
    for inner in command.get_subcommands() {
        let path = format!("{path} {}", inner.get_name());
        for argument in inner.get_arguments().filter(|argument| !argument.is_global_set()) {
            note(argument, path.trim(), found, places);
        }
        collect(inner, &path, found, places);
    }
}

fn note(argument: &Arg, command: &str, found: &mut Vec<Setting>, places: &mut BTreeMap<String, usize>) {
    let Some(variable) = argument.get_env().map(|name| name.to_string_lossy().into_owned()) else { return };
    let place = *places.entry(variable.clone()).or_insert_with(|| {
        let defaults: Vec<_> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        found.push(Setting {
            variable,
            flag: argument.get_long().map(|flag| format!("--{flag}")),
            default: (!defaults.is_empty()).then(|| defaults.join(",")).filter(|text| text != "false"),
            help,
            commands: Vec::new(),
        });
        found.len() - 1
    });
    found[place].commands.push(command.to_owned());
}
