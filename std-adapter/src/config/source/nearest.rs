//! The nearest known name to a misspelt one.

/// The candidate that takes the fewest edits, if it takes at most `limit`; case does not count.
pub(crate) fn nearest<'a>(
    word: &str,
    limit: usize,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Number of characters to insert, remove or replace to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    if a.chars().count().abs_diff(b.len()) > b.len() {
        return usize::MAX; // far too long: spare the work
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = *cell;
            previous = replaced.min(diagonal + 1).min(previous + 1);
            *cell = previous;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let cases = [
            ("", "", 0),
            ("a", "a", 0),
            ("parm", "param", 1),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("Sampler", "sampler", 0),
            ("", "abc", 3),
            ("éa", "ea", 1),
        ];
        for (a, b, edits) in cases {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
        assert_eq!(distance(&"x".repeat(10_000), "abc"), usize::MAX);
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("typ", 1, ["param", "type"]), Some("type"));
        assert_eq!(nearest("zzz", 1, ["param", "type"]), None);
    }
}
