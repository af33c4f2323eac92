//! A dump of a device's memory to spans.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::args::Destination;
use super::sinks::Sinks;
use super::terminal::Terminal;
use super::{Failure, output};
use crate::model::{Process, Tag};
use crate::relay::device::{Event, Image as _};
use crate::relay::dump::{self, Dump};
use crate::relay::elf::ElfImage;
use crate::sys::hex::hex;

/// Passes the spans of all rings in a dump on.
pub(super) fn run(elf: &Path, file: &Path, destination: &Destination) -> Result<ExitCode, Failure> {
    let image = ElfImage::open(elf)?;
    let dump = Dump::open(file)?;
    let rings = dump::read(&dump, &image);
    let rings = rings.map_err(|error| format!("{}: {error}", file.display()))?;
    let process = match &dump.process {
        Some(process) => Arc::clone(process),
        None => Arc::new(process(elf, &image)),
    };
    let mut sinks = Sinks::new(output(destination)?, Terminal::new(), Vec::new(), false);
    for ring in rings {
        sinks.terminal.message(&ring.to_string());
        for span in ring.spans {
            let (process, span) = (Arc::clone(&process), Box::new(span));
            sinks.take(Event::Span { process, span }, 0);
            sinks.wait_for_room();
        }
    }
    let counts = sinks.finish();
    Ok(match counts.lost + counts.queued {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Returns what is known of a device without its hello: the service has the name of the image.
fn process(elf: &Path, image: &ElfImage) -> Process {
    let name = elf.file_stem().unwrap_or_default().to_string_lossy();
    let mut process = Process::new(name);
    process
        .tags
        .push(Tag::new("device.build", hex(image.build_id())));
    process
}
