use proptest::prelude::*;

use super::blocks::record_ends;
use super::*;
use crate::decode::{DecodeError, Limits};

fn blocks(text: &[u8]) -> Result<Vec<Block>, DecodeError> {
    let mut blocks = Blocks::new("x.txt", text, Limits::default());
    let mut all: Vec<Block> = blocks.header()?.into_iter().collect();
    while let Some(block) = blocks.next_block()? {
        all.push(block);
    }
    Ok(all)
}

fn block(text: &[u8]) -> Block {
    Block { text: text.to_vec(), line: 1, unended: false }
}

fn records(text: &str, width: usize) -> Vec<Vec<String>> {
    let fields = Fields::rewrite(&block(text.as_bytes()), Some(width), usize::MAX);
    let cells: Vec<_> = (0..fields.ends.len()).map(|i| String::from_utf8_lossy(fields.field(i)).into_owned()).collect();
    cells.chunks(width).map(<[String]>::to_vec).collect()
}

#[test]
fn quoted_fields_keep_commas_line_ends_and_doubled_quotes() {
    let found = records("a,\"b, c\",\"say \"\"hi\"\"\"\r\n\"x\ny\", z ,\n", 3);
    assert_eq!(found, [["a", "b, c", "say \"hi\""], ["x\ny", "z", ""]]);
}

#[test]
fn a_quote_inside_an_unquoted_field_is_text() {
    assert_eq!(records("5\" pipe,b\nc,d\n", 2), [["5\" pipe", "b"], ["c", "d"]]);
}

/// Each as univocity 2.9.1 reads it with the canonical validator's settings (tried).
#[test]
fn blanks_and_quotes_are_read_as_the_canonical_reader_does() {
    for (text, read) in [
        (" \"a, b\",\"c\" \n", ["a, b", "c"]),
        ("\"a\"\t ,\t\"c \"\"d\"\"\"\r\n", ["a", "c \"d\""]),
        ("\"a\",\"b\"\r\r\n", ["a", "b"]),
        ("a,b\r\r\n", ["a", "b"]),
        ("\"Musterstadt, \"Kult\"\",x\n", ["\"Musterstadt, \"Kult\"\"", "x"]),
        ("\"Haus \"Am Markt\" Rathaus\",x\n", ["\"Haus \"Am Markt\" Rathaus\"", "x"]),
        ("\"\"K\" Linikum\",x\n", ["\"\"K\" Linikum\"", "x"]),
        ("\"a\"\"b\" c \"d\"\"e\" ,x\n", ["\"a\"b\" c \"d\"\"e\"", "x"]),
        ("\"a\" \"b\",x\n", ["\"a\" \"b\"", "x"]),
        ("a \"b\",5\"\n", ["a \"b\"", "5\""]),
        ("\"\",\"\"\"\"\n", ["", "\""]),
        ("\u{b}a\u{1f},b\n", ["a", "b"]),
    ] {
        assert_eq!(records(text, 2), [read], "{text:?}");
    }
}

#[test]
fn what_the_text_tells_beside_its_cells_is_listed_by_line() {
    let text = b"a,b\n\"x\" y,1\n\"p\nq\",2\n\"\"\n1,2,3\n\"r\n1,2\n\",4\n  \n5,6\n7\r8,9\n";
    let fields = Fields::rewrite(&block(text), Some(2), usize::MAX);
    let remark = |line, place| Remark { line, place };
    assert_eq!(fields.lines, Some(vec![1, 2, 3, 7, 11, 12]));
    assert_eq!(fields.loose, [remark(2, 0)]);
    assert_eq!(fields.broken, [remark(3, 0), remark(7, 0), remark(12, 0)]);
    assert_eq!(fields.empty, [5]);
    assert_eq!(fields.swallowing, [Swallowing { row: 3, until: 9 }]);
    assert_eq!(fields.torn.iter().map(|torn| (torn.line, torn.fields)).collect::<Vec<_>>(), [(6, 3)]);
}

#[test]
fn blanks_are_an_empty_row_only_at_the_end_of_a_file_without_a_line_end() {
    let empty = |text: &[u8]| {
        let last = blocks(text).unwrap().pop().unwrap();
        Fields::rewrite(&last, Some(2), usize::MAX).empty
    };
    assert!(empty(b"a,b\n1,2\n \n").is_empty());
    assert_eq!(empty(b"a,b\n1,2\n \t"), [3]);
}

#[test]
fn the_header_is_the_first_line_that_is_not_blank_and_rows_keep_their_lines() {
    let all = blocks(b"\xef\xbb\xbf\n \na,b\n\n1,2\n").unwrap();
    assert_eq!(header_fields(&all[0]), ["a", "b"]);
    assert_eq!((all[0].line, all[1].line), (3, 4));
    assert_eq!(Fields::of(&all[1], 2, 0).lines, Some(vec![5]));
}

#[test]
fn the_cells_of_torn_rows_are_those_that_stand_there() {
    let fields = Fields::rewrite(&block(b"a,b\n1\n2,\"x\" ,3\nc,d\n,4,\n"), Some(2), usize::MAX);
    let column = |place: usize| {
        let column = fields.of_torn(place);
        (0..column.count()).map(|i| String::from_utf8_lossy(column.field(i)).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (column(0), column(1)),
        (vec!["1".into(), "2".into(), String::new()], vec![String::new(), "x".into(), "4".into()])
    );
    assert_eq!(fields.lines, Some(vec![1, 4]));
}

#[test]
fn torn_rows_take_nothing_and_end_the_reading_where_they_are_too_many() {
    let text = b"x\n".repeat(100_000);
    let fields = Fields::rewrite(&block(&text), Some(1_000), usize::MAX);
    assert_eq!((fields.torn.len(), fields.ends.len(), fields.text.len()), (100_000, 0, 0));
    assert_eq!(fields.torn_text.len(), text.len());
    assert_eq!(Fields::rewrite(&block(&text), Some(1_000), 10).torn.len(), 11);
}

#[test]
fn the_straight_way_and_the_rewriting_one_agree() {
    let text = b"a,b,c\r\n1,, 3 \n,,\n";
    let straight = Fields::straight(text, 3).unwrap();
    let rewritten = Fields::rewrite(&block(text), Some(3), usize::MAX);
    let cells = |fields: &Fields| (0..6).map(|i| fields.field(i).to_vec()).collect::<Vec<_>>();
    assert_eq!(cells(&straight), cells(&rewritten));
}

#[test]
fn a_nul_an_open_quote_and_utf_16_are_errors_that_name_the_place() {
    let error = |text: &[u8]| blocks(text).unwrap_err().to_string();
    assert!(error(b"a,b\n1,2\n3,\0\n").starts_with("x.txt, row 3: the text has a NUL byte"));
    assert!(error(b"a,b\n1,\"2\n").contains("row 2: a quote that opens"));
    assert!(error(b"\xff\xfea\x00").contains("the file is UTF-16"));
}

#[test]
fn a_field_without_end_is_refused_before_it_fills_the_memory() {
    let endless = std::io::Read::chain(&b"a,b\n"[..], std::io::repeat(b'x'));
    let mut blocks = Blocks::new("x.txt", endless, Limits::default());
    let error = blocks.header().and_then(|_| blocks.next_block()).unwrap_err().to_string();
    assert!(error.contains("longer than 8388608 bytes"), "{error}");
}

proptest! {
    #[test]
    fn fields_survive_the_way_through_csv(
        table in proptest::collection::vec(proptest::collection::vec("[a-z \",\n\u{e4}]{0,6}", 3), 1..20)
    ) {
        let mut text = String::new();
        for row in &table {
            let quoted: Vec<_> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            text += &quoted.join(",");
            text.push('\n');
        }
        let trimmed: Vec<Vec<String>> =
            table.iter().map(|row| row.iter().map(|cell| cell.trim_ascii().to_owned()).collect()).collect();
        prop_assert_eq!(records(&text, 3), trimmed);
    }

    #[test]
    fn what_a_csv_writer_writes_comes_back_and_blanks_around_the_values_change_nothing(
        table in proptest::collection::vec(proptest::collection::vec("[a-c\",\n\r 0-2]{0,5}", 3), 1..15),
        blanks in proptest::collection::vec("[ \t\r]{0,2}", 6),
        ends in 0_usize..3,
    ) {
        // As Python's csv module with minimal quoting, of which blanks at the ends of a value need quotes, too.
        let write = |blank: &dyn Fn(usize) -> String, end: &str| {
            let mut text = String::new();
            for (row, cells) in table.iter().enumerate() {
                let cells: Vec<String> = cells.iter().enumerate().map(|(place, cell)| {
                    let quotes = cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell || row % 3 == place;
                    let cell = if quotes { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() };
                    format!("{}{cell}{}", blank(row + place), blank(row + 2 * place + 1))
                }).collect();
                text += &cells.join(",");
                text += end;
            }
            text
        };
        let read = |text: String| {
            let fields = Fields::rewrite(&block(text.as_bytes()), Some(3), usize::MAX);
            let cells: Vec<_> = (0..fields.count()).map(|i| String::from_utf8_lossy(fields.raw(i)).into_owned()).collect();
            (cells.chunks(3).map(<[String]>::to_vec).collect::<Vec<_>>(), fields.torn.len(), fields.loose.len())
        };
        let end = ["\n", "\r\n", "\r\r\n"][ends];
        prop_assert_eq!(read(write(&|_| String::new(), end)), (table.clone(), 0, 0));
        prop_assert_eq!(read(write(&|place| blanks[place % 6].clone(), end)), (table.clone(), 0, 0));
    }

    #[test]
    fn blocks_are_cut_where_records_end_and_nowhere_else(text in "[ab\",\n\r ]{0,60}") {
        let whole = format!("{text}\n");
        let mut begin = 0;
        let mut alone = Vec::new();
        for end in record_ends(whole.as_bytes()) {
            alone.extend(records(&whole[begin..end], 2));
            begin = end;
        }
        prop_assert_eq!(records(&whole[..begin], 2), alone);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(blocks) = blocks(&text) {
            for block in blocks {
                Fields::rewrite(&block, Some(3), 5);
                Fields::straight(&block.text, 3);
            }
        }
    }
}
