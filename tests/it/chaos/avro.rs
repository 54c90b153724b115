//! A reader of Avro object container files by their own schema (specification 1.11), so that what a manifest says is read without
//! the code that wrote it.

use std::io::Read;

use serde_json::{Map, Value};

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i64, String> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| "a length below zero")?)
    }

    fn text(&mut self) -> Result<String, String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|error| error.to_string())
    }

    /// A value of a schema.
    fn value(&mut self, schema: &Value) -> Result<Value, String> {
        if let Value::Array(branches) = schema {
            let branch = self.long()?;
            let branch = usize::try_from(branch).ok().and_then(|branch| branches.get(branch));
            return self.value(branch.ok_or("a branch that the union has not")?);
        }
        let kind = schema.get("type").unwrap_or(schema);
        match kind.as_str() {
            None => self.value(kind),
            Some("null") => Ok(Value::Null),
            Some("boolean") => Ok(Value::Bool(self.take(1)?[0] != 0)),
            Some("int" | "long") => Ok(self.long()?.into()),
            Some("string") => Ok(self.text()?.into()),
            Some("record") => {
                let fields = schema["fields"].as_array().ok_or("a record without fields")?;
                let mut record = Map::new();
                for field in fields {
                    let name = field["name"].as_str().ok_or("a field without a name")?;
                    record.insert(name.to_owned(), self.value(&field["type"])?);
                }
                Ok(Value::Object(record))
            }
            Some(other) => Err(format!("the type {other} is none of a manifest")),
        }
    }
}

/// The records of a file, which must be whole.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let mut reader = Reader(bytes.strip_prefix(b"Obj\x01").ok_or("no Avro file")?);
    let (mut schema, mut codec) = (Value::Null, "null".to_owned());
    loop {
        let count = reader.long()?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            let key = reader.text()?;
            let value = reader.text()?;
            match key.as_str() {
                "avro.schema" => schema = serde_json::from_str(&value).map_err(|error| error.to_string())?,
                "avro.codec" => codec = value,
                _ => {}
            }
        }
    }
    let marker = reader.take(16)?;
    let mut found = Vec::new();
    while !reader.0.is_empty() {
        let count = reader.long()?;
        let packed = reader.bytes()?;
        let mut block = Vec::new();
        match codec.as_str() {
            "null" => block.extend(packed),
            "deflate" => {
                let mut decoder = flate2::read::DeflateDecoder::new(packed);
                decoder.read_to_end(&mut block).map_err(|error| error.to_string())?;
            }
            other => return Err(format!("the codec {other}")),
        }
        let mut records = Reader(&block);
        for _ in 0..count {
            found.push(records.value(&schema)?);
        }
        if !records.0.is_empty() || reader.take(16)? != marker {
            return Err("a block that is not whole".to_owned());
        }
    }
    Ok(found)
}
