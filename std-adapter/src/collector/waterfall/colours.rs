//! Colours of services: by name, as on the page, so that a service has the same one everywhere.

/// Colours of a terminal of 256 that are near the page's hues, in its order; red is for errors.
const COLOURS: [u8; 14] = [
    75, 114, 141, 179, 80, 175, 149, 105, 173, 74, 79, 170, 185, 68,
];

/// Characters of a name that count.
const MAX_NAME: usize = 256;

/// The colours of the services of one trace.
#[derive(Debug, Default)]
pub(super) struct Colours<'a> {
    known: Vec<(&'a str, u8)>,
}

impl<'a> Colours<'a> {
    /// Returns the colour of a service: its own, or while there are some, one that no other service has.
    pub(super) fn of(&mut self, service: &'a str) -> u8 {
        if let Some((_, colour)) = self.known.iter().find(|(name, _)| *name == service) {
            return *colour;
        }
        let first = hash(service) as usize % COLOURS.len();
        let mut candidates = COLOURS
            .iter()
            .cycle()
            .skip(first)
            .take(COLOURS.len())
            .copied();
        let is_free = |colour: &u8| self.known.iter().all(|(_, taken)| taken != colour);
        let own = COLOURS.get(first).copied().unwrap_or_default();
        if self.known.len() >= COLOURS.len() {
            return own;
        }
        let colour = candidates.find(is_free).unwrap_or(own);
        self.known.push((service, colour));
        colour
    }
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
    use super::*;

    #[test]
    fn a_service_keeps_its_colour_and_no_other_has_it_while_there_are_some() {
        let mut colours = Colours::default();
        let names: Vec<String> = (0..14).map(|n| format!("service-{n}")).collect();
        let all: Vec<u8> = names.iter().map(|name| colours.of(name)).collect();
        assert_eq!(
            all,
            names
                .iter()
                .map(|name| colours.of(name))
                .collect::<Vec<_>>()
        );
        let distinct: std::collections::HashSet<&u8> = all.iter().collect();
        assert_eq!(distinct.len(), 14);
        assert!(COLOURS.contains(&colours.of("one more")));
    }

    #[test]
    fn the_hash_is_that_of_the_pages_script() {
        assert_eq!(hash(""), 0x811c_9dc5);
        assert_eq!(hash("foobar"), 0xbf9c_f968);
    }
}
