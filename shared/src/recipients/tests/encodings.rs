//! Lists in every encoding spreadsheets save in.

use super::*;

const LIST: &str = "Téléphone;Prénom\n+41790000001;Zoë\n+41790000002;Łukasz 😀\n";

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn unicode_is_read_with_and_without_its_mark() {
    let expected = ["2 +41790000001 prenom=Zoë", "3 +41790000002 prenom=Łukasz 😀"];
    for mark in ["", "\u{feff}"] {
        let text = format!("{mark}{LIST}");
        for list in
            [text.clone().into_bytes(), utf16(&text, u16::to_le_bytes), utf16(&text, u16::to_be_bytes)]
        {
            let (found, summary) = read(&swiss(), list);
            assert_eq!((found.as_slice(), summary.warning), (&expected.map(String::from)[..], None));
        }
    }
}

#[test]
fn latin_1_is_read_with_one_warning() {
    let list = b"T\xe9l\xe9phone;Pr\xe9nom\r\n+41790000001;Zo\xeb\r\n+41790000002;\x80 \x93x\x94\r\n";
    let (found, summary) = read(&swiss(), list);
    assert_eq!(found, ["2 +41790000001 prenom=Zoë", "3 +41790000002 prenom=€ “x”"]);
    assert_eq!(summary.warning, Some(Warning::Latin1 { line: 1 }));
}

#[test]
fn a_foreign_row_late_in_a_list_is_read_alone() {
    let people: String = (0..5_000).map(|n| format!("+4179{:07};Zoë\n", 1_000_000 + n)).collect();
    let mut list = format!("phone;name\n{people}").into_bytes();
    list.extend_from_slice(b"+41790000001;Zo\xeb\n+41790000002;");
    list.extend_from_slice("Zoë\n".as_bytes());
    let (found, summary) = read(&swiss(), list);
    assert_eq!(found.len(), 5_002);
    assert!(found.iter().all(|row| row.ends_with("name=Zoë")));
    assert_eq!(summary.warning, Some(Warning::Latin1 { line: 5_002 }));
}

#[test]
fn utf16_that_was_cut_is_refused_where_it_was() {
    let mut list = utf16("\u{feff}phone;name\n+41790000001;Ann\n+41790000002;Zo", u16::to_le_bytes);
    list.push(0xeb);
    assert_eq!(rows(list), ["2 +41790000001 name=Ann", "3 lost_character"]);
}
