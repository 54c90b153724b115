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
    assert_eq!(metadata.row_group(0).num_rows(), ROW_GROUP as i64);
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
    let other = write(folders[1].path(), false, &whole);
    assert_eq!(one.digest, other.digest);
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
