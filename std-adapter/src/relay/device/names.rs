//! Names that a device sends as addresses of its image.

use crate::relay::payload::Name;

/// Finds static text in the image of a build.
///
/// ```
/// use picojaeger_std::relay::Image;
///
/// struct One;
/// impl Image for One {
///     fn build_id(&self) -> &[u8] {
///         &[7]
///     }
///     fn text(&self, address: u64, length: u16) -> Option<&str> {
///         (address == 0x800 && length == 4).then_some("read")
///     }
/// }
/// assert_eq!(One.text(0x800, 4), Some("read"));
/// ```
pub trait Image {
    /// Returns the GNU build id. Names of other builds are not looked up here.
    fn build_id(&self) -> &[u8];

    /// Returns the text at an address.
    fn text(&self, address: u64, length: u16) -> Option<&str>;
}

/// The names of one build.
pub(in crate::relay) struct Names<'n> {
    pub(in crate::relay) image: Option<&'n (dyn Image + Send)>,
    pub(in crate::relay) build: &'n [u8],
}

impl Names<'_> {
    /// Returns a name; an address and a length where it is not known.
    pub(super) fn text(&self, name: Name<'_>) -> String {
        let (address, length) = match name {
            Name::Text(text) => return text.to_owned(),
            Name::Static(address, length) => (address, length),
        };
        let image = self.image.filter(|image| image.build_id() == self.build);
        let found = image.and_then(|image| image.text(address, length));
        found.map_or_else(|| format!("0x{address:08x}+{length}"), str::to_owned)
    }
}
