//! The base subject: what is left of a subject without its Re: and Fwd:, mailing lists' names and their like.
//!                                                   RFC 5256 2.1

/// Octets of a subject that are compared: two that differ behind so many are one, and what is nested costs little.
const SUBJECT_BYTES_MAX: usize = 2048;

/// The base subject of a decoded subject, and whether it was that of a reply or of something forwarded.
pub fn base_subject(subject: &str) -> (String, bool) {
    let mut end = subject.len().min(SUBJECT_BYTES_MAX);
    while !subject.is_char_boundary(end) {
        end -= 1;
    }
    let mut text = subject[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    let mut is_reply = false;
    loop {
        while let Some(rest) = without_end(text.trim_end(), "(fwd)") {
            (text, is_reply) = (rest.to_string(), true);
        }
        let before = text.trim().to_string();
        let mut rest = before.as_str();
        loop {
            let led = without_leader(rest);
            is_reply |= led.is_some();
            let stripped = led.unwrap_or(rest).trim_start();
            // A blob goes where something is left behind it.
            let next = match without_blob(stripped) {
                Some(behind) if !behind.is_empty() => behind,
                _ => stripped,
            };
            if next.len() == rest.len() {
                break;
            }
            rest = next;
        }
        match without_start(rest, "[fwd:").and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => (text, is_reply) = (inner.trim().to_string(), true),
            None => return (rest.to_string(), is_reply),
        }
    }
}

/// As `strip_prefix`, in any case of ASCII.
fn without_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.get(..start.len()).filter(|found| found.eq_ignore_ascii_case(start)).map(|_| &text[start.len()..])
}

fn without_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(end.len())?;
    text.get(at..).filter(|found| found.eq_ignore_ascii_case(end)).map(|_| &text[..at])
}

/// `subj-leader = (*subj-blob subj-refwd) / WSP`
fn without_leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(behind) = without_blob(rest) {
        rest = behind;
    }
    let rest = ["re", "fwd", "fw"].iter().find_map(|word| without_start(rest, word))?.trim_start();
    let rest = without_blob(rest).unwrap_or(rest);
    rest.strip_prefix(':').map(str::trim_start)
}

/// `subj-blob = "[" *BLOBCHAR "]" *WSP`
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner[end..].strip_prefix(']').map(str::trim_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects() {
        for (subject, base, is_reply) in [
            ("hello", "hello", false),
            ("RE: Fw: Hello (FWD)", "Hello", true),
            ("é", "é", false),
            ("re: hello", "hello", true),
            ("re: re:  fwd: [list] hello  world", "hello world", true),
            ("[list] re[2]: hello (fwd) (fwd)", "hello", true),
            ("[list] hello", "hello", false),
            ("[only]", "[only]", false),
            ("re: [only]", "[only]", true),
            ("[fwd: re: hello]", "hello", true),
            ("fw : x", "x", true),
            ("refer: x", "refer: x", false),
            ("re", "re", false),
            ("", "", false),
            ("re:", "", true),
            ("[a] [b] re: c", "c", true),
            ("[broken re: x", "[broken re: x", false),
        ] {
            assert_eq!(base_subject(subject), (base.to_string(), is_reply), "{subject:?}");
        }
    }

    #[test]
    fn long_subjects_cost_little() {
        let hostile = [
            "re:".repeat(20_000),
            "[a]".repeat(20_000),
            "(fwd)".repeat(10_000),
            "[fwd:".repeat(10_000) + &"]".repeat(10_000),
        ];
        for subject in hostile {
            base_subject(&subject);
        }
    }
}
