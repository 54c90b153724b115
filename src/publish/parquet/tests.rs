use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int32Array, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;

use super::*;
use crate::contract::odcs;

fn contract(sorted: bool) -> Arc<Contract> {
    let sort = if sorted { "    customProperties: [{property: sortBy, value: [id, secret, time]}]\n" } else { "" };
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n{sort}    \
             properties:\n      - {{name: secret, logicalType: string}}\n      - {{name: id, logicalType: string, \
             classification: public}}\n      - {{name: time, logicalType: integer, classification: public}}\n"
    );
    Arc::new(odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap())
}

fn batch(contract: &Contract, rows: impl Iterator<Item = i32> + Clone) -> RecordBatch {
    let ids: StringArray = rows.clone().map(|row| Some(format!("bus {}", row % 7))).collect();
    let times: Int32Array = rows.map(Some).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(times)];
    RecordBatch::try_new(contract.release_schema(), columns).unwrap()
}

fn write(folder: &Path, sorted: bool, batches: &[RecordBatch]) -> Staged {
    let metadata = vec![("fahrtenbuch.contract".to_owned(), "t 1".to_owned())];
    let mut writer = Writer::new(folder, &contract(sorted), metadata, Budget::new(1 << 30)).unwrap();
    batches.iter().for_each(|batch| writer.push(batch.clone()).unwrap());
    writer.finish().unwrap()
}

#[test]
fn rows_come_back_in_order_in_groups_of_the_right_size_with_their_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let contract = contract(true);
    let batches: Vec<_> = (0..20).rev().map(|i| batch(&contract, i * 10_000..(i + 1) * 10_000)).collect();
    let staged = write(folder.path(), true, &batches);
    assert_eq!(staged.rows, 200_000);
    assert_eq!(staged.digest, Digest::of(&std::fs::read(&staged.path).unwrap()));
    assert_eq!(staged.bytes, std::fs::metadata(&staged.path).unwrap().len());
    let file = File::open(&staged.path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = reader.metadata().clone();
    // Seven buses, each of which is in one group as far as groups may be so large.
    assert!(metadata.num_row_groups() >= 7 && metadata.row_groups().iter().all(|group| group.num_rows() <= 20_480));
    assert_eq!(metadata.row_group(0).sorting_columns().unwrap().len(), 2);
    let column = metadata.row_group(0).column(0);
    assert!(column.column_index_offset().is_some() && column.offset_index_offset().is_some());
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    assert_eq!(pairs[0].key, "fahrtenbuch.contract");
    let mut last = (String::new(), -1);
    for rows in reader.build().unwrap() {
        let rows = rows.unwrap();
        for row in 0..rows.num_rows() {
            let id = rows.column(0).as_string::<i32>().value(row).to_owned();
            let this = (id, rows.column(1).as_primitive::<Int32Type>().value(row));
            assert!(last < this, "{last:?} {this:?}");
            last = this;
        }
    }
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let contract = contract(false);
    let whole: Vec<_> = (0..40).map(|i| batch(&contract, i * 5_000..(i + 1) * 5_000)).collect();
    let one = write(folders[0].path(), false, &whole);
    // In whatever batches they come.
    let whole: Vec<_> = (0..25).map(|i| batch(&contract, i * 8_000..(i + 1) * 8_000)).collect();
    let other = write(folders[1].path(), false, &whole);
    assert_eq!(one.digest, other.digest);
}

#[test]
fn any_number_of_threads_makes_the_same_bytes() {
    let contract = contract(true);
    let schema = contract.release_schema();
    let digests = [1, 2, 7].map(|threads| {
        let properties = properties(&contract, &schema, &[0, 1], Vec::new()).unwrap();
        let (groups, received) = sync_channel(8);
        for place in 0..3 {
            let rows = vec![batch(&contract, place * 9_000..(place + 1) * 9_000)];
            groups.send(Group { rows, booked: 0, budget: Budget::new(1) }).unwrap();
        }
        drop(groups);
        let (done, _written) = channel();
        encode(tempfile::tempfile().unwrap(), &schema, properties, &received, &done, threads).unwrap()
    });
    assert!(digests[0] == digests[1] && digests[1] == digests[2], "{digests:?}");
}

#[test]
fn rows_that_were_spooled_and_merged_give_the_same_bytes_as_those_sorted_at_once() {
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let contract = contract(true);
    // Out of order, with rows of equal rank.
    let batches: Vec<_> =
        (0..37).map(|i| batch(&contract, (0..8_000).map(move |row| row * 31 % 5_003 + i % 3))).collect();
    let once = write(folders[0].path(), true, &batches);
    let budget = Budget::new(8 << 20);
    let mut writer =
        Writer::new(folders[1].path(), &contract, vec![("fahrtenbuch.contract".into(), "t 1".into())], budget.clone())
            .unwrap();
    batches.iter().for_each(|batch| writer.push(batch.clone()).unwrap());
    assert!(writer.runs.len() > 3, "{}", writer.runs.len());
    let merged = writer.finish().unwrap();
    assert_eq!((merged.digest, merged.rows), (once.digest, 296_000));
    budget.take("all of it", 8 << 20).unwrap();
    assert_eq!(std::fs::read_dir(folders[1].path()).unwrap().count(), 1);
}

#[test]
fn a_table_without_rows_is_a_file_with_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let staged = write(folder.path(), true, &[]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&staged.path).unwrap()).unwrap();
    assert_eq!((reader.schema().fields().len(), staged.rows), (2, 0));
}

#[test]
fn a_file_says_what_its_columns_are_and_no_dictionary_ends_within_a_row_group() {
    let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: secret, logicalType: string}\n      - {name: id, logicalType: string, primaryKey: true, \
                    required: true, classification: public, description: Key.}\n      - {name: text, logicalType: string, \
                    classification: public, customProperties: [{property: descriptionDe, value: Länge.}, {property: unit, value: m}]}\n      \
                    - {name: lat, logicalType: number, physicalType: float, classification: public}\n";
    let contract = Arc::new(odcs::contract(Path::new("t.odcs.yaml"), text).unwrap());
    let folder = tempfile::tempdir().unwrap();
    // 100,000 different texts of 40 bytes are four times the dictionary that the library would allow.
    let ids: StringArray = (0..100_000).map(|row| Some(format!("id-{row:06}"))).collect();
    let texts: StringArray = (0..100_000).map(|row| Some(format!("{:040}", row * 7_919 % 100_003))).collect();
    let secrets = StringArray::from(vec!["bus"; 100_000]);
    let numbers = arrow_array::Float64Array::from_iter_values(
        (0..100_000).map(|row| crate::table::single::widen(48.0 + row as f32 / 1e4)),
    );
    let (origin, place) =
        (arrow_array::UInt32Array::from(vec![0; 100_000]), arrow_array::UInt64Array::from(vec![1; 100_000]));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(secrets), Arc::new(ids), Arc::new(texts), Arc::new(numbers), Arc::new(origin), Arc::new(place)];
    let rows = RecordBatch::try_new(contract.chunk_schema(), columns).unwrap();
    let public = crate::derive::privacy::public_only(&contract, &rows).unwrap();
    let mut writer = Writer::new(folder.path(), &contract, Vec::new(), Budget::new(1 << 30)).unwrap();
    writer.push(public.clone()).unwrap();
    let staged = writer.finish().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&staged.path).unwrap()).unwrap();
    let (schema, metadata) = (reader.schema().clone(), reader.metadata().clone());
    assert_eq!(schema.fields(), contract.release_schema().fields());
    assert_eq!(schema.field(0).metadata()["description"], "Key.");
    assert_eq!(schema.field(1).metadata()["unit"], "m");
    assert_eq!((schema.field(0).is_nullable(), schema.field(1).is_nullable()), (false, true));
    let root = metadata.file_metadata().schema_descr();
    // Columns are found by name; what ids a table's columns have its index says.
    assert!(root.columns().iter().all(|column| !column.self_type().get_basic_info().has_id()));
    assert_eq!(root.column(0).max_def_level(), 0);
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    let said =
        pairs.iter().find(|pair| pair.key == "fahrtenbuch.columns").and_then(|pair| pair.value.as_deref()).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(said).unwrap(),
        serde_json::json!([{"name": "id", "description": "Key."}, {"name": "text", "description_de": "Länge.", "unit": "m"}, {"name": "lat"}])
    );
    let encodings = |column: usize| metadata.row_group(0).column(column).encodings().collect::<Vec<_>>();
    assert!(encodings(0).contains(&Encoding::DELTA_BYTE_ARRAY) && !encodings(0).contains(&Encoding::RLE_DICTIONARY));
    let pages = metadata.row_group(0).column(1).page_encoding_stats();
    assert!(encodings(1).contains(&Encoding::RLE_DICTIONARY), "{:?}", encodings(1));
    for page in pages.into_iter().flatten().filter(|page| page.page_type != parquet::basic::PageType::DICTIONARY_PAGE) {
        assert_eq!(page.encoding, Encoding::RLE_DICTIONARY);
    }
    assert!(encodings(2).contains(&Encoding::BYTE_STREAM_SPLIT));
    let read: Vec<RecordBatch> = reader.with_batch_size(1 << 17).build().unwrap().map(Result::unwrap).collect();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].columns(), public.columns());
}

#[test]
fn a_null_in_a_column_that_is_never_null_is_an_error_that_names_it() {
    let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: id, logicalType: string, required: true, classification: public}\n";
    let contract = odcs::contract(Path::new("t.odcs.yaml"), text).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![None::<&str>])),
        Arc::new(arrow_array::UInt32Array::from(vec![0])),
        Arc::new(arrow_array::UInt64Array::from(vec![1])),
    ];
    let rows = RecordBatch::try_new(contract.chunk_schema(), columns).unwrap();
    let error = crate::derive::privacy::public_only(&contract, &rows).unwrap_err().to_string();
    assert!(error.contains("'id'"), "{error}");
}

/// The first and last id of each row group, and how many rows it has.
fn groups(path: &Path) -> Vec<(String, String, i64)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let groups = reader.metadata().row_groups().iter().map(|group| {
        let statistics = group.column(0).statistics().unwrap();
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        (text(statistics.min_bytes_opt()), text(statistics.max_bytes_opt()), group.num_rows())
    });
    groups.collect()
}

#[test]
fn a_bus_is_in_one_row_group_unless_it_alone_would_fill_one() {
    let contract = contract(true);
    // Forty buses with 1,500 rows each, and one with 50,000.
    let ids = (0..60_000).map(|row| format!("bus {:02}", row % 40)).chain((0..50_000).map(|_| "bus 20a".to_owned()));
    let ids: Vec<String> = ids.collect();
    let times: Int32Array = (0..110_000).map(Some).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(ids)), Arc::new(times)];
    let rows = RecordBatch::try_new(contract.release_schema(), columns).unwrap();
    let batches: Vec<_> = (0..110).map(|place| rows.slice(place * 1_000, 1_000)).collect();
    let folder = tempfile::tempdir().unwrap();
    let staged = write(folder.path(), true, &batches);
    let groups = groups(&staged.path);
    assert_eq!(groups.iter().map(|(_, _, rows)| rows).sum::<i64>(), 110_000);
    assert!(groups.iter().all(|(_, _, rows)| *rows <= 20_480), "{groups:?}");
    for bus in (0..40).map(|bus| format!("bus {bus:02}")) {
        let of_bus = groups.iter().filter(|(first, last, _)| *first <= bus && bus <= *last).count();
        assert_eq!(of_bus, 1, "{bus}: {groups:?}");
    }
    assert!(
        groups.iter().filter(|(first, last, _)| first.as_str() <= "bus 20a" && last.as_str() >= "bus 20a").count() >= 3
    );
}

#[test]
fn large_tables_have_larger_row_groups_and_pages_stay_small() {
    assert_eq!(
        [0, 800_000, 1_000_000, 4_000_000, 5_000_000, u64::MAX].map(batches::group_rows),
        [20_480, 20_480, 26_624, 100_352, 122_880, 122_880]
    );
    let folder = tempfile::tempdir().unwrap();
    let contract = contract(true);
    let staged = write(folder.path(), true, &[batch(&contract, 0..30_000)]);
    let options = parquet::arrow::arrow_reader::ArrowReaderOptions::new()
        .with_page_index_policy(parquet::file::metadata::PageIndexPolicy::Required);
    let file = File::open(&staged.path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let metadata = reader.metadata();
    for (place, group) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(place);
        for column in 0..group.num_columns() {
            assert!(index.column_index(column).is_some());
            let firsts = index.page_locations(column).unwrap().iter().map(|page| page.first_row_index);
            let firsts: Vec<i64> = firsts.chain([group.num_rows()]).collect();
            assert!(firsts.windows(2).all(|pair| pair[1] - pair[0] <= 8_192), "{firsts:?}");
        }
    }
}

#[test]
fn a_column_that_rows_are_looked_up_by_has_a_filter_as_large_as_its_values_need() {
    let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: few, logicalType: string, classification: public, customProperties: [{property: \
                    bloomFilter, value: true}]}\n      - {name: many, logicalType: string, classification: public, customProperties: \
                    [{property: bloomFilter, value: true}, {property: encoding, value: plain}]}\n      - {name: none, logicalType: \
                    string, classification: public}\n";
    let contract = Arc::new(odcs::contract(Path::new("t.odcs.yaml"), text).unwrap());
    let texts = |of: i32| -> ArrayRef {
        Arc::new((0..40_000).map(|row| Some(format!("trip {}", row % of))).collect::<StringArray>())
    };
    let rows = RecordBatch::try_new(contract.release_schema(), vec![texts(100), texts(10_000), texts(100)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(folder.path(), &contract, Vec::new(), Budget::new(1 << 30)).unwrap();
    writer.push(rows).unwrap();
    let staged = writer.finish().unwrap();
    let properties = parquet::file::properties::ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options =
        parquet::file::serialized_reader::ReadOptionsBuilder::new().with_reader_properties(properties).build();
    let reader = parquet::file::serialized_reader::SerializedFileReader::new_with_options(
        File::open(&staged.path).unwrap(),
        options,
    )
    .unwrap();
    use parquet::file::reader::FileReader;
    let group = reader.get_row_group(0).unwrap();
    let bytes = |column: usize| group.metadata().column(column).bloom_filter_length().unwrap_or(0);
    assert!((64..=512).contains(&bytes(0)) && (10_000..=40_000).contains(&bytes(1)), "{} {}", bytes(0), bytes(1));
    for column in 0..2 {
        let filter = group.get_column_bloom_filter(column).unwrap();
        assert!((0..100).all(|trip| filter.check(&format!("trip {trip}").as_str())));
        let wrong = (0..10_000).filter(|trip| filter.check(&format!("other {trip}").as_str())).count();
        assert!(wrong < 300, "{wrong}");
    }
    assert!(group.get_column_bloom_filter(2).is_none());
}
