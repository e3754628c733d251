//! Keys for apps in tests.

use std::io;

use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;

/// Bits of a key: few, so that it is made quickly. Nothing real may be signed with it.
const BITS: usize = 1_024;

/// An RSA key of an app, made anew, so that no private key need ever be kept in a repository.
#[derive(Clone)]
pub struct KeyPair {
    private: String,
    public: String,
}

impl KeyPair {
    /// Makes a key; it takes a moment.
    ///
    /// # Errors
    /// When the system has no randomness, or the key cannot be written down.
    pub fn generate() -> io::Result<Self> {
        let key = RsaPrivateKey::new(&mut OsRng, BITS).map_err(io::Error::other)?;
        let private = key.to_pkcs1_pem(LineEnding::LF).map_err(io::Error::other)?.to_string();
        let public = key.to_public_key().to_public_key_pem(LineEnding::LF).map_err(io::Error::other)?;
        Ok(Self { private, public })
    }

    /// The private half, PEM, as GitHub hands it out.
    pub fn private_pem(&self) -> &str {
        &self.private
    }

    /// The public half, PEM, for [`crate::App::new`].
    pub fn public_pem(&self) -> &str {
        &self.public
    }
}
