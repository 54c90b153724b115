//! Publish: released rows become files that readers can trust and find.
//!
//! Takes batches in the public columns of a contract; makes Parquet files in a staging folder, puts them into the bucket
//! under names that carry their digest, and commits them with one create-only write of the next table index. Then it
//! writes what people read: `files.json`, `index.csv`, `datapackage.json`, `index.html`. Holds all rows of a partition if
//! the contract asks for an order that they do not have yet, booked on the run's [`crate::table::Budget`].

pub mod bucket;
pub mod index;
pub mod pages;
pub mod parquet;
