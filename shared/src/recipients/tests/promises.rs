//! What holds for any bytes, however they are cut.

use proptest::prelude::*;

use super::*;

/// Pieces of lists, and what disturbs them.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let texts = [
        "+41790000001",
        "079 000 00 02",
        "9.1E+11",
        "Ann",
        "Zoë",
        "{\"phone\": \"+41790000001\"}",
        "{\"phone\": 1, \"a\": [",
    ];
    let signs = [",", ";", "\t", "\"", "\"\"", "\n", "\r\n", "\r", " ", "\u{feff}", "\0"];
    prop_oneof![
        6 => prop::sample::select(texts.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        10 => prop::sample::select(signs.to_vec()).prop_map(|sign| sign.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => (1..40_000usize).prop_map(|length| vec![b'x'; length]),
    ]
}

fn list() -> impl Strategy<Value = Vec<u8>> {
    let heads = [
        &b""[..],
        b"phone,name\n",
        b"phone;name\r\n",
        b"\xff\xfep\0h\0o\0n\0e\0\n\0",
        b"{\"phone\": \"+41790000001\"}\n",
    ];
    (prop::sample::select(heads.to_vec()), prop::collection::vec(fragments(), 0..40))
        .prop_map(|(head, parts)| [head, &parts.concat()].concat())
}

proptest! {
    #[test]
    fn how_bytes_are_cut_changes_nothing(list in list(), size in 1..200usize) {
        prop_assert_eq!(read_in_pieces(&swiss(), &list, size), read_in_pieces(&swiss(), &list, usize::MAX));
    }

    #[test]
    fn any_bytes_give_rows_in_the_order_of_their_lines(list in list(), names in any::<bool>()) {
        let options = Options { phone_column: names.then(|| "name".into()), ..swiss() };
        let mut last = 0;
        let mut reader = Reader::new(options);
        let mut sink = |row: Row| {
            assert!(row.line() > last, "line {} after {last}", row.line());
            last = row.line();
        };
        if reader.feed(&list, &mut sink).is_ok() && let Ok(summary) = reader.finish(&mut sink) {
            prop_assert!(last <= summary.lines);
        }
    }

    #[test]
    fn every_line_without_quotes_is_a_row_or_blank(
        lines in prop::collection::vec("[+0-9]{0,13}|[,; ]{0,3}|[a-z+,;0-9é\0]{0,20}", 0..30),
    ) {
        let written = format!("phone,name\n{}", lines.join("\n"));
        let blank = |line: &&String| !line.contains(|c| c != ',' && c != ' ');
        let expected: Vec<_> = (2..).zip(&lines).filter(|(_, line)| !blank(line)).map(|(at, _)| at).collect();
        let (found, _) = read(&swiss(), written);
        let found: Vec<usize> = found.iter().filter_map(|row| row.split(' ').next()?.parse().ok()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_line_of_ndjson_is_a_row_or_blank(lines in prop::collection::vec("[{}\":a-z0-9, ]{0,20}", 1..30)) {
        let options = Options { format: Format::Ndjson, ..swiss() };
        let expected = lines.iter().filter(|line| !line.trim().is_empty()).count();
        let (rows, summary) = read_in_pieces(&options, lines.join("\n").as_bytes(), usize::MAX);
        prop_assert_eq!(rows.len(), expected);
        prop_assert_eq!(summary.is_ok(), expected > 0);
    }

    #[test]
    fn what_a_spreadsheet_writes_is_read_back(
        people in prop::collection::vec(("[1-9][0-9]{6}", "[a-zé,;\"][a-zé,;\"\n ]{0,12}[a-zé\"]"), 0..20),
        separator in prop::sample::select(vec![',', ';', '\t']),
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let row = |(number, name): &(String, String)| format!("+4179{number}{separator}{}\r\n", quoted(name));
        let written = format!("phone{separator}name\r\n{}", people.iter().map(row).collect::<String>());
        let (found, _) = read(&swiss(), written);
        let found: Vec<_> = found.iter().map(|row| row.split_once(' ').expect("a line").1.to_owned()).collect();
        let expected: Vec<_> = people.iter().map(|(number, name)| format!("+4179{number} name={name}")).collect();
        prop_assert_eq!(found, expected);
    }
}

/// Feeds `piece` many times after a header; gives the rows and the most bytes ever held.
fn flood(header: &str, piece: &[u8], times: usize) -> (usize, usize) {
    let mut reader = Reader::new(swiss());
    let (mut rows, mut most) = (0, 0);
    reader.feed(header.as_bytes(), &mut |_| rows += 1).expect("a list");
    for _ in 0..times {
        reader.feed(piece, &mut |_| rows += 1).expect("a list");
        most = most.max(reader.held_bytes());
    }
    reader.finish(&mut |_| rows += 1).expect("a list");
    (rows, most)
}

#[test]
fn what_is_held_does_not_grow_with_the_list() {
    const HEADER: &str = "phone,name,and some more columns,so that,the first bytes are seen,as text\n";
    let bound = 2_500_000;
    for (piece, expected) in [
        (b"+41790000001,Ann,,,,\n".repeat(5), 10_000),
        (vec![b'x'; 10_000], 1),
        (b"+41790000001,\"Joe\n".to_vec(), 2_000),
        (b"\n\",\"".to_vec(), 0),
        (vec![b','; 10_000], 1),
    ] {
        let (rows, most) = flood(HEADER, &piece, 2_000);
        assert!(expected == 0 || rows == expected, "{rows} rows");
        assert!(most < bound, "{most} bytes held");
    }
}
