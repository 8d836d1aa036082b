//! Hashes and documents in their written form.

use liucheng_model::definition::hex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Bytes as JSON: `{"text": …}` where they are UTF-8, else `{"hex": …}`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Written {
    Text(String),
    Hex(String),
}

/// Writes bytes.
///
/// # Errors
/// When the serializer fails.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let written = match std::str::from_utf8(bytes) {
        Ok(text) => Written::Text(text.to_owned()),
        Err(_) => Written::Hex(hex(bytes)),
    };
    written.serialize(serializer)
}

/// Reads bytes.
///
/// # Errors
/// When they are neither text nor hex.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Text(text) => Ok(text.into_bytes()),
        Written::Hex(text) => unhex(&text).ok_or_else(|| D::Error::custom("not hex")),
    }
}

/// The bytes of lower-case hex.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// The bytes of lower-case hex, if there are exactly as many.
#[must_use]
pub fn unhex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    unhex(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_strict() {
        assert_eq!(unhex("00ff10"), Some(vec![0, 255, 16]));
        for bad in ["0", "0F", "zz", "+1"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
        assert_eq!(unhex_array::<2>("00ff10"), None);
    }
}
