//! The image of a device's firmware.

use std::fs;
use std::io;
use std::path::Path;

use object::{Object as _, ObjectSection as _};

use super::device::Image;

/// The static text of an ELF file.
pub(super) struct ElfImage {
    build: Vec<u8>,
    /// Address and content of each section.
    sections: Vec<(u64, Vec<u8>)>,
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
        Ok(ElfImage {
            build: build.to_vec(),
            sections: contents.collect(),
        })
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
