//! A password in the clear, for as long as it is needed.

use std::ops::Deref;

/// Octets that cannot be printed and are overwritten when they are dropped.
pub struct Password(Vec<u8>);

impl From<Vec<u8>> for Password {
    fn from(octets: Vec<u8>) -> Password {
        Password(octets)
    }
}

impl Deref for Password {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        let capacity = self.0.capacity();
        self.0.clear();
        self.0.resize(capacity, 0);
        // The compiler must take it that somebody reads the zeros.
        std::hint::black_box(&self.0);
    }
}
