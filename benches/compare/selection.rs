//! Arguments of the command line.

/// The workloads and libraries to run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selection {
    /// Empty for all.
    workloads: Vec<String>,
    libraries: Vec<String>,
}

/// The parsed arguments.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) quick: bool,
    pub(crate) selection: Selection,
}

impl Arguments {
    /// Parses `args`, given every workload with every library that does it.
    pub(crate) fn parse(
        args: impl IntoIterator<Item = String>,
        known: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut arguments = Self::default();
        let selection = &mut arguments.selection;
        for arg in args {
            match arg.as_str() {
                "--quick" => arguments.quick = true,
                // Added by cargo itself.
                "--bench" => {}
                name if known.iter().any(|known| known.0 == name) => selection.workloads.push(arg),
                name if known.iter().any(|known| known.1 == name) => selection.libraries.push(arg),
                _ => return Err(unknown(&arg, known)),
            }
        }
        Ok(arguments)
    }
}

impl Selection {
    pub(crate) fn wants(&self, workload: &str, library: &str) -> bool {
        names(&self.workloads, workload) && names(&self.libraries, library)
    }
}

fn names(named: &[String], name: &str) -> bool {
    named.is_empty() || named.iter().any(|it| it == name)
}

fn unknown(arg: &str, known: &[(&str, &str)]) -> String {
    let mut workloads: Vec<_> = known.iter().map(|(workload, _)| *workload).collect();
    let mut libraries: Vec<_> = known.iter().map(|(_, library)| *library).collect();
    for names in [&mut workloads, &mut libraries] {
        names.sort_unstable();
        names.dedup();
    }
    format!(
        "unknown argument \"{arg}\"; there are --quick, the workloads {}, and the libraries {}",
        workloads.join(", "),
        libraries.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[(&str, &str)] = &[("W1", "floor"), ("W2", "floor"), ("pipeline", "peer")];

    fn parse(args: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(args.iter().map(|arg| arg.to_string()), KNOWN)
    }

    fn wanted(args: &[&str]) -> Vec<(&'static str, &'static str)> {
        let selection = parse(args).expect("known arguments").selection;
        let wanted = KNOWN.iter().copied();
        wanted
            .filter(|(workload, library)| selection.wants(workload, library))
            .collect()
    }

    #[test]
    fn nothing_named_is_everything() {
        assert_eq!(wanted(&["--bench"]), KNOWN);
        assert!(parse(&["--quick"]).is_ok_and(|arguments| arguments.quick));
    }

    #[test]
    fn names_narrow_each_kind_alone() {
        assert_eq!(wanted(&["W1", "pipeline"]), [KNOWN[0], KNOWN[2]]);
        assert_eq!(wanted(&["floor"]), KNOWN[..2]);
        assert_eq!(wanted(&["floor", "W2"]), [KNOWN[1]]);
        assert_eq!(wanted(&["peer", "W2"]), []);
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = parse(&["W3"]).expect_err("no such workload");
        assert!(error.contains("\"W3\""), "{error}");
        assert!(
            error.contains("W1, W2, pipeline") && error.contains("floor, peer"),
            "{error}"
        );
    }
}
