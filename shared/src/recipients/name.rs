//! From what people call a column to what a template calls a variable.

/// Longest name of a variable, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// What people call the column of numbers, without the signs between words.
const PHONE_NAMES: [&str; 24] = [
    "phone",
    "phoneno",
    "phonenumber",
    "mobile",
    "mobileno",
    "mobilenumber",
    "mobilephone",
    "cell",
    "cellnumber",
    "cellphone",
    "number",
    "tel",
    "telno",
    "telephone",
    "telephonenumber",
    "msisdn",
    "to",
    "telefon",
    "telefonnummer",
    "handy",
    "handynummer",
    "mobil",
    "mobilnummer",
    "mobiltelefon",
];

/// The variable a column becomes: lower case, words joined by `_`, Latin letters without their accents
/// (templates know ASCII names only); `None` if nothing is left of it.
pub(super) fn variable(header: &str) -> Option<String> {
    let mut name = String::with_capacity(header.len());
    for c in header.trim().chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c.to_ascii_lowercase()),
            c => match unaccented(c) {
                "" if name.is_empty() || name.ends_with('_') => {}
                "" => name.push('_'),
                letters => name.push_str(letters),
            },
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    (1..=MAX_NAME_BYTES).contains(&name.len()).then_some(name)
}

/// Whether a template can name it as it is.
pub(super) fn is_variable(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether people call the column of numbers so.
pub(super) fn is_phone(header: &str) -> bool {
    variable(header).is_some_and(|name| PHONE_NAMES.contains(&name.replace('_', "").as_str()))
}

/// Whether both name the same column, in either case and with any signs between words.
pub(super) fn same(one: &str, other: &str) -> bool {
    let joined = |name: &str| variable(name).map(|name| name.replace('_', ""));
    match (joined(one), joined(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.trim().to_lowercase() == other.trim().to_lowercase(),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A letter of the Latin alphabets of western and central Europe in ASCII; empty for all else.
const fn unaccented(c: char) -> &'static str {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ă' | 'ą' | 'ā' | 'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ă' | 'Ą' | 'Ā' => {
            "a"
        }
        'ä' | 'æ' | 'Ä' | 'Æ' => "ae",
        'ç' | 'ć' | 'č' | 'Ç' | 'Ć' | 'Č' => "c",
        'ď' | 'đ' | 'ð' | 'Ď' | 'Đ' | 'Ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' | 'ē' | 'È' | 'É' | 'Ê' | 'Ë' | 'Ę' | 'Ě' | 'Ē' => {
            "e"
        }
        'ğ' | 'Ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ı' | 'ī' | 'Ì' | 'Í' | 'Î' | 'Ï' | 'İ' | 'Ī' => "i",
        'ł' | 'Ł' => "l",
        'ñ' | 'ń' | 'ň' | 'Ñ' | 'Ń' | 'Ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ő' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ő' => "o",
        'ö' | 'ø' | 'œ' | 'Ö' | 'Ø' | 'Œ' => "oe",
        'ř' | 'Ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' | 'Ś' | 'Š' | 'Ş' | 'Ș' => "s",
        'ß' | 'ẞ' => "ss",
        'ť' | 'ţ' | 'ț' | 'Ť' | 'Ţ' | 'Ț' => "t",
        'ù' | 'ú' | 'û' | 'ů' | 'ű' | 'ū' | 'Ù' | 'Ú' | 'Û' | 'Ů' | 'Ű' | 'Ū' => "u",
        'ü' | 'Ü' => "ue",
        'ý' | 'ÿ' | 'Ý' | 'Ÿ' => "y",
        'ź' | 'ż' | 'ž' | 'Ź' | 'Ż' | 'Ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_become_names_a_template_can_use() {
        for (header, name) in [
            ("First Name", "first_name"),
            (" e-mail ", "e_mail"),
            ("order #", "order"),
            ("(VIP?)", "vip"),
            ("Größe in cm²", "groesse_in_cm"),
            ("Prénom", "prenom"),
            ("2nd name", "_2nd_name"),
            ("a  --  b", "a_b"),
            ("first_name", "first_name"),
        ] {
            assert_eq!(variable(header).as_deref(), Some(name), "{header}");
        }
        for header in ["", " ", "#", "имя", "नाम", &"x".repeat(65)] {
            assert_eq!(variable(header), None, "{header}");
        }
    }

    #[test]
    fn the_column_of_numbers_is_known_in_many_spellings() {
        for header in [
            "phone",
            "Phone Number",
            "PHONE_NUMBER",
            "phone-number",
            "Mobile No.",
            "To",
            " Handy ",
            "Téléphone",
            "Tel.",
            "Phone #",
        ] {
            assert!(is_phone(header), "{header}");
        }
        for header in ["name", "tomorrow", "phone model", "", "numbers"] {
            assert!(!is_phone(header), "{header}");
        }
    }

    #[test]
    fn a_column_is_found_in_any_spelling() {
        for (one, other) in [("WhatsApp Nr", "whatsapp_nr"), ("Телефон", " телефон ")] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("Телефон", "phone"), ("Телефон", "имя")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_out_can_be_used_and_stays(header in "\\PC{0,20}|[A-Za-z0-9 _é-]{0,70}") {
            if let Some(name) = variable(&header) {
                prop_assert!(is_variable(&name));
                prop_assert!(same(&name, &header));
                prop_assert_eq!(variable(&name), Some(name.clone()));
            }
        }
    }
}
