use super::invalid::TOO_SHORT;
use super::*;
use proptest::prelude::*;

fn region(code: &str) -> Option<Region> {
    Some(code.parse().expect("a country"))
}

fn e164(text: &str, default_region: Option<Region>) -> String {
    PhoneNumber::parse(text, default_region).expect(text).as_str().to_owned()
}

fn refused(text: &str, default_region: Option<Region>) -> InvalidPhoneNumber {
    PhoneNumber::parse(text, default_region).expect_err(text)
}

#[test]
fn every_spelling_of_a_number_becomes_the_same_e164() {
    let spellings = [
        "+1 (234) 567-8900",
        "+12345678900",
        "+1-234-567-8900",
        " +1.234.567.8900 ",
        "0012345678900",
        "tel:+1-234-567-8900",
        "TEL:+12345678900",
        "+1 1 234 567 8900",
        "+١ ٢٣٤ ٥٦٧ ٨٩٠٠",
        "＋１２３４５６７８９００",
        "\u{202a}+1\u{a0}234\u{2011}567\u{2011}8900\u{202c}",
    ];
    for spelling in spellings {
        assert_eq!(e164(spelling, None), "+12345678900", "{spelling}");
        assert_eq!(e164(spelling, region("CH")), "+12345678900", "{spelling}");
    }
}

#[test]
fn national_numbers_are_read_in_the_default_region() {
    for (text, code, number) in [
        ("(234) 567-8900", "US", "+12345678900"),
        ("079 000 00 01", "CH", "+41790000001"),
        ("98765 43210", "IN", "+919876543210"),
        ("098765 43210", "IN", "+919876543210"),
        ("919876543210", "IN", "+919876543210"),
        ("911234567", "ET", "+251911234567"),
        ("+44 (0)7911 123456", "CH", "+447911123456"),
        ("06 1234 5678", "IT", "+390612345678"),
    ] {
        assert_eq!(e164(text, region(code)), number, "{text} in {code}");
    }
}

#[test]
fn a_double_zero_leads_abroad_wherever_it_is_dialled() {
    for code in ["CH", "US", "AU", "IN", "ET", "JP", "BR", "RU", "SG"] {
        assert_eq!(e164("0041 79 000 00 01", region(code)), "+41790000001", "from {code}");
    }
    assert_eq!(e164("0011 65 9123 4567", region("AU")), "+6591234567");
    assert_eq!(e164("011 41 79 000 00 01", region("US")), "+41790000001");
}

#[test]
fn a_number_is_read_until_it_reads_as_itself() {
    let once = e164("+550210000000000", None);
    assert_eq!(e164(&once, None), once);
}

#[test]
fn numbers_of_unassigned_ranges_are_possible() {
    for number in ["+15005550006", "+41790000001", "+911234567890", "+251911234567", "+15550001234"] {
        assert_eq!(e164(number, None), number);
    }
}

#[test]
fn impossible_numbers_are_refused_for_a_reason() {
    use InvalidPhoneNumber as Why;
    assert_eq!(refused("0790000001", None), Why::MissingCountryCode);
    assert_eq!(refused("+999123456789", None), Why::UnknownCountryCode);
    assert_eq!(refused("+0123456789", None), Why::UnknownCountryCode);
    assert_eq!(refused("+4179", None), TOO_SHORT);
    assert_eq!(refused("+1", None), TOO_SHORT);
    assert_eq!(refused("+123456789012345", None), TOO_MANY);
    assert_eq!(refused("+9198765432101234567", None), TOO_MANY);
    assert_eq!(refused("+49 1511 2345678901", None), TOO_MANY);
    assert_eq!(refused("555 0006", region("US")), NO_AREA_CODE);
}

#[test]
fn a_number_knows_its_country_and_its_parts() {
    for (text, code, national) in [
        ("+919876543210", Some("IN"), "9876543210"),
        ("+41790000001", Some("CH"), "790000001"),
        ("+12025550123", Some("US"), "2025550123"),
        ("+14165550123", Some("CA"), "4165550123"),
        ("+18765550123", Some("JM"), "8765550123"),
        ("+77012345678", Some("KZ"), "7012345678"),
        ("+390612345678", Some("IT"), "0612345678"),
        ("+251911234567", Some("ET"), "911234567"),
        ("+15550001234", None, "5550001234"),
        ("+80012345678", None, "12345678"),
    ] {
        let number = PhoneNumber::parse(text, None).expect(text);
        assert_eq!(number.region(), code.and_then(region), "{text}");
        assert_eq!((number.national(), number.digits()), (national, &text[1..]));
    }
}

#[test]
fn only_country_code_and_two_digits_show() {
    let number = PhoneNumber::parse("+41790000001", None).expect("valid");
    assert_eq!(number.masked(), "+41*******01");
    assert_eq!(format!("{number:?}"), "PhoneNumber(+41*******01)");
}

#[test]
fn country_codes_are_as_long_as_the_plan_says() {
    for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
        let digits = format!("{code}12345678");
        assert_eq!(digits[..country_code_length(&digits)], code.to_string());
    }
}

proptest! {
    #[test]
    fn an_indian_mobile_that_starts_with_91_keeps_both_digits(rest in "[0-9]{8}") {
        prop_assert_eq!(e164(&format!("91{rest}"), region("IN")), format!("+9191{rest}"));
    }

    #[test]
    fn whatever_parses_is_e164_and_parses_to_itself(
        text in "\\+?[0-9]{1,17}|\\+?[0-9 ().-]{1,25}|\\PC{0,20}",
        code in prop::sample::select(vec!["IN", "US", "CH", "GB", "IT", "AR", "MX", "BR", "AU", "DE"]),
    ) {
        if let Ok(number) = PhoneNumber::parse(&text, region(code)) {
            let digits = number.digits();
            prop_assert!((3..=MAX_DIGITS).contains(&digits.len()) && !digits.starts_with('0'));
            prop_assert!(digits.bytes().all(|b| b.is_ascii_digit()));
            prop_assert_eq!(PhoneNumber::parse(number.as_str(), None), Ok(number.clone()));
            prop_assert_eq!(PhoneNumber::parse(number.as_str(), region(code)), Ok(number));
        }
    }

    #[test]
    fn a_masked_number_hides_all_but_its_ends(rest in "[1-9][0-9]{8}") {
        let number = PhoneNumber::parse(&format!("+41{rest}"), None).expect("valid");
        prop_assert_eq!(number.masked(), format!("+41*******{}", &rest[7..]));
    }
}

#[test]
fn what_stays_of_a_forgotten_number_is_its_country() {
    for (number, kept, with_a_0) in [
        ("+41790000001", "+41***", "+410790000001"),
        ("+12345678900", "+1***", "+102345678900"),
        ("+251911234567", "+251***", "+2510911234567"),
    ] {
        let phone = PhoneNumber::parse(number, None).expect(number);
        assert_eq!(phone.forgotten(), kept);
        assert_eq!(phone.stored_spellings(), [number, with_a_0]);
    }
}
