//! The search for the largest burst.

/// Where the search begins.
const FIRST: usize = 64;

/// The result is at most one part in so many too small.
const PRECISION: usize = 64;

/// Finds the largest number up to `most` for which `try_size` returns a value, and returns both;
/// `None` if there is none from [`FIRST`] on.
///
/// It doubles the number until that fails, and then halves the distance.
pub(super) fn largest<T, E>(
    most: usize,
    mut try_size: impl FnMut(usize) -> Result<Option<T>, E>,
) -> Result<Option<(usize, T)>, E> {
    let mut best = None;
    let mut good = 0;
    let mut bad = most + 1;
    let mut next = FIRST.min(most);
    while next > good && next < bad {
        match try_size(next)? {
            Some(value) => {
                good = next;
                best = Some((next, value));
            }
            None => bad = next,
        }
        next = match bad - good {
            _ if good == 0 => break,
            _ if bad > most => (2 * good).min(most),
            distance if distance <= good / PRECISION => break,
            distance => good + distance / 2,
        };
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches for `limit`; returns what was found and the number of tries.
    fn search(most: usize, limit: usize) -> (Option<(usize, usize)>, usize) {
        let mut tries = 0;
        let found = largest(most, |size| {
            tries += 1;
            Ok::<_, ()>((size <= limit).then_some(2 * size))
        });
        (found.expect("no try fails"), tries)
    }

    #[test]
    fn it_is_found_to_within_one_part_in_64() {
        for limit in [64, 65, 100, 512, 10_240, 524_288, 777_777] {
            let (found, tries) = search(1 << 20, limit);
            let (size, value) = found.expect("64 hold");
            let is_near = size <= limit && limit - size <= size / PRECISION;
            assert!(is_near, "{size} of {limit}");
            assert_eq!(value, 2 * size);
            assert!(tries <= 25, "{tries} tries");
        }
    }

    #[test]
    fn it_ends_at_both_ends() {
        assert_eq!(search(1 << 20, 63), (None, 1));
        assert_eq!(search(1000, usize::MAX), (Some((1000, 2000)), 5));
        assert_eq!(search(10, 10), (Some((10, 20)), 1));
    }

    #[test]
    fn an_error_ends_it() {
        assert_eq!(largest(100, |_| Err::<Option<()>, _>("no")), Err("no"));
    }
}
