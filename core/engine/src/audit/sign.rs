//! Signatures over epochs (ed25519).

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use liucheng_model::definition::hex;

use super::bytes::{unhex, unhex_array};

/// Begins what is signed.
const DOMAIN: &[u8] = b"liucheng-epoch-signature-1\n";

/// A secret key that signs epochs.
pub struct Signer(SigningKey);

impl Signer {
    /// The key of 32 secret bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The key whose secret bytes are written as hex.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self::new(&unhex_array(text.trim())?))
    }

    /// The public key, lower-case hex.
    #[must_use]
    pub fn public(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// The signature over an epoch's hash, lower-case hex.
    #[must_use]
    pub fn sign(&self, hash: &str) -> String {
        hex(&self.0.sign(&message(hash)).to_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public()).finish()
    }
}

fn message(hash: &str) -> Vec<u8> {
    [DOMAIN, hash.as_bytes()].concat()
}

/// Whether a public key signed an epoch's hash.
#[must_use]
pub fn is_signed(key: &str, hash: &str, signature: &str) -> bool {
    let verify = || {
        let key = VerifyingKey::from_bytes(&unhex_array(key)?).ok()?;
        let signature = Signature::from_slice(&unhex(signature)?).ok()?;
        key.verify_strict(&message(hash), &signature).ok()
    };
    verify().is_some()
}

/// Whether a text is a public key as [`Signer::public`] writes it.
#[must_use]
pub fn is_public_key(text: &str) -> bool {
    unhex_array(text).is_some_and(|bytes| VerifyingKey::from_bytes(&bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_signs_and_only_this_hash() {
        let signer = Signer::new(&[7; 32]);
        let signature = signer.sign("ab");
        assert!(is_signed(&signer.public(), "ab", &signature));
        assert!(!is_signed(&signer.public(), "ac", &signature));
        assert!(!is_signed(
            &Signer::new(&[8; 32]).public(),
            "ab",
            &signature
        ));
        assert!(!is_signed("", "ab", &signature));
        assert!(!is_signed(&signer.public(), "ab", ""));
        assert!(is_public_key(&signer.public()));
        assert!(!is_public_key("ab"));
        assert!(!format!("{signer:?}").contains(&hex(&[7; 32])));
    }
}
