//! Password schemes, by the names that Dovecot gives them.        RFC 9106 (Argon2)

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString, rand_core::OsRng};
use argon2::{Algorithm, Argon2, Params, Version};

/// A new password's hash: `{ARGON2ID}$argon2id$v=19$...`, with the parameters that OWASP recommends.
pub fn hash(password: &[u8]) -> Option<String> {
    let salt = SaltString::generate(&mut OsRng);
    let params = Params::new(19 * 1024, 2, 1, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password, &salt).ok()?;
    Some(format!("{{ARGON2ID}}{hash}"))
}

/// A hash without a scheme is known by how it begins.
fn split(stored: &str) -> (String, &str) {
    if let Some((scheme, hash)) = stored.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return (scheme.to_ascii_uppercase(), hash);
    }
    let scheme = match stored {
        hash if hash.starts_with("$argon2id$") => "ARGON2ID",
        hash if hash.starts_with("$6$") => "SHA512-CRYPT",
        hash if hash.starts_with("$2") => "BLF-CRYPT",
        _ => "",
    };
    (scheme.to_string(), stored)
}

/// Why a stored hash cannot be used, if it cannot.
pub(super) fn problem(stored: &str) -> Option<String> {
    let (scheme, hash) = split(stored);
    match scheme.as_str() {
        "ARGON2ID" if PasswordHash::new(hash).is_ok() => None,
        "SHA512-CRYPT" if hash.starts_with("$6$") => None,
        "BLF-CRYPT" if hash.starts_with("$2") => None,
        "PLAIN" => None,
        "ARGON2ID" | "SHA512-CRYPT" | "BLF-CRYPT" => Some(format!("the hash is not one of {{{scheme}}}")),
        "" => Some("the hash has no {SCHEME} before it".into()),
        other => Some(format!("unknown scheme {{{other}}}; known are ARGON2ID, SHA512-CRYPT, BLF-CRYPT and PLAIN")),
    }
}

pub(super) fn verify(stored: &str, password: &[u8]) -> bool {
    let (scheme, hash) = split(stored);
    match scheme.as_str() {
        "ARGON2ID" => {
            PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
        }
        "SHA512-CRYPT" => {
            std::str::from_utf8(password).is_ok_and(|password| sha_crypt::sha512_check(password, hash).is_ok())
        }
        "BLF-CRYPT" => bcrypt::verify(password, hash).unwrap_or(false),
        // Of equal length and without an early end: hashes of both are compared.
        "PLAIN" => blake3::hash(password) == blake3::hash(hash.as_bytes()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes() {
        // Made by doveadm pw -s SCHEME -p secret.
        let known = [
            "{PLAIN}secret",
            "{SHA512-CRYPT}$6$xfRHzglk0oWuZUrQ$ixcadioXDOomXjFR63.P19JkVCGEjxymM6NWqV0QUyK0ImokbTU7a1.nxl4upsen4AGoiLP1UOwrv.5IBxKYI0",
            "{BLF-CRYPT}$2y$05$shvDYa80dZO0zdHoB9DzIOGRNRAfYmEcGul.ju5k5/hkoHsh/bN7y",
            "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$BKKHPgVezRRQKOJdzo5VNA$85+vBsFcfoxrGmbKJSIWtRo7SZZRCc5wvbDwTKmTDIg",
        ];
        for stored in known {
            assert!(verify(stored, b"secret") && !verify(stored, b"secre"), "{stored}");
            assert_eq!(problem(stored), None);
        }
        let own = hash(b"secret").unwrap();
        assert!(verify(&own, b"secret") && !verify(&own, b"Secret"));
        assert!(verify(own.strip_prefix("{ARGON2ID}").unwrap(), b"secret"));
        assert_eq!(problem(&own), None);
        for bad in ["secret", "{FOO}x", "{ARGON2ID}x", "{BLF-CRYPT}x"] {
            assert!(problem(bad).is_some() && !verify(bad, b"x"), "{bad}");
        }
    }
}
