//! SASL PLAIN.                                      RFC 4616; RFC 9051 6.2.2

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Why a response is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainError {
    /// `*`: the client has thought better of it.
    Cancelled,
    Malformed,
    /// To act as somebody else, which nobody may.
    OtherIdentity,
}

/// The name and the password of a response as it is on the wire.
pub fn plain(response: &[u8]) -> Result<(String, Vec<u8>), PlainError> {
    if response == b"*" {
        return Err(PlainError::Cancelled);
    }
    let message = STANDARD.decode(response).map_err(|_| PlainError::Malformed)?;
    let mut parts = message.splitn(3, |octet| *octet == 0);
    let (Some(authzid), Some(authcid), Some(password)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(PlainError::Malformed);
    };
    let name = String::from_utf8(authcid.to_vec()).map_err(|_| PlainError::Malformed)?;
    if name.is_empty() || password.is_empty() || password.contains(&0) {
        return Err(PlainError::Malformed);
    }
    match authzid.is_empty() || authzid.eq_ignore_ascii_case(authcid) {
        true => Ok((name, password.to_vec())),
        false => Err(PlainError::OtherIdentity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses() {
        let encode = |text: &str| STANDARD.encode(text).into_bytes();
        assert_eq!(plain(&encode("\0joe\0pass")), Ok(("joe".into(), b"pass".to_vec())));
        assert_eq!(plain(&encode("joe\0joe\0pass")), Ok(("joe".into(), b"pass".to_vec())));
        assert_eq!(plain(&encode("ann\0joe\0pass")), Err(PlainError::OtherIdentity));
        assert_eq!(plain(b"*"), Err(PlainError::Cancelled));
        for bad in ["", "\0joe", "\0\0x", "\0joe\0", "\0joe\0a\0b"] {
            assert_eq!(plain(&encode(bad)), Err(PlainError::Malformed), "{bad:?}");
        }
        assert_eq!(plain(b"!!"), Err(PlainError::Malformed));
    }
}
