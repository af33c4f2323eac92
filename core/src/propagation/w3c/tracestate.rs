//! `tracestate`: a list of `key=value`, one for each tracing system that a trace has passed.

use core::str;

use crate::propagation::carrier::{CarrierFull, TextMapWriter};

pub(in crate::propagation) const NAME: &str = "tracestate";

/// The most bytes that are kept and written; the least that the specification asks for.
pub(in crate::propagation) const LIMIT: usize = 512;

/// The most members of a list.
const MOST_MEMBERS: usize = 32;

/// A member that is longer goes before the others.
const LONG: usize = 128;

/// The member of a trace with the debug flag, and the key that belongs to this project.
const DEBUG: &str = "jaeger=d";
const KEY: &str = "jaeger=";

/// A summary of all members, which decides what is left out of a list that is too long: first long
/// members, as few as suffice, then the last.
#[derive(Clone, Copy, Default)]
pub(in crate::propagation) struct Summary {
    members: usize,
    /// Bytes of all members, with the comma before each but the first.
    bytes: usize,
    /// The part of them in long members.
    long: usize,
    is_invalid: bool,
    pub(in crate::propagation) is_debug: bool,
}

impl Summary {
    /// Takes a header; an invalid member, or one too many, makes the whole list invalid.
    pub(in crate::propagation) fn visit(&mut self, value: &[u8]) {
        for member in members(value) {
            if !is_member(member) {
                self.is_invalid = true;
            } else {
                self.add(member);
            }
        }
    }

    /// Adds a valid member.
    fn add(&mut self, member: &[u8]) {
        self.members = self.members.saturating_add(1);
        if member == DEBUG.as_bytes() {
            self.is_debug = true;
            return;
        }
        let bytes = member.len().saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        if member.len() > LONG {
            self.long = self.long.saturating_add(bytes);
        }
    }

    /// Returns whether the list can be passed on.
    pub(in crate::propagation) fn is_valid(&self) -> bool {
        !self.is_invalid && self.members <= MOST_MEMBERS
    }
}

/// A list that is written member by member into a buffer.
pub(in crate::propagation) struct List<'b> {
    buffer: &'b mut [u8],
    used: usize,
    members: usize,
    /// Bytes of the members that are still to be left out.
    excess: usize,
    /// Bytes of the long members that come after the present one.
    long: usize,
    is_full: bool,
}

impl<'b> List<'b> {
    /// Makes an empty list, for members of this summary.
    pub(in crate::propagation) fn new(buffer: &'b mut [u8], summary: &Summary) -> Self {
        let limit = buffer.len().saturating_add(1);
        List {
            buffer,
            used: 0,
            members: 0,
            excess: summary.bytes.saturating_sub(limit),
            long: summary.long,
            is_full: false,
        }
    }

    /// Appends the members of a valid header, but for that of the debug flag.
    pub(in crate::propagation) fn visit(&mut self, value: &[u8]) {
        for member in members(value) {
            if member != DEBUG.as_bytes() && !self.leaves_out(member) {
                self.append(member);
            }
        }
    }

    /// Returns whether a long member has to go: those behind it are not long enough together.
    fn leaves_out(&mut self, member: &[u8]) -> bool {
        if member.len() <= LONG {
            return false;
        }
        self.long = self.long.saturating_sub(member.len() + 1);
        let goes = self.excess > self.long;
        if goes {
            self.excess = self.excess.saturating_sub(member.len() + 1);
        }
        goes
    }

    /// Appends a member if it fits, and if none before it did not.
    fn append(&mut self, member: &[u8]) {
        let comma = usize::from(self.used > 0);
        let room = self.buffer.get_mut(self.used..).unwrap_or_default();
        let fits = room.len() >= comma + member.len() && self.members < MOST_MEMBERS;
        if self.is_full || !fits {
            self.is_full = true;
            return;
        }
        let bytes = b",".iter().take(comma).chain(member);
        for (slot, byte) in room.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.used += comma + member.len();
        self.members += 1;
    }

    /// Splits the list off its buffer.
    pub(in crate::propagation) fn finish(self) -> (Option<&'b str>, &'b mut [u8]) {
        let Some((text, rest)) = self.buffer.split_at_mut_checked(self.used) else {
            return (None, &mut []);
        };
        let text = str::from_utf8(text).ok();
        (text.filter(|text| !text.is_empty()), rest)
    }
}

/// Writes the header: the members of other systems, and behind ours if the trace has the debug
/// flag.
pub(in crate::propagation) fn inject<C: TextMapWriter + ?Sized>(
    members: &str,
    is_debug: bool,
    carrier: &mut C,
) -> Result<(), CarrierFull> {
    if !is_debug {
        return match members.is_empty() {
            true => Ok(()),
            false => carrier.set(NAME, members),
        };
    }
    let mut buffer = [0; LIMIT];
    let (text, _) = with_debug(members, &mut buffer).finish();
    carrier.set(NAME, text.unwrap_or_default())
}

/// Returns the members behind ours, without an earlier one of this key.
fn with_debug<'b>(text: &str, buffer: &'b mut [u8; LIMIT]) -> List<'b> {
    let others = members(text.as_bytes()).filter(|member| !member.starts_with(KEY.as_bytes()));
    let mut summary = Summary::default();
    others.clone().for_each(|member| summary.add(member));
    summary.bytes = summary.bytes.saturating_add(DEBUG.len() + 1);
    let mut list = List::new(buffer, &summary);
    list.append(DEBUG.as_bytes());
    for member in others {
        if !list.leaves_out(member) {
            list.append(member);
        }
    }
    list
}

/// Returns the members of a header, which may be empty, without the blanks around them.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let members = value.split(|byte| *byte == b',');
    let trimmed = members.map(|member| {
        let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
        let start = member.iter().position(|byte| !is_blank(byte));
        let end = member.iter().rposition(|byte| !is_blank(byte));
        match (start, end) {
            (Some(start), Some(end)) => member.get(start..=end).unwrap_or_default(),
            _ => &[],
        }
    });
    trimmed.filter(|member| !member.is_empty())
}

/// Returns whether a member has the specified form: both sides of `=` have up to 256 bytes.
fn is_member(member: &[u8]) -> bool {
    let mut sides = member.splitn(2, |byte| *byte == b'=');
    let (Some(key), Some(value)) = (sides.next(), sides.next()) else {
        return false;
    };
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_key = |byte: &u8| is_first(byte) || b"_-*/@".contains(byte);
    let is_value = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'=';
    (1..=256).contains(&key.len())
        && (1..=256).contains(&value.len())
        && key.first().is_some_and(is_first)
        && key.iter().all(is_key)
        && value.iter().all(is_value)
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    /// Returns the list as it is kept in a buffer of this size, or `None` if it is discarded.
    fn kept(headers: &[&str], room: usize) -> Option<String> {
        let mut summary = Summary::default();
        headers
            .iter()
            .for_each(|value| summary.visit(value.as_bytes()));
        let mut buffer = std::vec![0; room];
        let mut list = List::new(&mut buffer, &summary);
        headers
            .iter()
            .for_each(|value| list.visit(value.as_bytes()));
        let (text, _) = list.finish();
        summary
            .is_valid()
            .then(|| text.unwrap_or_default().to_string())
    }

    /// Returns a member of this length, whose key has this letter.
    fn member(key: char, length: usize) -> String {
        format!("{key}={}", "x".repeat(length - 2))
    }

    fn joined(members: &[String]) -> String {
        members.join(",")
    }

    #[test]
    fn headers_are_joined_without_blanks_and_empty_members() {
        for (headers, expected) in [
            (&["a=1,b=2"][..], "a=1,b=2"),
            (&["a=1", "b=2"], "a=1,b=2"),
            (
                &[" a=1 ,\t, b= 2", "", ",c@d/e*_-=!~ "],
                "a=1,b= 2,c@d/e*_-=!~",
            ),
            (&["1a=1"], "1a=1"),
            (&[""], ""),
            (&["a=1,a=2"], "a=1,a=2"),
        ] {
            assert_eq!(
                kept(headers, LIMIT).as_deref(),
                Some(expected),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn an_invalid_member_or_a_33rd_discards_all() {
        let long = "k".repeat(256);
        assert!(kept(&[&format!("{long}={long}")], 600).is_some());
        let many = |count| joined(&(0..count).map(|at| format!("k{at}=1")).collect::<Vec<_>>());
        assert_eq!(kept(&[&many(32)], LIMIT), Some(many(32)));
        for value in [
            "a",
            "=1",
            "a=",
            "A=1",
            "a b=1",
            "_a=1",
            "a=1=2",
            "a=\u{e9}",
            "a=\x7f",
            "a=1,b",
            &format!("{long}k=1"),
            &format!("a={long}k"),
            &many(33),
        ] {
            assert_eq!(kept(&[value], LIMIT), None, "{value}");
            assert_eq!(kept(&["ok=1", value], LIMIT), None);
        }
        assert_eq!(kept(&[&many(30), "a=1,b=2,c=3"], LIMIT), None);
    }

    #[test]
    fn long_members_go_first_as_few_as_suffice_and_then_the_last() {
        let (a, b, c) = (member('a', 129), member('b', 200), member('c', 128));
        let (d, e) = (member('d', 150), member('e', 100));
        let all = joined(&[a.clone(), b.clone(), c.clone(), d.clone(), e.clone()]);
        let without_d = joined(&[a.clone(), b.clone(), c.clone(), e.clone()]);
        let without_long = joined(&[c.clone(), e.clone()]);
        for (room, expected) in [
            (all.len(), &all),
            (all.len() - 1, &without_d),
            (without_d.len(), &without_d),
            (
                without_d.len() - 1,
                &joined(&[a.clone(), c.clone(), d.clone(), e.clone()]),
            ),
            (without_long.len(), &without_long),
            (without_long.len() - 1, &c),
            (127, &String::new()),
        ] {
            assert_eq!(kept(&[&all], room).as_ref(), Some(expected), "{room}");
        }
    }

    #[test]
    fn a_member_that_does_not_fit_ends_the_list() {
        let list = joined(&[member('a', 60), member('b', 60), member('c', 10)]);
        assert_eq!(kept(&[&list], 100), Some(member('a', 60)));
    }

    fn debug(members: &str) -> String {
        let mut buffer = [0; LIMIT];
        with_debug(members, &mut buffer).finish().0.unwrap().into()
    }

    #[test]
    fn our_member_is_leftmost_and_only_once() {
        assert_eq!(debug(""), "jaeger=d");
        assert_eq!(debug("a=1,jaeger=x,b=2"), "jaeger=d,a=1,b=2");
        let full = joined(&[
            member('a', 128),
            member('b', 128),
            member('c', 128),
            member('d', 125),
        ]);
        assert_eq!(full.len(), LIMIT);
        let shortened = joined(&[member('a', 128), member('b', 128), member('c', 128)]);
        assert_eq!(debug(&full), format!("jaeger=d,{shortened}"));
        let many: Vec<_> = (0..32).map(|at| format!("k{at}=1")).collect();
        assert_eq!(
            debug(&joined(&many)),
            format!("jaeger=d,{}", joined(&many[..31]))
        );
    }

    #[test]
    fn our_member_is_read_and_not_kept() {
        let mut summary = Summary::default();
        summary.visit(b"a=1, jaeger=d");
        assert!(summary.is_debug && summary.is_valid());
        assert_eq!(
            kept(&["a=1, jaeger=d,b=2"], LIMIT).as_deref(),
            Some("a=1,b=2")
        );
        let mut other = Summary::default();
        other.visit(b"jaeger=dd");
        assert!(!other.is_debug);
    }
}
