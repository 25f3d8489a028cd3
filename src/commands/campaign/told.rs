//! Campaigns as people read them.

use std::fmt::Write as _;

use serde_json::Value;

/// A campaign in a line of a list.
pub(super) fn listed(campaign: &Value) -> String {
    let field = |name: &str| campaign[name].as_str().unwrap_or_default();
    let made = field("created_at").get(..16).unwrap_or_default().replace('T', " ");
    format!(
        "{}  {made}  {:9}  {:13}  {}",
        field("campaign_id"),
        field("status"),
        field("lane"),
        field("name")
    )
}

/// Where it stands.
pub(super) fn status(campaign: &Value) -> &str {
    campaign["status"].as_str().unwrap_or_default()
}

/// How far it is, in a line.
pub(super) fn line(campaign: &Value) -> String {
    let count = |name: &str| campaign["progress"][name].as_u64().unwrap_or_default();
    let mut line = format!("{}: {} of {} done", standing(campaign), count("ended"), count("recipients"));
    let ends: Vec<_> = ends(campaign);
    if !ends.is_empty() {
        let _ = write!(line, " ({})", ends.join(", "));
    }
    if status(campaign) == "running" {
        let _ = write!(line, ", {}", rate(campaign));
    }
    line
}

/// How fast it is, for the end of a bar.
pub(super) fn pace(campaign: &Value) -> String {
    if status(campaign) == "running" { rate(campaign) } else { standing(campaign) }
}

/// Everything of it.
pub(super) fn campaign(campaign: &Value) -> String {
    let mut lines = vec![listed(campaign), line(campaign)];
    let counts = ["segments", "duplicates", "blocked", "rejected", "staged"].map(|name| {
        let count = campaign["progress"][name].as_u64().unwrap_or_default();
        format!("{name} {count}")
    });
    lines.push(counts.join(", "));
    let fields = [
        "start_at",
        "expires_at",
        "sender",
        "template",
        "provider_hint",
        "max_per_second",
        "weight",
        "message_expires_in",
        "dedupe_key",
        "dedupe_window_hours",
    ];
    let settings = fields.iter().filter(|name| !campaign[**name].is_null());
    lines.extend(settings.map(|name| format!("{name} {}", plain(&campaign[*name]))));
    if let Some(amount) = campaign["budget"]["amount"].as_str() {
        lines.push(format!("budget {amount} {}", plain(&campaign["budget"]["currency"])));
    }
    lines.push(format!("text  {}", plain(&campaign["text"]).replace('\n', "\n      ")));
    lines.join("\n")
}

/// What became of a list so far.
pub(super) fn added(line: &Value) -> String {
    let count = |name: &str| line[name].as_u64().unwrap_or_default();
    let mut told = format!("{} added of {} rows", count("added"), count("rows"));
    for (name, what) in [
        ("duplicates", "on the list before"),
        ("blocked", "of countries not allowed"),
        ("rejected", "not usable"),
    ] {
        if count(name) > 0 {
            let _ = write!(told, ", {} {what}", count(name));
        }
    }
    told
}

/// Whom it reaches, and what that costs.
pub(super) fn preview(preview: &Value) -> String {
    let count = |name: &str| preview[name].as_u64().unwrap_or_default();
    let mut lines = vec![format!("{} recipients, {} segments", count("recipients"), count("segments"))];
    for (name, what) in [
        ("opted_out", "have said stop, and are left out"),
        ("duplicates", "rows had a number that was there already"),
        ("blocked", "rows are of countries not allowed"),
        ("invalid", "rows cannot be used"),
        ("staged", "rows that came by SQL are still to be read"),
    ] {
        if count(name) > 0 {
            lines.push(format!("{:>9}  {what}", count(name)));
        }
    }
    lines.extend(list(&preview["cost"]["countries"]).iter().map(cost_line));
    for total in list(&preview["cost"]["totals"]) {
        lines.push(format!("in all {} {}", plain(&total["cost"]), plain(&total["currency"])));
    }
    if let Some(segments) = preview["cost"]["unpriced_segments"].as_u64().filter(|&segments| segments > 0) {
        lines.push(format!("{segments} segments have no price; see `smsgw providers prices import --help`"));
    }
    if let Some(seconds) = preview["seconds"].as_u64() {
        lines.push(format!("takes {} at its throttle", span(seconds)));
    }
    lines.extend(longest(&preview["longest_text"]));
    lines.extend(dear(&preview["ucs2"]));
    lines.join("\n")
}

fn cost_line(country: &Value) -> String {
    let cost = match &country["cost"] {
        Value::Null => "price unknown".to_owned(),
        cost => format!("{} {}", plain(cost), plain(&country["price"]["currency"])),
    };
    let (place, provider) = (plain(&country["country"]), plain(&country["provider"]));
    format!("{:>9}  segments to {place:2} by {provider:12}  {cost}", plain(&country["segments"]))
}

/// The longest text, and what makes it dear.
fn longest(text: &Value) -> Vec<String> {
    if text.is_null() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "longest text, {} segments in {}: {}",
        plain(&text["count"]),
        plain(&text["encoding"]),
        plain(&text["text"])
    )];
    if let Some(saved) = text["replaced"]["saved"].as_u64().filter(|&saved| saved > 0) {
        lines.push(format!("{saved} segments less as: {}", plain(&text["replaced"]["text"])));
    }
    lines
}

/// The texts that are dear, and why.
fn dear(ucs2: &Value) -> Vec<String> {
    let recipients = ucs2["recipients"].as_u64().unwrap_or_default();
    if recipients == 0 {
        return Vec::new();
    }
    let forcing: Vec<_> = list(&ucs2["forcing"])
        .iter()
        .map(|one| format!("{} ({})", plain(&one["character"]), plain(&one["code_point"])))
        .collect();
    let mut lines = vec![format!(
        "{recipients:>9}  texts are dear, by what is not in the SMS alphabet: {}",
        forcing.join(", ")
    )];
    if let Some(saved) = ucs2["saved_segments"].as_u64().filter(|&saved| saved > 0) {
        lines.push(format!("{saved:>9}  segments less with plainer characters"));
    }
    lines
}

/// Where it stands, and why where there is a reason.
fn standing(campaign: &Value) -> String {
    match campaign["reason"].as_str() {
        Some(reason) => format!("{} ({reason})", status(campaign)),
        None => status(campaign).to_owned(),
    }
}

/// How its messages ended.
fn ends(campaign: &Value) -> Vec<String> {
    let by_status = campaign["progress"]["by_status"].as_object();
    by_status.into_iter().flatten().map(|(status, count)| format!("{status} {count}")).collect()
}

/// How fast it is, and how long it will take.
fn rate(campaign: &Value) -> String {
    let rate = campaign["progress"]["rate_per_second"].as_f64().unwrap_or_default();
    match campaign["progress"]["eta_seconds"].as_u64() {
        Some(seconds) => format!("{rate:.1}/s, {} left", span(seconds)),
        None => format!("{rate:.1}/s"),
    }
}

/// A time in its two largest units.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A value without JSON's quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
