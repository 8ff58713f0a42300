//! SASL PLAIN.                                      RFC 4616; RFC 9051 6.2.2; RFC 4959

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Password;

/// Why a response is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainError {
    /// `*`: the client has thought better of it.
    Cancelled,
    Malformed,
    /// To act as somebody else, which nobody may.
    OtherIdentity,
}

/// The octets of a client's response as it is on the wire: base64, `=` for none, `*` for no more. RFC 9051 6.2.2
fn decode(response: &[u8]) -> Result<Password, PlainError> {
    match response {
        b"*" => Err(PlainError::Cancelled),
        b"=" => Ok(Vec::new().into()),
        response => STANDARD.decode(response).map(Password::from).map_err(|_| PlainError::Malformed),
    }
}

/// The name and the password of a response as it is on the wire:
/// `message = [authzid] NUL authcid NUL passwd`, in UTF-8. RFC 4616 2
pub fn plain(response: &[u8]) -> Result<(String, Password), PlainError> {
    let message = decode(response)?;
    let message = std::str::from_utf8(&message).map_err(|_| PlainError::Malformed)?;
    let mut parts = message.split('\0');
    let (Some(authzid), Some(authcid), Some(passwd), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(PlainError::Malformed);
    };
    if authcid.is_empty() || passwd.is_empty() {
        return Err(PlainError::Malformed);
    }
    match authzid.is_empty() || authzid.to_lowercase() == authcid.to_lowercase() {
        true => Ok((authcid.to_string(), passwd.as_bytes().to_vec().into())),
        false => Err(PlainError::OtherIdentity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(message: &[u8]) -> Result<(String, Vec<u8>), PlainError> {
        plain(STANDARD.encode(message).as_bytes()).map(|(name, password)| (name, password.to_vec()))
    }

    #[test]
    fn logins() {
        let joe = |password: &str| Ok(("joe".to_string(), password.as_bytes().to_vec()));
        assert_eq!(of(b"\0joe\0pass"), joe("pass"));
        assert_eq!(of(b"joe\0joe\0pass"), joe("pass"));
        assert_eq!(of(b"JOE\0joe\0pass"), joe("pass"));
        assert_eq!(of("\0joe\0 pä:ss ".as_bytes()), joe(" pä:ss "));
    }

    #[test]
    fn others() {
        assert_eq!(of(b"ann\0joe\0pass"), Err(PlainError::OtherIdentity));
        assert_eq!(plain(b"*").err(), Some(PlainError::Cancelled));
        let broken = [&b""[..], b"joe", b"\0joe", b"\0\0x", b"\0joe\0", b"\0joe\0a\0", b"\0joe\0a\0b"];
        for message in broken.into_iter().chain([&b"\0j\xff\0a"[..], b"\0j\0\xff"]) {
            assert_eq!(of(message), Err(PlainError::Malformed), "{message:?}");
        }
        for response in [&b"="[..], b"!!", b"AGpvZQBwYXNz ", b"AGpvZQBwYXN", b" ", b"**", b"\xff"] {
            assert_eq!(plain(response).err(), Some(PlainError::Malformed), "{response:?}");
        }
    }
}
