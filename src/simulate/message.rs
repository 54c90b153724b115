//! Protobuf messages, written byte by byte: the simulator shares nothing with the reader of the program.

/// A protobuf message that is being written.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn int(&mut self, number: u64, value: u64) -> &mut Self {
        self.varint(number << 3);
        self.varint(value);
        self
    }

    pub(super) fn float(&mut self, number: u64, value: f64) -> &mut Self {
        self.varint(number << 3 | 5);
        self.0.extend((value as f32).to_le_bytes());
        self
    }

    pub(super) fn double(&mut self, number: u64, value: f64) -> &mut Self {
        self.varint(number << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn bytes(&mut self, number: u64, bytes: &[u8]) -> &mut Self {
        self.varint(number << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub(super) fn text(&mut self, number: u64, text: &str) -> &mut Self {
        self.bytes(number, text.as_bytes())
    }

    pub(super) fn message(&mut self, number: u64, message: &Message) -> &mut Self {
        self.bytes(number, &message.0)
    }

    /// Bytes that are written so far.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
