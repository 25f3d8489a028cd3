//! Physical lines, as an editor counts them, out of bytes that were cut anywhere.

use super::InvalidList;

/// Longest line read, and longest row of several lines.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024;

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Its bytes; `None` if there are more than [`MAX_LINE_BYTES`].
    pub(super) text: Option<&'a [u8]>,
}

/// Cuts bytes into lines at LF, CRLF and CR. Holds the beginning of one line at most.
#[derive(Default)]
pub(super) struct Lines {
    count: u64,
    held: Vec<u8>,
    /// The line is longer than it may be; what there is of it was dropped.
    overlong: bool,
    /// The last byte was a CR: an LF now ends no further line.
    after_cr: bool,
}

impl Lines {
    /// Gives each line that ends within `bytes` to `each`.
    pub(super) fn split(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(Line<'_>) -> Result<(), InvalidList>,
    ) -> Result<(), InvalidList> {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.hold(bytes);
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            self.end_line(&bytes[..end], each)?;
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// Gives the last line to `each`, if it has no end of its own.
    pub(super) fn finish(
        &mut self,
        each: &mut impl FnMut(Line<'_>) -> Result<(), InvalidList>,
    ) -> Result<(), InvalidList> {
        if self.held.is_empty() && !self.overlong { Ok(()) } else { self.end_line(&[], each) }
    }

    /// Lines that have ended so far.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.overlong || self.held.len() + bytes.len() > MAX_LINE_BYTES {
            self.overlong = true;
            self.held.clear();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn end_line(
        &mut self,
        rest: &[u8],
        each: &mut impl FnMut(Line<'_>) -> Result<(), InvalidList>,
    ) -> Result<(), InvalidList> {
        self.count += 1;
        let number = self.count;
        // Most lines lie whole within the piece and need not be copied.
        if self.held.is_empty() && !self.overlong && rest.len() <= MAX_LINE_BYTES {
            return each(Line { number, text: Some(rest) });
        }
        self.hold(rest);
        let overlong = std::mem::take(&mut self.overlong);
        let done = each(Line { number, text: (!overlong).then_some(self.held.as_slice()) });
        self.held.clear();
        done
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(pieces: &[&[u8]]) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut each = |line: Line<'_>| {
            let text = line.text.map(|text| String::from_utf8_lossy(text).into_owned());
            found.push((line.number, text));
            Ok(())
        };
        for piece in pieces {
            lines.split(piece, &mut each).expect("each never fails");
        }
        lines.finish(&mut each).expect("each never fails");
        found
    }

    fn texts(pieces: &[&[u8]]) -> Vec<String> {
        lines_of(pieces).into_iter().map(|(_, text)| text.expect("short")).collect()
    }

    #[test]
    fn every_kind_of_line_end_is_one() {
        assert_eq!(texts(&[b"a\nb\r\nc\rd"]), ["a", "b", "c", "d"]);
        assert_eq!(texts(&[b"a\r", b"\nb\r", b"\r", b"\n\n"]), ["a", "b", "", ""]);
        assert_eq!(texts(&[b"a\r", b"", b"\nb\n"]), ["a", "b"]);
        assert_eq!(texts(&[b""]), [""; 0]);
        assert_eq!(texts(&[b"\n"]), [""]);
    }

    #[test]
    fn a_line_too_long_is_counted_and_not_held() {
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        for pieces in [vec![&b"a\n"[..], &long, b"\nb"], vec![b"a\n", &long[..9], &long[9..], b"\n", b"b"]] {
            let found = lines_of(&pieces);
            assert_eq!(found, [(1, Some("a".into())), (2, None), (3, Some("b".into()))]);
        }
        let longest = &long[1..];
        assert_eq!(lines_of(&[longest, b"\n"])[0].1.as_ref().map(String::len), Some(MAX_LINE_BYTES));
    }
}
