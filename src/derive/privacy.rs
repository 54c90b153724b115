//! Open by permission only: the key of a service day, pseudonyms of vehicles, and the columns that may leave.
