//! Envelopes around a statement (DSSE 1.0, <https://github.com/secure-systems-lab/dsse>).

#![cfg_attr(not(test), expect(dead_code, reason = "statements are signed once runs have keys"))]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Of an in-toto statement.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What is signed: the type and the payload, each after its length, so that neither can be taken for the other.
pub(crate) fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// The envelope of a payload with the signatures over [`signed_bytes`], by the names of their keys.
pub(crate) fn envelope(payload: &[u8], signatures: &[(String, Vec<u8>)]) -> Value {
    let signatures = signatures.iter().map(|(key, signature)| json!({"keyid": key, "sig": STANDARD.encode(signature)}));
    json!({
        "payload": STANDARD.encode(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": signatures.collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_has_the_lengths_of_both_parts() {
        assert_eq!(signed_bytes(b"{\"a\":1}"), b"DSSEv1 28 application/vnd.in-toto+json 7 {\"a\":1}");
    }

    #[test]
    fn an_envelope_has_the_payload_to_the_byte() {
        let envelope = envelope(b"{}\n", &[("city".to_owned(), vec![1, 2, 3])]);
        assert_eq!(envelope["payload"], "e30K");
        assert_eq!(envelope["signatures"], serde_json::json!([{"keyid": "city", "sig": "AQID"}]));
    }
}
