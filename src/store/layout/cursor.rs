//! Values are read from their front.

use crate::store::error::StoreError;
use crate::types::Uid;

/// Reads a value from its front; `None` when it is too short.
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[b]| b)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn uid(&mut self) -> Option<Uid> {
        self.u32().and_then(Uid::new)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Decodes a value or says which one is corrupt.
pub fn decode<T>(
    what: impl Fn() -> String,
    value: &[u8],
    read: impl FnOnce(&mut Cursor<'_>) -> Option<T>,
) -> Result<T, StoreError> {
    let mut cursor = Cursor(value);
    read(&mut cursor).filter(|_| cursor.is_empty()).ok_or_else(|| StoreError::Corrupt(what()))
}
