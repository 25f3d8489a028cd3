//! What a list is encoded in, told by its first bytes; UTF-16 becomes UTF-8.
//!
//! All other bytes go on as they are: whether a row is UTF-8 or Windows-1252 is for [`super::charset`] to
//! say. The standard library has all this needs; a crate of encodings would bring tables of twenty more.

use std::mem;

use super::InvalidList;

/// How much of a list is looked at before anything of it is read.
const SNIFFED_BYTES: usize = 64;
/// First bytes of what people send instead of a list: xlsx and other archives, old xls, gzip, PDF.
const SIGNATURES: [&[u8]; 4] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF"];

/// Turns the bytes of a list into such that ASCII characters can be told in.
pub(super) struct Unicode {
    state: State,
    out: Vec<u8>,
}

enum State {
    /// Too little was seen to know.
    Sniffing(Vec<u8>),
    /// One byte for each ASCII character.
    Bytes,
    Utf16(Utf16),
}

impl Default for Unicode {
    fn default() -> Self {
        Self { state: State::Sniffing(Vec::new()), out: Vec::new() }
    }
}

impl Unicode {
    /// What `bytes` stand for, so far as that is known yet.
    pub(super) fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Result<&'a [u8], InvalidList> {
        self.out.clear();
        match &mut self.state {
            State::Bytes => return Ok(bytes),
            State::Utf16(utf16) => utf16.push(bytes, &mut self.out),
            State::Sniffing(head) => {
                head.extend_from_slice(bytes);
                if head.len() >= SNIFFED_BYTES {
                    self.decide()?;
                }
            }
        }
        Ok(&self.out)
    }

    /// What was held back.
    pub(super) fn finish(&mut self) -> Result<&[u8], InvalidList> {
        self.out.clear();
        self.decide()?;
        if let State::Utf16(utf16) = &mut self.state {
            utf16.finish(&mut self.out);
        }
        Ok(&self.out)
    }

    fn decide(&mut self) -> Result<(), InvalidList> {
        let State::Sniffing(head) = &mut self.state else { return Ok(()) };
        let head = mem::take(head);
        if SIGNATURES.iter().any(|signature| head.starts_with(signature)) {
            return Err(InvalidList::NotText);
        }
        let (mark_bytes, order) = sniff(&head);
        let text = &head[mark_bytes..];
        self.state = match order {
            None => {
                self.out.extend_from_slice(text);
                State::Bytes
            }
            Some(order) => {
                let mut utf16 = Utf16 { order, odd: None, high: None };
                utf16.push(text, &mut self.out);
                State::Utf16(utf16)
            }
        };
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.out.capacity()
    }
}

/// Which byte of a UTF-16 unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// Length of the byte order mark, and the order if this is UTF-16.
fn sniff(head: &[u8]) -> (usize, Option<Order>) {
    match head {
        [0xff, 0xfe, ..] => (2, Some(Order::Little)),
        [0xfe, 0xff, ..] => (2, Some(Order::Big)),
        [0xef, 0xbb, 0xbf, ..] => (3, None),
        _ => (0, unmarked_utf16(&head[..head.len().min(SNIFFED_BYTES)])),
    }
}

/// UTF-16 without a mark: most characters of a header are ASCII, so every second byte is zero.
fn unmarked_utf16(head: &[u8]) -> Option<Order> {
    let units = head.chunks_exact(2);
    let half = units.len() / 2;
    let big = units.clone().filter(|unit| unit[0] == 0).count();
    let little = units.filter(|unit| unit[1] == 0).count();
    // A zero on the other side is not unusual: half of an emoji may have one.
    if little > half && little > 4 * big {
        Some(Order::Little)
    } else if big > half && big > 4 * little {
        Some(Order::Big)
    } else {
        None
    }
}

/// UTF-16 on its way to UTF-8. What is no character becomes U+FFFD, and its row will be refused.
struct Utf16 {
    order: Order,
    /// First byte of a unit whose second has not arrived.
    odd: Option<u8>,
    /// First half of a surrogate pair.
    high: Option<u16>,
}

impl Utf16 {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            match (self.odd.take(), self.order) {
                (None, _) => self.odd = Some(byte),
                (Some(first), Order::Little) => self.push_unit(u16::from_le_bytes([first, byte]), out),
                (Some(first), Order::Big) => self.push_unit(u16::from_be_bytes([first, byte]), out),
            }
        }
    }

    fn push_unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            if (0xdc00..=0xdfff).contains(&unit) {
                let code = 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00);
                return push_char(char::from_u32(code), out);
            }
            push_char(None, out);
        }
        if (0xd800..=0xdbff).contains(&unit) {
            self.high = Some(unit);
        } else {
            push_char(char::from_u32(u32::from(unit)), out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.odd.take().is_some() | self.high.take().is_some() {
            push_char(None, out);
        }
    }
}

fn push_char(found: Option<char>, out: &mut Vec<u8>) {
    let found = found.unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(found.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes in pieces of `size` bytes.
    fn decoded(bytes: &[u8], size: usize) -> Result<Vec<u8>, InvalidList> {
        let mut unicode = Unicode::default();
        let mut out = Vec::new();
        for piece in bytes.chunks(size) {
            out.extend_from_slice(unicode.decode(piece)?);
        }
        out.extend_from_slice(unicode.finish()?);
        Ok(out)
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn a_mark_tells_the_encoding_and_is_dropped() {
        let text = "phone;Größe 😀\n";
        let marked = format!("\u{feff}{text}");
        let encodings =
            [marked.clone().into_bytes(), utf16(&marked, u16::to_le_bytes), utf16(&marked, u16::to_be_bytes)];
        for bytes in encodings {
            assert_eq!(decoded(&bytes, 5), Ok(text.as_bytes().to_vec()));
        }
    }

    #[test]
    fn utf16_is_told_without_a_mark_by_its_zeros() {
        let text = "phone;Größe 😀\n";
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            assert_eq!(decoded(&utf16(text, to_bytes), 1), Ok(text.as_bytes().to_vec()));
        }
        for plain in [&b"phone\n1\0\n"[..], b"phone;n\xe4me", b"", b"a"] {
            assert_eq!(decoded(plain, 3), Ok(plain.to_vec()));
        }
    }

    #[test]
    fn only_the_first_bytes_tell_however_many_arrive_with_them() {
        let bytes = [&b"a\0".repeat(SNIFFED_BYTES / 2)[..], &b"bc".repeat(SNIFFED_BYTES)].concat();
        assert_eq!(decoded(&bytes, 1), decoded(&bytes, bytes.len()));
        assert!(decoded(&bytes, bytes.len()).expect("text").starts_with(b"aaa"));
    }

    #[test]
    fn halves_of_characters_show_as_lost() {
        for units in [&[0xd800, 0x41][..], &[0xdc00, 0x41], &[0x41, 0xd83d]] {
            let bytes: Vec<u8> = [0xfeff].iter().chain(units).copied().flat_map(u16::to_le_bytes).collect();
            let text = String::from_utf8(decoded(&bytes, 1).expect("text")).expect("UTF-8");
            assert!(text.contains('A') && text.contains('\u{fffd}') && text.chars().count() == 2);
        }
        assert_eq!(decoded(b"\xff\xfeA\0B", 2), Ok("A\u{fffd}".into()));
    }

    #[test]
    fn a_workbook_is_no_list() {
        for bytes in [&b"PK\x03\x04 and so on"[..], b"\xd0\xcf\x11\xe0\xa1\xb1"] {
            assert_eq!(decoded(bytes, 2), Err(InvalidList::NotText));
        }
    }

    proptest! {
        #[test]
        fn how_bytes_are_cut_changes_nothing(
            bytes in prop::collection::vec(prop_oneof![Just(0), Just(b'a'), Just(0xd8), Just(0xff), any::<u8>()], 0..200),
            size in 1..80usize,
        ) {
            prop_assert_eq!(decoded(&bytes, size), decoded(&bytes, 1000));
        }

        #[test]
        fn utf16_is_read_as_it_was_written(text in "\\PC{0,80}", size in 1..9usize) {
            let marked = format!("\u{feff}{text}");
            for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                prop_assert_eq!(decoded(&utf16(&marked, to_bytes), size), Ok(text.as_bytes().to_vec()));
            }
        }
    }
}
