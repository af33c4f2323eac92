//! The program `picojaeger-relay`, within the process: sources to an agent, recordings, a command.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use picojaeger_std::collector::Collector;
use picojaeger_std::model::TagValue;
use picojaeger_std::relay::run;

#[path = "../../tests/common/file.rs"]
mod file;
#[path = "../../tests/common/http.rs"]
mod http;
mod relay_device;
use file::TestFile;
use relay_device::line;

fn relay(arguments: &[&str]) -> ExitCode {
    run(arguments.iter().map(OsString::from))
}

const LONG: Duration = Duration::from_secs(10);

#[test]
fn a_file_reaches_an_agent() {
    let agent = Collector::bind("127.0.0.1:0").unwrap();
    let file = TestFile::new("file", line(9, 1_000));
    let to = agent.local_addr().to_string();
    assert_eq!(relay(&[file.name(), "--agent", &to]), ExitCode::SUCCESS);
    assert!(agent.wait_for_spans(1_000, LONG), "{:?}", agent.stats());
    let spans = agent.spans();
    assert_eq!(spans.len(), 1_000);
    assert!(spans.iter().all(|span| span.service_name() == "pump"));
    let device = |tag: &picojaeger_std::model::Tag| tag.key == "device.id";
    let id = spans[0]
        .process
        .tags
        .iter()
        .find(|tag| device(tag))
        .unwrap();
    assert_eq!(id.value, TagValue::from("636869702037"));
    assert_eq!(
        spans[0].span.tag("clock.unsynced"),
        Some(&TagValue::from(true))
    );
}

#[test]
fn a_connection_is_recorded_and_its_recording_reads_the_same() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = format!("tcp:{}", server.local_addr().unwrap());
    let device = thread::spawn(move || {
        let (mut client, _) = server.accept().unwrap();
        client.write_all(&line(9, 20)).unwrap();
    });
    let recording = TestFile::new("recording", b"");
    let spans = [&source, recording.name()].map(|source| {
        let agent = Collector::bind("127.0.0.1:0").unwrap();
        let to = agent.local_addr().to_string();
        let mut arguments = vec![source, "--once", "--agent", &to];
        if source != recording.name() {
            arguments.extend(["--record", recording.name()]);
        }
        assert_eq!(relay(&arguments), ExitCode::SUCCESS);
        assert!(agent.wait_for_spans(20, LONG));
        let spans = agent.spans();
        spans.into_iter().map(|span| span.span).collect::<Vec<_>>()
    });
    device.join().unwrap();
    assert_eq!(spans[0], spans[1]);
    assert!(spans[0][0].tag("clock.uncertainty_us").is_some());
}

#[test]
fn a_file_reaches_a_collector_over_otlp() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", collector.local_addr().unwrap());
    let server = thread::spawn(move || http::answered(&collector));
    let file = TestFile::new("otlp", line(9, 3));
    assert_eq!(relay(&[file.name(), "--otlp", &url]), ExitCode::SUCCESS);
    let (head, body) = server.join().unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    // The encoder's own tests read its bytes by another implementation.
    let count = |text: &[u8]| {
        body.windows(text.len())
            .filter(|part| *part == text)
            .count()
    };
    assert_eq!(
        [&b"device.id"[..], b"pump", b"clock.unsynced"].map(count),
        [1, 1, 3]
    );
}

#[test]
fn a_command_connects_to_the_port_of_its_source() {
    let agent = Collector::bind("127.0.0.1:0").unwrap();
    let (file, to) = (
        TestFile::new("port", line(9, 5)),
        agent.local_addr().to_string(),
    );
    let script = format!("cat {} >/dev/tcp/127.0.0.1/{{port}}", file.name());
    let source = "tcp-listen:127.0.0.1:0";
    let arguments = [
        "run", "--source", source, "--agent", &to, "--", "bash", "-c", &script,
    ];
    assert_eq!(relay(&arguments), ExitCode::SUCCESS);
    assert!(agent.wait_for_spans(5, LONG));
}

#[cfg(unix)]
#[test]
fn a_commands_output_and_exit_code_pass_through() {
    let agent = Collector::bind("127.0.0.1:0").unwrap();
    let (file, to) = (
        TestFile::new("output", line(9, 5)),
        agent.local_addr().to_string(),
    );
    let script = format!("cat {}; exit 7", file.name());
    let arguments = [
        "run", "--source", "-", "--agent", &to, "--", "sh", "-c", &script,
    ];
    assert_eq!(relay(&arguments), ExitCode::from(7));
    assert!(agent.wait_for_spans(5, LONG));
    assert_eq!(
        relay(&["run", "--source", "-", "--", "sh", "-c", "kill -9 $$"]),
        ExitCode::from(137)
    );
}

#[test]
fn what_cannot_be_opened_is_an_error() {
    assert_eq!(relay(&[]), ExitCode::from(2));
    assert_eq!(relay(&["--help"]), ExitCode::SUCCESS);
    for source in ["/nowhere/at/all", "/dev/ttyNowhere@9600", "tcp:nowhere"] {
        assert_eq!(relay(&[source]), ExitCode::FAILURE, "{source}");
    }
    let command = ["run", "--source", "-", "--", "picojaeger-no-such-command"];
    assert_eq!(relay(&command), ExitCode::FAILURE);
}
