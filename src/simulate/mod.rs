//! The simulator: an invented city bus network whose feeds, faults and truth are known.
