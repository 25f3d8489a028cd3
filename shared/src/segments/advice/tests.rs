use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::super::replacement::Loss;
use super::*;

fn replaced(text: &str) -> Option<String> {
    advise(text).replaced.map(|better| better.text)
}

#[test]
fn a_quote_that_costs_two_segments_is_named_with_its_cure() {
    let text = format!("Don’t miss it – it’s {}", "a".repeat(100));
    let advice = advise(&text);
    assert_eq!((advice.segments.encoding, advice.segments.count), (Encoding::Ucs2, 2));
    let told: Vec<_> = advice
        .forcing
        .iter()
        .map(|one| (one.found.code_point.as_str(), one.found.name, one.found.count))
        .collect();
    assert_eq!(told, [("U+2019", Some("RIGHT SINGLE QUOTATION MARK"), 2), ("U+2013", Some("EN DASH"), 1)]);
    let instead = advice.forcing[0].replacement.clone().unwrap();
    assert_eq!((instead.text.as_str(), instead.loss), ("'", Loss::Typography));
    let better = advice.replaced.unwrap();
    assert_eq!(better.text, text.replace('’', "'").replace('–', "-"));
    assert_eq!((better.saving.segments.encoding, better.saving.segments.count), (Encoding::Gsm7, 1));
    assert_eq!((better.saving.saved, advice.without_symbols), (1, None));
}

#[test]
fn a_gsm7_text_needs_no_advice_but_on_what_is_billed_twice() {
    let advice = advise("5 € [or {6 €}]");
    assert_eq!((advice.forcing.len(), &advice.replaced), (0, &None));
    let told: Vec<_> = advice.billed_twice.iter().map(|one| (one.character, one.name, one.count)).collect();
    assert_eq!(told[0], ('€', Some("EURO SIGN"), 2));
    assert_eq!(told.iter().map(|one| one.0).collect::<String>(), "€[{}]");
}

#[test]
fn another_script_gets_no_replacements() {
    for text in ["Привет – «мир»", "नमस्ते…", "你好 \u{a0}", "Γειά σου’", "Café Москва", "“٣”", "é ж"]
    {
        let advice = advise(text);
        assert!(!advice.forcing.is_empty(), "{text}");
        assert!(advice.forcing.iter().all(|one| one.replacement.is_none()), "{text}");
        assert_eq!((advice.replaced, advice.without_symbols), (None, None), "{text}");
    }
}

#[test]
fn a_pictograph_is_not_replaced_but_its_price_is_told() {
    let text = format!("“Sale” ❤\u{fe0f} {}", "a".repeat(140));
    let advice = advise(&text);
    let instead: Vec<_> =
        advice.forcing.iter().map(|one| one.replacement.as_ref().map(|found| found.text.as_str())).collect();
    assert_eq!(instead, [Some("\""), Some("\""), None, Some("")]);
    let without = advice.without_symbols.unwrap();
    assert_eq!((without.segments.encoding, without.segments.count, without.saved), (Encoding::Gsm7, 1, 2));
    assert_eq!(advice.replaced, None);
}

#[test]
fn a_letter_and_its_mark_are_joined_where_the_alphabet_has_both_as_one() {
    assert_eq!(replaced("Ole\u{301}, ac\u{327}a\u{303}o").as_deref(), Some("Olé, acao"));
    assert_eq!(replaced("=\u{338}"), None);
}

#[test]
fn what_would_cost_more_is_not_offered() {
    assert_eq!(advise(&"…".repeat(70)).replaced, None);
    assert_eq!(replaced("…").as_deref(), Some("..."));
}

#[test]
fn programs_read_it_flat() {
    let document = serde_json::to_value(advise("it’s")).unwrap();
    let forcing = json!([{
        "character": "’", "code_point": "U+2019", "name": "RIGHT SINGLE QUOTATION MARK", "count": 1,
        "replacement": { "text": "'", "loss": "typography" },
    }]);
    let better = json!({ "text": "it's", "encoding": "gsm7", "units": 4, "count": 1, "saved": 0 });
    assert_eq!(
        document,
        json!({
            "encoding": "ucs2", "units": 4, "count": 1, "forcing": forcing, "billed_twice": [],
            "replaced": better, "without_symbols": null,
        })
    );
}

/// Every character below the ideographs that has a replacement.
static REPLACEABLE: LazyLock<Vec<char>> = LazyLock::new(|| {
    let all = ('\0'..'\u{3001}').chain('\u{fb00}'..'\u{fb07}');
    all.filter(|&c| septets(c).is_none() && replacement(c).is_some()).collect()
});

#[test]
fn a_letter_that_gives_up_a_mark_for_another_becomes_gsm7() {
    for &letter in REPLACEABLE.iter() {
        for mark in '\u{300}'..='\u{333}' {
            let text = format!("{letter}{mark}");
            assert_eq!(count(&plain(&text)).encoding, Encoding::Gsm7, "{}", text.escape_unicode());
        }
    }
}

proptest! {
    #[test]
    fn a_text_of_what_can_be_replaced_becomes_gsm7(
        parts in prop::collection::vec((prop::sample::select(REPLACEABLE.clone()), "[a-zäÆΩ€ 0-9]{0,3}"), 1..80),
    ) {
        let text: String = parts.into_iter().map(|(c, rest)| format!("{c}{rest}")).collect();
        prop_assert_eq!(count(&plain(&text)).encoding, Encoding::Gsm7);
        let advice = advise(&text);
        prop_assert_eq!(advice.without_symbols, None);
        prop_assert!(advice.forcing.iter().all(|one| one.replacement.is_some()));
    }

    #[test]
    fn what_is_told_agrees_with_the_count(
        text in "\\PC{0,300}|[a-z’…“ é]{0,300}|[a-z😀’]{0,200}|[а-я“]{0,100}",
    ) {
        let advice = advise(&text);
        prop_assert_eq!(advice.segments, count(&text));
        let told: usize = advice.forcing.iter().map(|one| one.found.count).sum();
        prop_assert_eq!(told, needs_ucs2(&text).count());
        if let Some(better) = &advice.replaced {
            prop_assert_eq!(better.saving.segments, count(&better.text));
            prop_assert_eq!(better.saving.segments.encoding, Encoding::Gsm7);
            prop_assert_eq!(better.saving.segments.count + better.saving.saved, advice.segments.count);
        }
        if let Some(without) = advice.without_symbols {
            prop_assert_eq!(without.segments.count + without.saved, advice.segments.count);
        }
    }

    #[test]
    fn a_text_with_a_cyrillic_word_stays_as_it_is(before in "[a-z’…é]{0,50}", word in "[а-я]{1,10}") {
        let advice = advise(&format!("{before}{word}"));
        prop_assert!(advice.replaced.is_none() && advice.forcing.iter().all(|one| one.replacement.is_none()));
    }
}
