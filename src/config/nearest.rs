//! The known name that somebody may have meant.

/// `None` where nothing known is near enough to be worth saying.
pub fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let best = known.map(|known| (distance(&name, &known.to_ascii_lowercase()), known)).min_by_key(|(d, _)| *d)?;
    (best.0 <= name.chars().count().max(3) / 3 + 1).then_some(best.1)
}

/// Letters to change, add or remove from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let known = || ["Maximum Channels", "Log Level"].into_iter();
        assert_eq!(nearest("maxmum chanels", known()), Some("Maximum Channels"));
        assert_eq!(nearest("colour", known()), None);
        assert_eq!(nearest("", known()), None);
    }
}
