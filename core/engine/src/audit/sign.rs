//! Signatures over epochs and over packages (ed25519).

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use liucheng_model::definition::hex;

use super::bytes::{unhex, unhex_array};

/// Begins what is signed where it is an epoch, so that no signature can be taken for another.
const EPOCH: &[u8] = b"liucheng-epoch-signature-1\n";
/// The same for a package's manifest.
const PACKAGE: &[u8] = b"liucheng-package-signature-1\n";

/// A secret key that signs epochs or packages.
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
        self.sign_bytes(EPOCH, hash.as_bytes())
    }

    /// The signature over the bytes of a package's `plugin.toml`, lower-case hex.
    #[must_use]
    pub fn sign_package(&self, manifest: &[u8]) -> String {
        self.sign_bytes(PACKAGE, manifest)
    }

    fn sign_bytes(&self, domain: &[u8], bytes: &[u8]) -> String {
        hex(&self.0.sign(&[domain, bytes].concat()).to_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public()).finish()
    }
}

/// Whether a public key signed an epoch's hash.
#[must_use]
pub fn is_signed(key: &str, hash: &str, signature: &str) -> bool {
    verify(key, EPOCH, hash.as_bytes(), signature).is_some()
}

/// Whether a public key signed the bytes of a package's `plugin.toml`.
#[must_use]
pub fn is_package_signed(key: &str, manifest: &[u8], signature: &str) -> bool {
    verify(key, PACKAGE, manifest, signature).is_some()
}

fn verify(key: &str, domain: &[u8], bytes: &[u8], signature: &str) -> Option<()> {
    let key = VerifyingKey::from_bytes(&unhex_array(key)?).ok()?;
    let signature = Signature::from_slice(&unhex(signature)?).ok()?;
    let message = [domain, bytes].concat();
    key.verify_strict(&message, &signature).ok()
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
        let of_package = signer.sign_package(b"ab");
        assert!(is_package_signed(&signer.public(), b"ab", &of_package));
        // A signature over an epoch says nothing of a package, even of the same bytes.
        assert!(!is_package_signed(&signer.public(), b"ab", &signature));
        assert!(!is_signed(&signer.public(), "ab", &of_package));
        assert!(is_public_key(&signer.public()));
        assert!(!is_public_key("ab"));
        assert!(!format!("{signer:?}").contains(&hex(&[7; 32])));
    }
}
