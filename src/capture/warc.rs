//! WARC 1.1 (ISO 28500:2017), one gzip member per record: the form in which evidence is kept.
