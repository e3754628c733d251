//! Keys for apps in tests.

use std::io;

use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;

/// Size of a key in bits: small, so that it is generated quickly, and unsafe for any other use.
const BITS: usize = 1_024;

/// An RSA key pair for an app in tests, generated each time so that no private key is kept in a
/// repository.
#[derive(Clone)]
pub struct KeyPair {
    private: String,
    public: String,
}

impl KeyPair {
    /// Generates a key pair, which takes some milliseconds.
    ///
    /// # Errors
    /// When the key cannot be encoded.
    pub fn generate() -> io::Result<Self> {
        let key = RsaPrivateKey::new(&mut OsRng, BITS).map_err(io::Error::other)?;
        let private = key.to_pkcs1_pem(LineEnding::LF).map_err(io::Error::other)?.to_string();
        let public = key.to_public_key().to_public_key_pem(LineEnding::LF).map_err(io::Error::other)?;
        Ok(Self { private, public })
    }

    /// The private key in PEM, as GitHub provides it.
    pub fn private_pem(&self) -> &str {
        &self.private
    }

    /// The public key in PEM, for [`crate::App::new`].
    pub fn public_pem(&self) -> &str {
        &self.public
    }
}
