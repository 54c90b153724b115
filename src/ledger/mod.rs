//! Ledger: the facts of a run as one record.
