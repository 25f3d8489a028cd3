//! The oracle's verdicts, as a person would write them down who reads the rules: the first line that fits decides.

/// Fits everything.
const ANY: &str = "*";

/// Country, lane, template, sender, text and way of sending; several alternatives are separated by `|`, and nothing at
/// all is written `-`.
#[rustfmt::skip]
const TABLE: &[([&str; 6], &str)] = &[
    // The United States carry no names; who has no sender yet is not judged.
    (["US", ANY, ANY, "SMSGWX|SMSGW1|SMSGW|My Brand", ANY, ANY], "rule:US.sender_type.v2"),
    (["US|FR|GB", ANY, ANY, ANY, ANY, ANY], "ok"),

    // India. What is registered with the provider is the provider's business, also as long as that may yet be chosen.
    (["IN", ANY, ANY, ANY, ANY, "vendors"], "ok"),
    (["IN", ANY, "=VENDOR|vendors", ANY, ANY, "undecided"], "ok"),
    (["IN", "otp", ANY, ANY, ANY, "undecided"], "ok"),
    // No template, one that is not registered, or one of another kind of text.
    (["IN", ANY, "-|=VENDOR|unknown|no_template|vendors", ANY, ANY, ANY], "rule:IN.dlt_template.v3"),
    (["IN", "otp", ANY, ANY, ANY, ANY], "rule:IN.dlt_template.v3"),
    (["IN", "promo", "full|no_entity|no_text", ANY, ANY, ANY], "rule:IN.dlt_template.v3"),
    (["IN", "transactional", "promo", ANY, ANY, ANY], "rule:IN.dlt_template.v3"),
    (["IN", ANY, "no_entity", ANY, ANY, ANY], "rule:IN.dlt_entity.v3"),
    // Six letters, for promo six digits; a provider that is not chosen yet may have its own.
    (["IN", ANY, ANY, "-", ANY, "ours"], "rule:IN.dlt_header.v3"),
    (["IN", "promo", ANY, "SMSGWX|SMSGW1|SMSGW|56161|+15005550006|My Brand", ANY, ANY], "rule:IN.dlt_header.v3"),
    (["IN", "transactional", ANY, "654321|SMSGW1|SMSGW|56161|+15005550006|My Brand", ANY, ANY], "rule:IN.dlt_header.v3"),
    (["IN", ANY, "no_text", ANY, ANY, ANY], "rule:IN.dlt_text.v3"),
    (["IN", ANY, ANY, ANY, "long|other|more", ANY], "rule:IN.dlt_text.v3"),
    (["IN", ANY, ANY, ANY, "right|longest|-", ANY], "ok"),
];

/// What becomes of a message.
pub(crate) fn verdict(
    country: &str,
    lane: &str,
    template: &str,
    sender: &str,
    text: &str,
    way: &str,
) -> &'static str {
    let asked =
        [country, lane, template, sender, text, way].map(|word| if word.is_empty() { "-" } else { word });
    let fits = |pattern: &[&str; 6]| {
        pattern
            .iter()
            .zip(asked)
            .all(|(pattern, word)| *pattern == ANY || pattern.split('|').any(|one| one == word))
    };
    TABLE
        .iter()
        .find(|(pattern, _)| fits(pattern))
        .map(|(_, verdict)| *verdict)
        .expect("a line for every message")
}
