//! Envelopes around a statement (DSSE 1.0, <https://github.com/secure-systems-lab/dsse>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::ledger::log::note::{SigningKey, Verifier as _};

/// Of an in-toto statement.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The statement in an envelope, signed with Ed25519. The key is named as in a signed note: `name+8 hex digits`.
pub(crate) fn signed(statement: &Value, key: &SigningKey) -> Value {
    let payload = statement.to_string();
    let signature = key.sign(&signed_bytes(payload.as_bytes()));
    let name = format!("{}+{:08x}", key.name(), key.public().key_id());
    json!({
        "payload": STANDARD.encode(&payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": name, "sig": STANDARD.encode(signature)}],
    })
}

/// What is signed: the type and the payload, each after its length, so that neither can be taken for the other, nor for the text of a
/// note, whose first line has no spaces.
fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_has_the_lengths_of_both_parts() {
        assert_eq!(signed_bytes(b"{\"a\":1}"), b"DSSEv1 28 application/vnd.in-toto+json 7 {\"a\":1}");
    }

    #[test]
    fn an_envelope_has_the_payload_to_the_byte_and_names_the_key() {
        let key = SigningKey::generate("city.example").unwrap();
        let envelope = signed(&json!({"a": 1}), &key);
        assert_eq!(envelope["payload"], STANDARD.encode("{\"a\":1}"));
        assert_eq!(envelope["signatures"][0]["keyid"], key.public().to_string()[..21]);
    }
}
