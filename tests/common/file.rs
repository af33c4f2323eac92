//! A file of a test's own.

use std::fs;
use std::path::PathBuf;

/// A file that is removed at the end of its test.
pub(crate) struct TestFile(PathBuf);

impl TestFile {
    /// Writes a file to the system's folder for these. The names of one process differ by `name`.
    pub(crate) fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let name = format!("picojaeger-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, bytes).expect("a folder that can be written");
        TestFile(path)
    }

    pub(crate) fn name(&self) -> &str {
        self.0.to_str().expect("a name in UTF-8")
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("the file that was written");
    }
}
