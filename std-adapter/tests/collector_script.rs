//! The program `picojaeger-collector` in scripts: waiting, output, files, and exit codes.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use picojaeger_std::collector::Encoding;

#[allow(dead_code, reason = "other tests use the rest")]
mod collector_client;
#[path = "../../tests/common/file.rs"]
mod file;
use collector_client::*;
use file::TestFile;

fn send(program: &Program, trace: u128) {
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let datagram = datagram(&batch("shop", trace), Encoding::default());
    sender
        .send_to(&datagram, ("127.0.0.1", program.port("UDP")))
        .unwrap();
}

#[test]
fn a_script_waits_for_whole_traces_and_gets_them_as_json() {
    let arguments = ["--wait", "2", "--timeout", "20", "--settle", "50", "--json"];
    let program = Program::start(&arguments);
    send(&program, 0x2a);
    send(&program, 0x2b);
    let (code, text) = program.wait();
    assert_eq!(code, Some(0), "{text}");
    let traces = json(&text)["data"].clone();
    assert_eq!(traces.as_array().unwrap().len(), 2);
    assert_eq!(traces[0]["spans"][0]["operationName"], "GET /");
}

#[test]
fn a_script_gets_code_3_when_traces_do_not_come() {
    let program = Program::start(&["--wait", "2", "--timeout", "0.3", "--settle", "0", "--json"]);
    let (code, text) = program.wait();
    assert_eq!(code, Some(3));
    assert_eq!(json(&text)["data"].as_array().unwrap().len(), 0);
}

#[test]
fn traces_are_printed_once_they_are_whole() {
    let program = Program::start(&["--wait", "1", "--settle", "50", "--print"]);
    send(&program, 0x2a);
    let (code, text) = program.wait();
    assert_eq!(code, Some(0));
    assert!(
        text.starts_with("trace 000000000000002a: 2 spans, 2ms\nshop: GET / "),
        "{text}"
    );
    assert!(
        !text.contains('\x1b'),
        "no colours where the output is no terminal"
    );
    assert_eq!(text.matches("trace 0").count(), 1);
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_with_code_0_and_its_output() {
    let program = Program::start(&["--print", "--json", "--settle", "600000"]);
    send(&program, 0x2a);
    program.wait_for_spans(2);
    program.terminate();
    let (code, text) = program.wait();
    assert_eq!(code, Some(0));
    assert!(
        text.starts_with("trace 000000000000002a"),
        "not whole, but there at the end: {text}"
    );
    assert!(text.contains("{\"data\":"), "{text}");
    let program = Program::start(&[]);
    program.terminate();
    assert_eq!(program.wait(), (Some(0), String::new()));
}

#[test]
#[cfg(unix)]
fn a_signal_before_the_traces_have_come_is_code_3_with_what_came() {
    let mut program = Program::start(&["--wait", "2", "--settle", "50", "--json"]);
    send(&program, 0x2a);
    program.wait_for_spans(2);
    program.terminate();
    let error = program.errors();
    assert!(error.starts_with("error: --wait: "), "{error}");
    let (code, text) = program.wait();
    assert_eq!(code, Some(3));
    assert_eq!(json(&text)["data"].as_array().unwrap().len(), 1);
}

#[test]
#[cfg(unix)]
fn a_reader_that_leaves_ends_it_quietly_and_files_are_written_all_the_same() {
    for (wait, wanted) in [(None, 0), (Some("1"), 0), (Some("99"), 3)] {
        let file = TestFile::new(&format!("left-{wanted}-{}.json", wait.is_some()), "");
        let mut arguments = vec![
            "--print",
            "--json",
            "--settle",
            "0",
            "--export",
            file.name(),
        ];
        arguments.extend(wait.map(|wait| ["--wait", wait]).into_iter().flatten());
        let mut program = Program::start(&arguments);
        program.close_output();
        send(&program, 0x2a);
        let error = program.errors();
        assert_eq!(error.starts_with("error: --wait: "), wanted == 3, "{error}");
        assert!(!error.contains("cannot print"), "{error}");
        assert_eq!(program.wait().0, Some(wanted));
        let exported = fs::read_to_string(file.name()).unwrap();
        assert_eq!(json(&exported)["data"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn files_are_exported_and_imported() {
    for name in ["a.json", "a.otlp.json"] {
        let file = TestFile::new(name, "");
        let program = Program::start(&["--wait", "1", "--settle", "50", "--export", file.name()]);
        send(&program, 0x2a);
        assert_eq!(program.wait(), (Some(0), String::new()));
        let key = if name == "a.json" {
            "data"
        } else {
            "resourceSpans"
        };
        assert!(!json(&fs::read_to_string(file.name()).unwrap())[key][0].is_null());
        let program = Program::start(&["--import", file.name(), "--wait", "1", "--json"]);
        let (code, text) = program.wait();
        assert_eq!(code, Some(0));
        assert_eq!(
            json(&text)["data"][0]["spans"].as_array().unwrap().len(),
            2,
            "{text}"
        );
    }
    let file = TestFile::new("broken", "{}");
    let output = run(&["--import", file.name()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(file.name()));
}

#[test]
fn a_file_that_cannot_be_exported_to_is_an_error_before_anything_is_received() {
    let folder = std::env::temp_dir();
    let missing = folder.join(format!(
        "picojaeger-no-folder-{}/a.json",
        std::process::id()
    ));
    for path in [missing, folder] {
        // The time ends it where the name is not checked.
        let path = path.to_str().unwrap();
        let output = run(&["--wait", "1", "--timeout", "0", "--export", path]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        let begin = format!("error: --export {path}: ");
        assert!(
            error.starts_with(&begin) && error.contains("name a file in a folder that exists"),
            "{error}"
        );
    }
}

#[test]
fn a_named_port_that_is_taken_is_an_error() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let mut program = Program::start(&["--port-page", &port]);
    assert!(
        program
            .line
            .starts_with("error: cannot listen on 127.0.0.1 port "),
        "{}",
        program.line
    );
    assert!(program.line.contains("--port-page"), "{}", program.line);
    assert_eq!(program.errors(), "");
    assert_eq!(program.wait(), (Some(1), String::new()));
}

#[test]
fn two_programs_with_default_ports_both_start() {
    let programs = [Program::start_on(&[]), Program::start_on(&[])];
    for program in &programs {
        assert!(
            program
                .line
                .starts_with("picojaeger-collector: page http://127.0.0.1:"),
            "{}",
            program.line
        );
    }
    let line = &programs[1].line;
    for port in ["6831", "6832", "14268", "4318", "5778", "6833"] {
        assert!(line.contains(&format!("(as {port} is taken)")), "{line}");
    }
    assert!(line.contains("(as port 16686 is taken) ,"), "{line}");
    let status = get(programs[1].page(), "/api/status");
    assert_eq!(json(&status.body)["listeners"].as_array().unwrap().len(), 7);
}

#[test]
fn options_come_from_a_file_and_the_command_line_has_priority() {
    let file = TestFile::new("options.yaml", "wait: 1\ntimeout: 60\njson: true\n");
    let program = Program::start(&["--config", file.name(), "--timeout", "0.1"]);
    let (code, text) = program.wait();
    assert_eq!(code, Some(3));
    assert!(text.contains("\"data\""), "{text}");
    let file = TestFile::new("wrong.yaml", "wait: 1\nspeed: 9\n");
    let output = run(&["--config", file.name()]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("line 2") && error.contains("speed"),
        "{error}"
    );
}

#[test]
fn wrong_arguments_and_addresses_have_code_2() {
    for arguments in [
        &["--speed"][..],
        &["--listen", "0.0.0.0"],
        &["--memory", "lots"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains("--help shows the usage"));
    }
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Exit codes:"));
}

#[test]
fn the_oldest_traces_leave_when_the_memory_is_full() {
    let program = Program::start(&["--memory", "64K"]);
    for trace in 1..=200 {
        send(&program, trace);
        program.wait_for_spans(2 * trace as u64);
    }
    let status = json(&program.status(|_| true));
    assert!(
        status["evicted"]["traces"].as_u64().unwrap() > 0,
        "{status}"
    );
    assert!(
        status["held"]["bytes"].as_u64().unwrap() <= 64 << 10,
        "{status}"
    );
    assert_eq!(get(program.page(), "/api/traces/1").status, 404);
    assert_eq!(
        get(program.page(), &format!("/api/traces/{:x}", 200)).status,
        200
    );
}

#[test]
#[cfg(unix)]
fn the_demo_is_a_trace_of_three_services_with_an_error() {
    let program = Program::start(&["--demo", "--json"]);
    program.wait_for_spans(8);
    program.terminate();
    let (code, text) = program.wait();
    assert_eq!(code, Some(0));
    let traces = json(&text)["data"].clone();
    assert_eq!(traces.as_array().unwrap().len(), 1);
    let services = ["shop", "stock", "bank"];
    assert!(services.iter().all(|service| text.contains(service)));
    let names = traces[0]["spans"].as_array().unwrap().iter();
    let mut names: Vec<_> = names
        .map(|span| span["operationName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let expected = [
        "POST /charges",
        "POST /charges",
        "POST /orders",
        "POST /reservations",
        "POST /reservations",
        "UPDATE shelf",
        "read cart",
        "score",
    ];
    assert_eq!(names, expected);
    assert!(text.contains("the card has expired"));
}
