//! The program that a retained ring belongs to.

/// A build id, by which a linker names a program: 1 to 20 bytes.
///
/// ```
/// use picojaeger_core::BuildId;
///
/// let note = [4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, b'G', b'N', b'U', 0, 0xa1, 0xb2, 0xc3, 0];
/// assert_eq!(BuildId::from_note(&note).unwrap().as_bytes(), [0xa1, 0xb2, 0xc3]);
/// assert!(BuildId::from_note(&[]).is_none(), "linked without `--build-id`");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuildId {
    /// Zeros behind the length.
    bytes: [u8; LONGEST],
    length: u8,
}

const LONGEST: usize = 20;

impl BuildId {
    /// Returns the build id of these bytes; `None` unless there are 1 to 20.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut padded = [0; LONGEST];
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        BuildId::from_padded(padded, bytes.len() as u8)
    }

    /// Returns the build id in a section `.note.gnu.build-id`, little-endian, as the ELF specification has
    /// notes: lengths of name and content, type 3, the name `GNU`.
    pub fn from_note(note: &[u8]) -> Option<Self> {
        let (head, rest) = note.split_at_checked(12)?;
        let [name, content, kind] = *head.as_chunks().0.first_chunk::<3>()?;
        let [name, content, kind] = [name, content, kind].map(u32::from_le_bytes);
        let id = rest.strip_prefix(b"GNU\0")?;
        if (name, kind) != (4, 3) {
            return None;
        }
        BuildId::new(id.get(..content as usize)?)
    }

    /// Returns its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or(&[])
    }

    pub(super) fn padded(self) -> ([u8; LONGEST], u8) {
        (self.bytes, self.length)
    }

    pub(super) fn from_padded(bytes: [u8; LONGEST], length: u8) -> Option<Self> {
        let valid = (1..=LONGEST).contains(&length.into());
        valid.then_some(BuildId { bytes, length })
    }
}

/// The running program, as a retained ring has to know it.
///
/// ```
/// use picojaeger_core::{BuildId, Program};
///
/// // On a chip both are places that the linker defines; see `examples/cortex-m/src/lib.rs`.
/// static RODATA: &[u8] = b"sample, channel";
/// let program = Program::new(RODATA, BuildId::new(&[7; 20]));
/// # let _ = program;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub(super) names: &'static [u8],
    pub(super) build: Option<BuildId>,
}

impl Program {
    /// Makes a program whose static names, of spans and of keys, lie within `names`, its section of
    /// read-only data. Without a build id nothing is recovered.
    pub const fn new(names: &'static [u8], build: Option<BuildId>) -> Self {
        Program { names, build }
    }
}
