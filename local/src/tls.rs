//! What clients speak TLS with.

/// Gives the process its provider of cryptography, if it has none: a client cannot be made without.
pub(crate) fn provide() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // only the first of several can be the process's
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
