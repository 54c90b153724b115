//! What decoding may cost.

/// What hostile input may cost at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one file after inflating.
    pub file_bytes: u64,
    /// Bytes of all files of an archive after inflating.
    pub archive_bytes: u64,
    /// How many times its packed size a file may inflate to, once it is larger than 4 MiB. Timetables reach 30.
    pub ratio: u64,
    /// Bytes of one CSV record.
    pub record_bytes: usize,
    /// Rows of one file that do not have as many fields as its header; one with more is no CSV of that header.
    pub torn_rows: usize,
    /// Columns of one file.
    pub columns: usize,
    /// Files of an archive.
    pub files: usize,
    /// Rows of one file, where a whole file is held.
    pub rows: usize,
    /// Bytes of all columns of a feed and of what rules lay beside them, where all of them are held. A country's timetable takes one
    /// or two gigabytes.
    pub held_bytes: usize,
    /// Bytes of one GTFS-Realtime message.
    pub message_bytes: usize,
    /// Entities of one GTFS-Realtime message. A country's have some 100,000.
    pub message_entities: usize,
    /// Rows that one GTFS-Realtime message may give. A country's predictions are some 2,000,000.
    pub message_rows: u64,
    /// Bytes that the rows of one GTFS-Realtime entity may take together: an alert with a thousand periods and a thousand
    /// stops is some kilobytes and a million rows.
    pub entity_bytes: usize,
}

impl Limits {
    /// The limits where a run may hold so many bytes: a message and the rows of an entity may take a part of them.
    pub fn within(memory: usize) -> Self {
        let limits = Self::default();
        Self {
            message_bytes: limits.message_bytes.min(memory / 4),
            entity_bytes: limits.entity_bytes.min(memory / 16),
            ..limits
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 8 << 30,
            archive_bytes: 9 << 30,
            ratio: 100,
            record_bytes: 8 << 20,
            torn_rows: 100_000,
            columns: 1_000,
            files: 1_000,
            rows: 1_000_000_000,
            held_bytes: 8 << 30,
            message_bytes: 256 << 20,
            message_entities: 1_000_000,
            message_rows: 5_000_000,
            entity_bytes: 32 << 20,
        }
    }
}
