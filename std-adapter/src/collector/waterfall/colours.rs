//! Colours of services: those of the page, by the same rule.

use std::collections::{BTreeSet, HashMap};

/// Places of the palette whose hues are far apart. The others lie between them, for traces of more services.
const FAR_APART: usize = 8;

/// Colours of a terminal of 256 that are near the page's hues, in the order of its palette; red is for errors.
const PALETTE: [u8; 14] = [
    75, 114, 141, 179, 80, 175, 149, 173, 105, 79, 170, 185, 74, 107,
];

/// Units of a name that count.
const MAX_NAME: usize = 256;

/// The colours of the services of one trace.
#[derive(Debug, Default)]
pub(super) struct Colours<'a>(HashMap<&'a str, usize>);

impl<'a> Colours<'a> {
    /// Chooses the colours of a trace. In the order of their names, each service takes the colour of its hash, or the
    /// next one that is free: of those far apart while there are some, then of the others. Once all are taken, colours
    /// are shared. The choice depends on the names only, so that page and terminal come to the same one.
    pub(super) fn of_trace(services: impl Iterator<Item = &'a str>) -> Self {
        let names: BTreeSet<&str> = services.collect();
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        let mut taken = [false; PALETTE.len()];
        let places = names
            .into_iter()
            .map(|name| (name, place(name, &mut taken)));
        Self(places.collect())
    }

    /// Returns the terminal's colour of a service.
    pub(super) fn of(&self, service: &str) -> u8 {
        let place = self.0.get(service).copied().unwrap_or_default();
        PALETTE.get(place).copied().unwrap_or_default()
    }
}

/// Returns the place of a service in the palette, and takes it.
fn place(service: &str, taken: &mut [bool; PALETTE.len()]) -> usize {
    let hash = hash(service) as usize;
    for places in [0..FAR_APART, FAR_APART..PALETTE.len()] {
        let count = places.len();
        let candidates = (0..count).map(|step| places.start + (hash + step) % count);
        for place in candidates {
            if let Some(taken) = taken.get_mut(place).filter(|taken| !**taken) {
                *taken = true;
                return place;
            }
        }
    }
    hash % FAR_APART
}

/// FNV-1a over the units of UTF-16, which is what the page's script has.
fn hash(name: &str) -> u32 {
    let units = name.encode_utf16().take(MAX_NAME);
    units.fold(2_166_136_261, |hash, unit| {
        (hash ^ u32::from(unit)).wrapping_mul(16_777_619)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Traces by the names of their services, each with the places of these in the palette. The page's test reads them too.
    const CASES: &str = include_str!("../../../../tests/page/colours.json");

    fn places(services: &[&str]) -> Vec<usize> {
        let colours = Colours::of_trace(services.iter().copied());
        services.iter().map(|service| colours.0[service]).collect()
    }

    #[test]
    fn the_choice_is_that_of_the_table_which_the_page_is_tested_by() {
        let cases: Value = serde_json::from_str(CASES).unwrap();
        let cases = cases["cases"].as_array().unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            let names = case["services"].as_array().unwrap().iter();
            let names: Vec<&str> = names.map(|name| name.as_str().unwrap()).collect();
            let expected: Vec<usize> = serde_json::from_value(case["colours"].clone()).unwrap();
            assert_eq!(places(&names), expected, "{names:?}");
        }
    }

    #[test]
    fn no_two_services_share_a_colour_while_there_are_some() {
        let names: Vec<String> = (0..20).map(|n| format!("service-{n}")).collect();
        for count in 1..names.len() {
            let names: Vec<&str> = names.iter().take(count).map(String::as_str).collect();
            let distinct: BTreeSet<usize> = places(&names).into_iter().collect();
            assert_eq!(distinct.len(), count.min(PALETTE.len()));
            let far_apart = distinct.iter().filter(|place| **place < FAR_APART);
            assert_eq!(far_apart.count(), count.min(FAR_APART));
        }
    }

    #[test]
    fn each_place_of_the_palette_has_a_colour_of_its_own() {
        let distinct: BTreeSet<u8> = PALETTE.into_iter().collect();
        assert_eq!(distinct.len(), PALETTE.len());
        assert!(!distinct.contains(&0));
    }

    #[test]
    fn the_hash_is_that_of_the_pages_script() {
        assert_eq!(hash(""), 0x811c_9dc5);
        assert_eq!(hash("foobar"), 0xbf9c_f968);
    }
}
