//! base64url without padding (RFC 4648, section 5; RFC 7515, section 2), one spelling for each sequence of bytes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Refusal;

/// The one spelling of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that this text is the one spelling of.
///
/// # Errors
/// [`Refusal::Base64url`] for padding, foreign characters, and bits left over in the last character.
pub fn decode_strict(text: &str) -> Result<Vec<u8>, Refusal> {
    decode_member("the value", text)
}

/// As [`decode_strict`], naming the member that was read.
pub(crate) fn decode_member(member: &'static str, text: &str) -> Result<Vec<u8>, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::Base64url(member))?;
    // Decoders differ in what they let pass, the spelling we write does not.
    if encode(&bytes) == text { Ok(bytes) } else { Err(Refusal::Base64url(member)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_other_spelling_is_refused() {
        // RFC 4648, section 10: "fo" is Zm8, whose last character has two unused bits.
        assert_eq!(decode_strict("Zm8").unwrap(), b"fo");
        for text in ["Zm9", "Zm8=", "Zm8\n", " Zm8", "Zm+", "Zm/", "Zm8A\u{e4}", "Z", "Zm8AA"] {
            assert_eq!(decode_strict(text), Err(Refusal::Base64url("the value")), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_decodes_is_what_encodes(text in "[A-Za-z0-9_=+/-]{0,12}", bytes: Vec<u8>) {
            prop_assert_eq!(decode_strict(&encode(&bytes)).unwrap(), bytes);
            if let Ok(decoded) = decode_strict(&text) {
                prop_assert_eq!(encode(&decoded), text);
            }
        }
    }
}
