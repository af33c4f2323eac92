//! Compares one service of axum, untraced and traced by each library: processor time a request, requests a second,
//! memory, and spans that arrive. See `benches/README.md`.

mod arguments;
mod check;
mod load;
#[path = "../../../common/process.rs"]
mod process;
mod round;
mod service;
mod sink;
mod source;
mod table;

use std::process::ExitCode;

use arguments::Arguments;
use round::Round;
use service::Service;
use table::Row;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("runner: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let services = service::selected(&arguments.names)?;
    for service in &services {
        service.build()?;
        check::check(service)?;
    }
    let mut rounds: Vec<Vec<Round>> = services.iter().map(|_| Vec::new()).collect();
    for number in 1..=arguments.rounds {
        for (service, rounds) in services.iter().zip(&mut rounds) {
            let round = round::run(service, &arguments)?;
            eprintln!("round {number}, {}: {round}", service.name);
            rounds.push(round);
        }
    }
    let rows = services.iter().zip(&rounds);
    let rows: Result<Vec<Row>> = rows
        .map(|(service, rounds)| row(service, rounds, arguments.builds))
        .collect();
    print!("{}", table::render(&rows?));
    Ok(())
}

fn row(service: &Service, rounds: &[Round], builds: bool) -> Result<Row> {
    Ok(Row {
        name: service.name,
        median: round::median(rounds),
        lines: source::added_lines(service)?,
        packages: source::packages(service)?,
        build: builds.then(|| source::clean_build(service)).transpose()?,
    })
}
