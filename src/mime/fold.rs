//! Text without regard to case.                     RFC 9051 6.4.4; RFC 5051

/// Small letters for capitals, in any script. Each character is folded alone, so that text may be folded in pieces: the
/// Greek sigma is the same at the end of a word and within.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0'..='\x7f' => out.push(c.to_ascii_lowercase()),
            'ς' => out.push('σ'),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters() {
        assert_eq!(fold("ABC xyz 1"), "abc xyz 1");
        assert_eq!(fold("ÄÖÜß ПРИВЕТ ΣΟΦΟΣ"), "äöüß привет σοφοσ");
        assert_eq!(fold("ΣΟΦΟΣ"), ["Σ", "ΟΦ", "ΟΣ"].map(fold).concat());
    }
}
