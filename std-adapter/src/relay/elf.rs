//! The image of a device's firmware.

use std::fs;
use std::io;
use std::path::Path;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use super::device::Image;

/// The static text of an ELF file.
pub(super) struct ElfImage {
    pub(super) build: Vec<u8>,
    /// Address and content of each section.
    pub(super) sections: Vec<(u64, Vec<u8>)>,
    /// Address and size of each symbol of data.
    pub(super) symbols: Vec<(u64, u64)>,
    /// Bytes of a word.
    pub(super) word: usize,
    pub(super) is_big_endian: bool,
}

impl ElfImage {
    /// Reads a file; an error names it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let bytes = fs::read(path).map_err(named)?;
        Self::parse(&bytes)
            .map_err(|error| named(io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file = object::File::parse(bytes).map_err(|error| format!("no ELF file: {error}"))?;
        let build = file.build_id().ok().flatten();
        let build = build
            .ok_or("it has no build id: link it with --build-id, and keep .note.gnu.build-id")?;
        let sections = file
            .sections()
            .filter(|section| section.address() != 0 || section.size() != 0);
        let contents = sections.filter_map(|section| {
            let content = section.data().ok().filter(|content| !content.is_empty())?;
            Some((section.address(), content.to_vec()))
        });
        let is_data = |kind| matches!(kind, SymbolKind::Data | SymbolKind::Unknown);
        let symbols = file.symbols().filter(|symbol| is_data(symbol.kind()));
        Ok(ElfImage {
            build: build.to_vec(),
            sections: contents.collect(),
            symbols: symbols
                .map(|symbol| (symbol.address(), symbol.size()))
                .collect(),
            word: if file.is_64() { 8 } else { 4 },
            is_big_endian: !file.is_little_endian(),
        })
    }

    /// Returns the bytes of a word of the device.
    pub(super) fn word(&self) -> usize {
        self.word
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.is_big_endian
    }

    /// Returns the size of the data at an address.
    pub(super) fn size_at(&self, address: u64) -> Option<u64> {
        let there = self.symbols.iter().filter(|(start, _)| *start == address);
        there.map(|(_, size)| *size).max()
    }
}

impl Image for ElfImage {
    fn build_id(&self) -> &[u8] {
        &self.build
    }

    fn text(&self, address: u64, length: u16) -> Option<&str> {
        self.sections.iter().find_map(|(start, content)| {
            let begin = usize::try_from(address.checked_sub(*start)?).ok()?;
            let end = begin.checked_add(length.into())?;
            std::str::from_utf8(content.get(begin..end)?).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section's name in the table of names, its kind, address and content.
    type Section<'s> = (u32, u32, u64, &'s [u8]);

    /// An ELF file for a 64-bit little-endian processor with these sections; the last has the names.
    fn elf(sections: &[Section<'_>]) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        let mut headers = vec![0; 64];
        for (name, kind, address, content) in sections {
            let mut header = [name.to_le_bytes(), kind.to_le_bytes()].concat();
            let offset = file.len() as u64;
            for field in [2, *address, offset, content.len() as u64, 0, 1, 0] {
                header.extend(field.to_le_bytes());
            }
            header.truncate(64);
            headers.extend(header);
            file.extend(*content);
            file.resize(file.len().next_multiple_of(8), 0);
        }
        let at = file.len() as u64;
        file.extend(headers);
        file[16..18].copy_from_slice(&2u16.to_le_bytes());
        file[18..20].copy_from_slice(&183u16.to_le_bytes());
        file[20..24].copy_from_slice(&1u32.to_le_bytes());
        file[40..48].copy_from_slice(&at.to_le_bytes());
        file[52..54].copy_from_slice(&64u16.to_le_bytes());
        file[58..60].copy_from_slice(&64u16.to_le_bytes());
        file[60..62].copy_from_slice(&(sections.len() as u16 + 1).to_le_bytes());
        file[62..64].copy_from_slice(&(sections.len() as u16).to_le_bytes());
        file
    }

    const NAMES: &[u8] = b"\0.rodata\0.note.gnu.build-id\0.shstrtab\0";
    const NOTE: &[u8] = b"\x04\0\0\0\x02\0\0\0\x03\0\0\0GNU\0\xab\xcd\0\0";

    #[test]
    fn text_is_found_at_its_address() {
        let file = elf(&[
            (1, 1, 0x800, b"..sampleconvert"),
            (9, 7, 0x900, NOTE),
            (28, 3, 0, NAMES),
        ]);
        let image = ElfImage::parse(&file).unwrap();
        assert_eq!(image.build_id(), b"\xab\xcd");
        assert_eq!(image.text(0x802, 6), Some("sample"));
        assert_eq!(image.text(0x808, 7), Some("convert"));
        for (address, length) in [(0x808, 8), (0x7ff, 1), (u64::MAX, 2), (0x900, 21)] {
            assert_eq!(image.text(address, length), None, "{address:#x}");
        }
    }

    #[test]
    fn what_is_no_image_says_why() {
        let error = |file: &[u8]| ElfImage::parse(file).map(drop).unwrap_err();
        assert!(error(b"no").contains("no ELF file"));
        let file = elf(&[(1, 1, 0x800, b"sample"), (28, 3, 0, NAMES)]);
        assert!(error(&file).contains("no build id"));
        let file = elf(&[
            (1, 1, 0x800, b"sample"),
            (9, 7, 0x900, NOTE),
            (28, 3, 0, NAMES),
        ]);
        for length in 0..file.len() {
            let _ = ElfImage::parse(&file[..length]);
        }
        assert!(
            ElfImage::open(Path::new("/nowhere"))
                .map(drop)
                .unwrap_err()
                .to_string()
                .starts_with("/nowhere: ")
        );
    }
}
