//! Password schemes, by the names that Dovecot gives them.        RFC 9106 (Argon2)

use std::str::FromStr;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString, rand_core::OsRng};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory in KiB, passes and lanes of new hashes: what OWASP recommends (2023) where logins are many.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A longer one is nobody's: SHA512-CRYPT takes a time that grows with its square, 64 kilobytes some seconds of a core.
pub const PASSWORD_BYTES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Argon2id,
    Sha512Crypt,
    BlfCrypt,
    Plain,
}

/// A stored password that can be verified: it is of a known scheme and has that scheme's form.
pub(super) struct Hash {
    scheme: Scheme,
    text: Box<str>,
}

impl Hash {
    /// From `{SCHEME}hash`, or a hash that says by its beginning what it is; else what is wrong with it.
    pub(super) fn parse(stored: &str) -> Result<Hash, String> {
        let (scheme, text) = match stored.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, text)) => (named(name, text)?, text),
            None => (by_prefix(stored).ok_or("the hash has no {SCHEME} before it")?, stored),
        };
        match is_whole(scheme, text) {
            true if is_too_costly(scheme, text) => Err("the hash is too costly for a server to verify".into()),
            true => Ok(Hash { scheme, text: text.into() }),
            false => Err(format!("the hash is not one of {{{}}}", name(scheme))),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Takes tens of milliseconds of a core, PLAIN aside.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let looked_at = password.get(..PASSWORD_BYTES_MAX).unwrap_or(password);
        // Costs what others cost, and is not the right one.
        self.is_of(looked_at) & (looked_at.len() == password.len())
    }

    fn is_of(&self, password: &[u8]) -> bool {
        let text = &*self.text;
        match self.scheme {
            Scheme::Argon2id => {
                PasswordHash::new(text).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
            }
            Scheme::Sha512Crypt => {
                std::str::from_utf8(password).is_ok_and(|password| sha_crypt::sha512_check(password, text).is_ok())
            }
            Scheme::BlfCrypt => bcrypt::verify(password, text).unwrap_or(false),
            // Hashes of both: the comparison tells by its time neither length nor where they part.
            // An account without a password is nobody's: all that know its name would be in.
            Scheme::Plain => (blake3::hash(password) == blake3::hash(text.as_bytes())) & !text.is_empty(),
        }
    }
}

fn name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Argon2id => "ARGON2ID",
        Scheme::Sha512Crypt => "SHA512-CRYPT",
        Scheme::BlfCrypt => "BLF-CRYPT",
        Scheme::Plain => "PLAIN",
    }
}

/// `{CRYPT}` is Dovecot's word for a hash that says itself what it is.
fn named(wanted: &str, text: &str) -> Result<Scheme, String> {
    let known = [Scheme::Argon2id, Scheme::Sha512Crypt, Scheme::BlfCrypt, Scheme::Plain];
    let found = known.into_iter().find(|scheme| name(*scheme).eq_ignore_ascii_case(wanted));
    let found = found.or_else(|| wanted.eq_ignore_ascii_case("CRYPT").then(|| by_prefix(text)).flatten());
    let unknown = || {
        let names = known.map(name).join(", ");
        format!("unknown scheme {{{}}}; known are {names}", wanted.escape_default())
    };
    found.ok_or_else(unknown)
}

fn by_prefix(text: &str) -> Option<Scheme> {
    let prefixes = [
        ("$argon2id$", Scheme::Argon2id),
        ("$6$", Scheme::Sha512Crypt),
        ("$2y$", Scheme::BlfCrypt),
        ("$2a$", Scheme::BlfCrypt),
        ("$2b$", Scheme::BlfCrypt),
    ];
    prefixes.into_iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, scheme)| scheme)
}

/// Whether a hash has the form of its scheme, so that a slip of the editor is found when the file is read.
fn is_whole(scheme: Scheme, text: &str) -> bool {
    match scheme {
        Scheme::Argon2id => PasswordHash::new(text).is_ok_and(|hash| {
            hash.algorithm == Algorithm::Argon2id.ident() && hash.hash.is_some() && Params::try_from(&hash).is_ok()
        }),
        Scheme::Sha512Crypt => {
            let is_base64 = |sum: &str| sum.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
            let sum = text.rsplit('$').next().unwrap_or("");
            by_prefix(text) == Some(scheme) && sum.len() == 86 && is_base64(sum)
        }
        Scheme::BlfCrypt => by_prefix(text) == Some(scheme) && bcrypt::HashParts::from_str(text).is_ok(),
        Scheme::Plain => true,
    }
}

/// Memory and passes of ARGON2ID together, in KiB; rounds of SHA512-CRYPT; the logarithm of those of BLF-CRYPT. Each takes some
/// seconds, and memory that there is: what cannot be had ends the process.
const ARGON2_KIB_MAX: u64 = 4 << 20;
const ARGON2_MEMORY_KIB_MAX: u32 = 1 << 20;
const SHA512_ROUNDS_MAX: u64 = 10_000_000;
const BLF_COST_MAX: u32 = 17;

fn is_too_costly(scheme: Scheme, text: &str) -> bool {
    match scheme {
        Scheme::Argon2id => {
            let params = PasswordHash::new(text).ok().and_then(|hash| Params::try_from(&hash).ok());
            params.is_some_and(|of| {
                of.m_cost() > ARGON2_MEMORY_KIB_MAX
                    || u64::from(of.m_cost()) * u64::from(of.t_cost()) > ARGON2_KIB_MAX
            })
        }
        Scheme::Sha512Crypt => {
            let rounds = text.split('$').find_map(|part| part.strip_prefix("rounds="));
            rounds.is_some_and(|rounds| rounds.parse::<u64>().map_or(true, |rounds| rounds > SHA512_ROUNDS_MAX))
        }
        Scheme::BlfCrypt => bcrypt::HashParts::from_str(text).is_ok_and(|of| of.get_cost() > BLF_COST_MAX),
        Scheme::Plain => false,
    }
}

/// A new password's hash, `{ARGON2ID}$argon2id$v=19$...`; `None` for one that is too long.
pub fn hash(password: &[u8]) -> Option<String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return None;
    }
    let salt = SaltString::generate(&mut OsRng);
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password, &salt).ok()?;
    Some(format!("{{ARGON2ID}}{hash}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by `doveadm pw -s SCHEME -p 'päss wörd'`.
    const MADE_BY_DOVEADM: [&str; 5] = [
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$WBpK4DJJYg0qMoWmcskT7Q$mpP6CIkOiEFffJpiEF6oe38QWlLtx2PnOh65AXgZfzA",
        "{SHA512-CRYPT}$6$BZKD9.W2P7PSm9o8$aU/JlJcPCL94RTAFgKJXTNCmzukTqXAZLocCwridg63nmSfAh0180rHgSQXPvLVqRU/kF1UQDy.Qvdl8iWFco/",
        "{BLF-CRYPT}$2y$05$EjcRPRBn1sMXTf4zB2I.h.hpWohceI2ouDHwRzn55eLYeMD07SJKK",
        "{PLAIN}päss wörd",
        "{CRYPT}$2y$05$uBb0f.WfJY/SMV4ZnoWnqu/O2w1D6Pft8xMZ/ajdW/o.HhCbNbiLG",
    ];

    fn good(stored: &str) -> Hash {
        Hash::parse(stored).unwrap_or_else(|error| panic!("{stored}: {error}"))
    }

    #[test]
    fn hashes_of_doveadm_are_verified() {
        for stored in MADE_BY_DOVEADM {
            let hash = good(stored);
            assert!(hash.verify("päss wörd".as_bytes()), "{stored}");
            for wrong in ["", "päss wör", "päss wördd", "PÄSS WÖRD"] {
                assert!(!hash.verify(wrong.as_bytes()), "{stored} {wrong}");
            }
            assert!(!hash.verify(b"p\xe4ss w\xf6rd"), "{stored}");
        }
    }

    #[test]
    fn a_hash_without_scheme_says_itself_what_it_is() {
        for (at, scheme) in [(0, Scheme::Argon2id), (1, Scheme::Sha512Crypt), (2, Scheme::BlfCrypt)] {
            let hash = good(MADE_BY_DOVEADM[at].split_once('}').unwrap().1);
            assert_eq!(hash.scheme, scheme);
            assert!(hash.verify("päss wörd".as_bytes()));
        }
    }

    #[test]
    fn no_password_is_no_password() {
        assert!(good("{PLAIN}x").verify(b"x") && !good("{PLAIN}").verify(b""));
    }

    #[test]
    fn too_long_a_password_is_nobodys() {
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        let stored = good(&format!("{{PLAIN}}{long}"));
        assert!(!stored.verify(long.as_bytes()) && hash(long.as_bytes()).is_none());
        let right = &long[1..];
        assert!(good(&format!("{{PLAIN}}{right}")).verify(right.as_bytes()));
        assert!(!good(&format!("{{PLAIN}}{right}")).verify(long.as_bytes()), "what is looked at is not all of it");
    }

    #[test]
    fn new_hashes() {
        let own = hash(b"secret").unwrap();
        assert!(own.starts_with("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"), "{own}");
        assert_ne!(hash(b"secret").unwrap(), own, "each has a salt of its own");
        assert!(good(&own).verify(b"secret") && !good(&own).verify(b"Secret"));
    }

    #[test]
    fn what_cannot_be_verified_is_no_hash() {
        let wrong_kind = format!("{{SHA512-CRYPT}}$5$salt${}", "x".repeat(86));
        for stored in [
            "",
            "secret",
            "{PLAIN",
            "{FOO}x",
            "{CRYPT}x",
            "{ARGON2ID}x",
            "{ARGON2ID}$argon2i$v=19$m=16,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$WBpK4DJJYg0qMoWmcskT7Q",
            "{BLF-CRYPT}$2y$05$short",
            "{SHA512-CRYPT}$6$salt$short",
            &wrong_kind,
            "{ARGON2ID}$argon2id$v=19$m=4294967295,t=2,p=1$WBpK4DJJYg0qMoWmcskT7Q$mpP6CIkOiEFffJpiEF6oe38QWlLtx2PnOh65AXgZfzA",
            "{ARGON2ID}$argon2id$v=19$m=65536,t=4000000,p=1$WBpK4DJJYg0qMoWmcskT7Q$mpP6CIkOiEFffJpiEF6oe38QWlLtx2PnOh65AXgZfzA",
            "{SHA512-CRYPT}$6$rounds=999999999$BZKD9.W2P7PSm9o8$aU/JlJcPCL94RTAFgKJXTNCmzukTqXAZLocCwridg63nmSfAh0180rHgSQXPvLVqRU/kF1UQDy.Qvdl8iWFco/",
            "{BLF-CRYPT}$2y$31$EjcRPRBn1sMXTf4zB2I.h.hpWohceI2ouDHwRzn55eLYeMD07SJKK",
        ] {
            assert!(Hash::parse(stored).is_err(), "{stored}");
        }
    }
}
