//! Stops said in English sentences: somebody wants messages to end, or off a list.

/// What a person may want an end of.
const MESSAGES: [&str; 46] = [
    "text",
    "texts",
    "texting",
    "txt",
    "txts",
    "txting",
    "message",
    "messages",
    "messaging",
    "messeging",
    "msg",
    "msgs",
    "mssg",
    "sms",
    "smses",
    "contact",
    "contacting",
    "spam",
    "spamming",
    "alerts",
    "notification",
    "notifications",
    "promo",
    "promos",
    "promotion",
    "promotions",
    "promotional",
    "marketing",
    "ads",
    "advert",
    "adverts",
    "advertising",
    "advertisement",
    "advertisements",
    "offers",
    "deals",
    "subscription",
    "newsletter",
    "newsletters",
    "campaign",
    "campaigns",
    "solicitation",
    "solicitations",
    "soliciting",
    "harassing",
    "bothering",
];
const ENDS: [&str; 12] = [
    "stop",
    "stopp",
    "stahp",
    "quit",
    "cease",
    "halt",
    "end",
    "discontinue",
    "terminate",
    "cancel",
    "block",
    "disable",
];
const NOTS: [&str; 12] = [
    "dont", "not", "never", "wont", "didnt", "doesnt", "cant", "cannot", "isnt", "havent", "wouldnt",
    "without",
];
/// Whoever asks about an end does not want it by that.
const ASKS: [&str; 8] = ["why", "when", "where", "did", "does", "has", "which", "if"];
const WANTS: [&str; 12] = [
    "want",
    "wish",
    "like",
    "need",
    "care",
    "receive",
    "receiving",
    "get",
    "getting",
    "accept",
    "consent",
    "appreciate",
];
const OWN: [&str; 8] = ["me", "my", "number", "us", "phone", "myself", "this", "mine"];
const OFF: [&str; 6] = ["remove", "delete", "take", "drop", "erase", "get"];

/// Whether a text, in its normal form, says so.
pub(super) fn is_stop(tokens: &[&str]) -> bool {
    says_unsubscribe(tokens)
        || ends_messages(tokens)
        || wants_no_messages(tokens)
        || wants_off(tokens)
        || revokes_consent(tokens)
}

fn has(tokens: &[&str], words: &[&str]) -> bool {
    tokens.iter().any(|token| words.contains(token))
}

/// The tokens up to `most` before and after a place.
fn around<'a, 't>(tokens: &'a [&'t str], at: usize, most: usize) -> (&'a [&'t str], &'a [&'t str]) {
    (&tokens[at.saturating_sub(most)..at], &tokens[at + 1..tokens.len().min(at + 1 + most)])
}

/// Whether what is said at a place is what they do not want: a `not` further off is of something else.
fn is_negated(tokens: &[&str], at: usize) -> bool {
    has(around(tokens, at, 2).0, &NOTS)
}

fn says_unsubscribe(tokens: &[&str]) -> bool {
    let is_word = |at: usize| match tokens[at] {
        "unsubscribe" | "unsubscribed" | "unsubscribing" | "unsubcribe" | "unsuscribe" | "unsub"
        | "unsubscrib" | "optout" => true,
        "opt" | "opting" | "opted" => {
            tokens.get(at + 1).is_some_and(|next| *next == "out")
                || (tokens.get(at + 2).is_some_and(|next| *next == "out")
                    && has(&tokens[at + 1..at + 2], &OWN))
        }
        _ => false,
    };
    (0..tokens.len()).any(|at| is_word(at) && !has(around(tokens, at, 4).0, &NOTS))
}

/// `stop … texting`: an end, and soon after it of what.
fn ends_messages(tokens: &[&str]) -> bool {
    (0..tokens.len()).any(|at| {
        let (before, after) = around(tokens, at, 5);
        let what = match tokens[at] {
            "cancel" | "end" => has(after, &MESSAGES),
            "stop" => {
                has(after, &MESSAGES)
                    || matches!(after, ["sending" | "calling" | "writing" | "it" | "this", ..] if after.len() <= 3)
                    || matches!(after, ["sending", "me", ..])
            }
            _ => has(after, &MESSAGES),
        };
        ENDS.contains(&tokens[at]) && what && !is_negated(tokens, at) && !has(before, &ASKS)
    })
}

/// `don't text me`, `no more texts`, `I do not want your messages`.
fn wants_no_messages(tokens: &[&str]) -> bool {
    (0..tokens.len()).any(|at| {
        let (before, after) = around(tokens, at, 7);
        match tokens[at] {
            "no" if after.first() == Some(&"more") => has(&after[..after.len().min(4)], &MESSAGES),
            "no" if after.first() == Some(&"longer") => has(after, &WANTS) && has(after, &MESSAGES),
            "dont" | "not" | "never" => {
                let orders = matches!(
                    after,
                    ["ever" | "you", "text" | "txt" | "message" | "msg" | "contact" | "spam", ..]
                        | [
                            "text" | "txt" | "message" | "msg" | "contact" | "spam",
                            "me" | "this" | "us" | "my" | "again",
                            ..
                        ]
                        | ["send", "me" | "any" | "anymore" | "more" | "these" | "this" | "anything", ..]
                ) && !has(
                    after,
                    &["if", "when", "while", "until", "unless", "driving", "late", "link", "bill"],
                ) && (after.first() != Some(&"send")
                    || has(after, &MESSAGES)
                    || has(after, &["anything", "more", "anymore", "these"]));
                let wants = after.first().is_some_and(|next| WANTS.contains(next))
                    && has(after, &MESSAGES)
                    && !has(after, &ENDS)
                    && !has(before, &["why", "did", "have", "has"]);
                let is_past =
                    after.first() == Some(&"get") && !has(after, &["any", "more", "these", "anymore"]);
                orders || (wants && !is_past)
            }
            _ => false,
        }
    })
}

/// `take me off your list`, `lose my number`, `leave me alone`.
fn wants_off(tokens: &[&str]) -> bool {
    (0..tokens.len()).any(|at| {
        let (_, after) = around(tokens, at, 7);
        let wants = match tokens[at] {
            "lose" | "forget" => matches!(after, ["my", "number", ..]),
            "leave" => matches!(after, ["me", "alone", ..] | ["us", "alone", ..]),
            verb if OFF.contains(&verb) => {
                let own = has(&after[..after.len().min(3)], &OWN);
                let place =
                    has(after, &["list", "lists", "database", "contacts", "records", "system", "mailing"]);
                let removes = matches!(verb, "remove" | "delete" | "erase")
                    && matches!(
                        after,
                        [] | ["me"]
                            | ["me", ..]
                            | ["my", "number" | "phone" | "contact", ..]
                            | ["this", "number", ..]
                    );
                let off = matches!(after, [_, "off"]);
                (own && (place || off))
                    || (removes && !has(after, &["cart", "order", "item", "booking", "appointment"]))
            }
            _ => false,
        };
        wants && !is_negated(tokens, at)
    })
}

fn revokes_consent(tokens: &[&str]) -> bool {
    (0..tokens.len()).any(|at| {
        let (before, after) = around(tokens, at, 4);
        matches!(tokens[at], "revoke" | "withdraw" | "revoking" | "withdrawing" | "rescind")
            && has(after, &["consent", "permission"])
            && !has(before, &NOTS)
    })
}
