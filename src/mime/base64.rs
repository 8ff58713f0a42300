//! base64, piece by piece.                          RFC 2045 6.8
//!
//! What is no character of it is passed over. Groups without anything between, as in most lines, go through a fast path.

/// No character of base64.
const SKIP: u8 = 0xff;
/// The padding.
const PAD: u8 = 0xfe;

const BASE64: [u8; 256] = {
    let (mut table, mut at) = ([SKIP; 256], 0);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while at < 64 {
        table[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    table[b'=' as usize] = PAD;
    table
};

/// Padding ends a group wherever it stands: some mailers put several encodings behind each other.
#[derive(Default)]
pub(super) struct Base64 {
    /// Characters of the group so far, six bits each.
    group: u32,
    characters: u8,
}

impl Base64 {
    pub(super) fn feed(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        out.reserve(octets.len() / 4 * 3 + 3);
        while !octets.is_empty() {
            if self.characters == 0 {
                octets = Base64::whole_groups(octets, out);
            }
            let Some((&first, rest)) = octets.split_first() else { return };
            self.take(first, out);
            octets = rest;
        }
    }

    /// Decodes groups of four as long as nothing stands between; gives back the rest.
    fn whole_groups<'a>(mut octets: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        while let Some((four, rest)) = octets.split_first_chunk::<4>() {
            let [a, b, c, d] = four.map(|octet| BASE64[usize::from(octet)]);
            if (a | b | c | d) >= 64 {
                break;
            }
            let [a, b, c, d] = [a, b, c, d].map(u32::from);
            let [_, x, y, z] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
            out.extend_from_slice(&[x, y, z]);
            octets = rest;
        }
        octets
    }

    fn take(&mut self, octet: u8, out: &mut Vec<u8>) {
        match BASE64[usize::from(octet)] {
            SKIP => {}
            PAD => self.flush(out),
            bits => {
                self.group = self.group << 6 | u32::from(bits);
                self.characters += 1;
                if self.characters == 4 {
                    out.extend_from_slice(&self.group.to_be_bytes()[1..]);
                    *self = Base64::default();
                }
            }
        }
    }

    /// A group that was cut: two characters hold one octet, three hold two.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        let bytes = (self.group << (6 * (4 - u32::from(self.characters)))).to_be_bytes();
        match self.characters {
            2 => out.extend_from_slice(&bytes[1..2]),
            3 => out.extend_from_slice(&bytes[1..3]),
            _ => {}
        }
        *self = Base64::default();
    }
}
