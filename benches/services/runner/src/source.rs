//! Costs of a library for its user: lines, packages, and time to build.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;
use crate::service::{Service, cargo, workspace};

/// Counts the lines that a service has beyond the untraced one, in its source and its manifest.
pub(crate) fn added_lines(service: &Service) -> Result<usize> {
    let mut lines = 0;
    for file in ["src/main.rs", "Cargo.toml"] {
        let of = |folder| workspace().join(folder).join(file);
        let output = Command::new("diff")
            .args([of("untraced"), of(service.folder)])
            .output()?;
        // `diff` ends with 1 where files differ.
        if output.status.code().is_none_or(|code| code > 1) {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        lines += count_added(&String::from_utf8(output.stdout)?);
    }
    Ok(lines)
}

/// Counts added lines, but blank ones and the package's name.
fn count_added(diff: &str) -> usize {
    diff.lines()
        .filter_map(|line| line.strip_prefix('>'))
        .filter(|line| !line.trim().is_empty() && !line.trim().starts_with("name = "))
        .count()
}

/// Counts the packages that a service is built of, itself included.
pub(crate) fn packages(service: &Service) -> Result<usize> {
    let output = cargo()
        .args([
            "tree",
            "--locked",
            "--prefix",
            "none",
            "--edges",
            "normal,build",
        ])
        .args(["--format", "{p}", "--package", &service.package()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let tree = String::from_utf8(output.stdout)?;
    let mut packages: Vec<_> = tree.lines().map(without_mark).collect();
    packages.sort_unstable();
    packages.dedup();
    Ok(packages.len())
}

/// Cuts the mark of a package that was printed before.
fn without_mark(line: &str) -> &str {
    line.trim_end_matches(" (*)")
}

/// Builds a service from nothing, and returns the time.
pub(crate) fn clean_build(service: &Service) -> Result<Duration> {
    let target = std::env::temp_dir().join(format!("{}-{}", service.package(), std::process::id()));
    let start = Instant::now();
    let built = service.build_in(&target);
    let taken = start.elapsed();
    fs::remove_dir_all(&target)?;
    built.map(|()| taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_where_something_was_added() {
        let diff = "2c2\n< name = \"a\"\n---\n> name = \"b\"\n5a6,8\n> axum = 1\n>\n>     .layer(x)\n7d9\n< y\n";
        assert_eq!(count_added(diff), 2);
    }

    #[test]
    fn a_package_is_one_however_often_it_is_printed() {
        assert_eq!(without_mark("axum v0.8.9 (*)"), without_mark("axum v0.8.9"));
    }
}
