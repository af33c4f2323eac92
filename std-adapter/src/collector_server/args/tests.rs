//! Command lines, right and wrong.

use super::super::help::HELP;
use super::*;

fn parse(line: &str) -> Result<Args, String> {
    let arguments = line.split_whitespace().map(OsString::from);
    match Command::parse(arguments).map_err(|error| error.to_string())? {
        Command::Run(args) => Ok(*args),
        Command::Help => Err("help".to_owned()),
    }
}

#[test]
fn the_help_names_each_option() {
    assert_eq!(parse("--help"), parse("-h"));
    for option in [
        "port-udp-compact",
        "port-udp-binary",
        "port-thrift",
        "port-otlp",
        "port-sampling",
        "port-page",
        "port-relay",
        "memory",
        "max-body",
        "sampling",
        "import",
        "config",
        "demo",
        "wait",
        "timeout",
        "settle",
        "print",
        "json",
        "export",
        "listen",
        "public",
        "token-file",
        "allow-host",
    ] {
        assert!(HELP.contains(&format!("\n  --{option} ")), "{option}");
    }
}

#[test]
fn without_arguments_it_listens_on_the_loopback_only() {
    let args = parse("").unwrap();
    assert_eq!(args.listen, Ipv4Addr::LOCALHOST);
    assert_eq!((args.memory, args.max_body), (256 << 20, 16 << 20));
    assert!(!args.needs_token);
    assert_eq!(args.ports, NamedPorts::default());
}

#[test]
fn other_machines_are_let_in_by_a_flag_and_with_a_token() {
    for address in ["0.0.0.0", "192.0.2.7", "::"] {
        let error = parse(&format!("--listen {address}")).unwrap_err();
        assert!(error.contains("--public"), "{error}");
        assert!(
            parse(&format!("--listen {address} --public"))
                .unwrap()
                .needs_token
        );
    }
    assert!(!parse("--listen ::1").unwrap().needs_token);
    assert!(parse("--token-file f").unwrap().needs_token);
}

#[test]
fn options_have_values() {
    let args = parse(
        "--port-page 0 --memory 2M --wait 3 --timeout 1.5 --settle 7 --json --print \
         --export e --import i --sampling s --allow-host a --allow-host b",
    )
    .unwrap();
    assert_eq!(
        (args.ports.page, args.memory, args.wait),
        (Some(0), 2 << 20, Some(3))
    );
    assert_eq!(args.timeout, Duration::from_millis(1_500));
    assert_eq!(args.settle, Duration::from_millis(7));
    assert_eq!(args.allow_host, ["a", "b"]);
    assert!(args.json && args.print);
    assert_eq!(parse("--memory 65536").unwrap().memory, 65_536);
}

#[test]
fn wrong_arguments_say_what_is_right() {
    for (line, text) in [
        ("--memory 12x", "--memory `12x` is not a size"),
        ("--memory 1K", "at least 64K"),
        ("--memory 99999999999999999999G", "is not a size"),
        ("--timeout -1", "--timeout `-1` is not a number of seconds"),
        ("--timeout NaN", "not a number of seconds"),
        (
            "--port-page 70000",
            "--port-page `70000` is not a port: a number from 0",
        ),
        ("--port-otlp web", "--port-otlp `web` is not a port"),
        ("--wait all", "--wait `all` is not a whole number"),
        ("--settle -1", "--settle `-1` is not a whole number"),
        (
            "--listen localhost",
            "--listen `localhost` is not an IP address",
        ),
        ("--public", "--public needs --listen"),
        ("--listen ::1 --public", "no other machine reaches ::1"),
        (
            "--allow-host http://a/",
            "is not a host name, as build.example.com",
        ),
        ("--allow-host=", "is not a host name"),
        (
            "--port-otlp 9 --port-page 9",
            "--port-otlp and --port-page are both 9: name another",
        ),
        ("--port-udp-compact 9 --port-udp-binary 9", "are both 9"),
        ("--speed 9", "invalid option '--speed'"),
        ("file", "unexpected argument"),
        ("--wait", "missing argument"),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.contains(text), "{line}: {error}");
    }
}

#[test]
fn a_port_may_be_named_twice_where_sockets_differ() {
    let args = parse("--port-udp-compact 9 --port-page 9 --port-otlp 0 --port-relay 0").unwrap();
    assert_eq!((args.ports.page, args.ports.otlp), (Some(9), Some(0)));
}
