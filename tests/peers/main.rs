//! Contexts and baggage between this project and tracers of other makes, in both directions.
//!
//! Run by `.ci/run peers`, which installs the peers and names their folder in `PICOJAEGER_PEERS`. Without that
//! variable this target prints a note and succeeds, since the workspace's tests need no peer.

mod cases;
mod deviations;
mod ours;
mod protocol;
mod service;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cases::Carried;
use ours::Ours;
use protocol::Peer;
use serde_json::json;

/// Variable with the folder of the peers' programs.
const FOLDER: &str = "PICOJAEGER_PEERS";
/// The peers and the formats that each has.
const PEERS: [(&str, &[&str]); 5] = [
    ("python", &["text", "http", "binary", "b3"]),
    ("node", &["text", "http", "b3"]),
    ("go", &["text", "http", "binary", "b3"]),
    ("java", &["text", "http", "binary", "b3", "w3c"]),
    ("opentelemetry", &["w3c", "b3", "b3-single"]),
];
/// Differences printed; one cause tends to show in many cases.
const SHOWN: usize = 20;

/// What was compared.
#[derive(Default)]
struct Tally {
    contexts: usize,
    /// Ids, flags, and items of baggage.
    fields: usize,
    /// Contexts that a known deviation of the peer changes.
    deviating: usize,
    differences: Vec<String>,
}

fn main() -> ExitCode {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        println!(
            "not run: {FOLDER} names no folder; `.ci/run peers` installs the peers and runs this"
        );
        return ExitCode::SUCCESS;
    };
    match run(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<(), String> {
    prove()?;
    println!(
        "{:<14} {:<10} {:>8} {:>7} {:>9}",
        "peer", "format", "contexts", "fields", "deviating"
    );
    let mut differences = Vec::new();
    for (name, formats) in PEERS {
        let mut peer = Peer::start(folder, name)?;
        for format in formats {
            let tally = compare(&mut peer, format)?;
            let Tally {
                contexts,
                fields,
                deviating,
                ..
            } = tally;
            println!("{name:<14} {format:<10} {contexts:>8} {fields:>7} {deviating:>9}");
            differences.extend(tally.differences);
            require_minimum(name, format, contexts, fields)?;
        }
    }
    if differences.is_empty() {
        let spans = service::run(folder)?;
        println!(
            "OpenTelemetry's service and ours: {spans} spans in two traces, each with the right parent"
        );
        return Ok(());
    }
    let shown = differences.len().min(SHOWN);
    Err(format!(
        "{} differences:\n{}",
        differences.len(),
        differences[..shown].join("\n")
    ))
}

/// Proves that the comparison finds each kind of difference.
fn prove() -> Result<(), String> {
    let all = cases::all();
    let case = &all[1];
    let alter: [fn(&mut Carried); 4] = [
        |altered| altered.trace ^= 1,
        |altered| altered.span ^= 1,
        |altered| altered.flags ^= 2,
        |altered| altered.baggage.clear(),
    ];
    for alter in alter {
        let (mut tally, mut altered) = (Tally::default(), case.clone());
        alter(&mut altered);
        tally.compare("control", case, case, Ok(altered));
        if tally.differences.len() != 1 {
            return Err("the comparison misses a planted difference".into());
        }
    }
    Ok(())
}

/// Fewer contexts or fields mean that the comparison lost some of its work: each case goes both ways.
fn require_minimum(name: &str, format: &str, contexts: usize, fields: usize) -> Result<(), String> {
    let least = 2 * cases::all().len();
    if contexts < least || fields < 3 * least {
        return Err(format!(
            "{name}, {format}: {contexts} contexts, {fields} fields; at least {least} and {}",
            3 * least
        ));
    }
    Ok(())
}

fn compare(peer: &mut Peer, format: &'static str) -> Result<Tally, String> {
    let ours = Ours::new(format)?;
    let mut tally = Tally::default();
    for case in cases::all() {
        let answer = peer.ask(&ours.write(&case)?);
        let found = answer.and_then(|answer| {
            let context = answer["context"].as_str().unwrap_or_default();
            Carried::parse(context, ours::strings(&answer["baggage"])?)
        });
        let expected = deviations::read_by(peer.name, format, &case);
        tally.compare(
            &format!("{} reads {format}", peer.name),
            &case,
            &expected,
            found,
        );

        let answer = peer
            .ask(&json!({"format": format, "context": case.context(), "baggage": case.baggage}));
        let found = answer.and_then(|answer| ours.read(&answer));
        let expected = deviations::written_by(peer.name, format, &case);
        tally.compare(
            &format!("{} writes {format}", peer.name),
            &case,
            &expected,
            found,
        );
    }
    Ok(tally)
}

impl Tally {
    fn compare(
        &mut self,
        what: &str,
        case: &Carried,
        expected: &Carried,
        found: Result<Carried, String>,
    ) {
        self.contexts += 1;
        self.fields += 3 + expected.baggage.len();
        self.deviating += usize::from(expected != case);
        if found.as_ref() != Ok(expected) {
            self.differences
                .push(format!("{what}: {expected:?}\n  but {found:?}"));
        }
    }
}
