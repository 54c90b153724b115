//! The evidence store: what was captured, by source and hour, in a folder of the private store.
