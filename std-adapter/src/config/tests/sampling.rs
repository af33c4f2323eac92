//! The remote sampler: when it is chosen, and its settings.

use super::*;

/// The settings of a file with these keys below `sampler` and at the top, and of variables.
fn read(sampler: &str, top: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let yaml = format!("service_name: s\n{top}\nsampler: {{{sampler}}}");
    Config::from_yaml_str("t.yaml", &yaml)
        .and_then(|config| config.with_variables(variables.iter().copied()))
        .and_then(|config| config.resolve())
}

fn read_error(sampler: &str, variables: &[(&str, &str)]) -> String {
    read(sampler, "", variables).expect_err(sampler).to_string()
}

#[test]
fn all_spellings_reach_their_setting() {
    type Check = fn(&Settings) -> bool;
    let server: Check = |s| s.sampling.server_url == "http://h:7";
    let refresh: Check = |s| s.sampling.refresh_interval == Duration::from_millis(1500);
    let operations: Check = |s| s.sampling.max_operations == 7;
    let late: Check = |s| s.sampling.late_binding;
    let cases: &[(&str, &str, Check)] = &[
        ("server_url: 'http://h:7'", "", server),
        ("server_url: 'h:7'", "", server),
        ("samplingServerURL: 'http://h:7'", "", server),
        ("hostPort: 'h:7'", "", server),
        ("host: h, port: 7", "", server),
        ("host: '::1', port: 7", "", |s| {
            s.sampling.server_url == "http://[::1]:7"
        }),
        ("", "agent_host: h\nlocal_agent: {sampling_port: 7}", server),
        ("host: h, port: 7, samplingPath: /a", "", |s| {
            s.sampling.server_url == "http://h:7/a"
        }),
        ("hostPort: 'h:7', samplingPath: a/b", "", |s| {
            s.sampling.server_url == "http://h:7/a/b"
        }),
        ("hostPort: 'h:7/b', samplingPath: a", "", |s| {
            s.sampling.server_url == "http://h:7/b"
        }),
        ("refresh_interval: 1500ms", "", refresh),
        ("samplingRefreshInterval: 1500ms", "", refresh),
        ("samplingrefreshinterval: 1500ms", "", refresh),
        ("refreshIntervalMs: 1500", "", refresh),
        ("", "sampling_refresh_interval: 1.5", refresh),
        ("max_operations: 7", "", operations),
        ("maxOperations: 7", "", operations),
        ("", "max_operations: 7", operations),
        ("late_binding: yes", "", late),
        ("operationNameLateBinding: true", "", late),
        ("first_fetch_timeout: 2s", "", |s| {
            s.sampling.first_fetch_timeout == Some(Duration::from_secs(2))
        }),
    ];
    let settings =
        |sampler: &str, top| read(&format!("type: const, param: 1, {sampler}"), top, &[]).unwrap();
    let defaults = settings("", "");
    for (sampler, top, check) in cases {
        assert!(!check(&defaults), "{sampler} {top} proves nothing");
        assert!(check(&settings(sampler, top)), "{sampler} {top}");
    }
}

#[test]
fn all_variables_reach_their_setting() {
    type Check = fn(&Settings) -> bool;
    let server: Check = |s| s.sampling.server_url == "http://h:7";
    let cases: &[(&[(&str, &str)], Check)] = &[
        (&[("JAEGER_SAMPLING_ENDPOINT", "http://h:7")], server),
        (&[("JAEGER_SAMPLER_MANAGER_HOST_PORT", "h:7")], server),
        (
            &[("JAEGER_SAMPLER_HOST", "h"), ("JAEGER_SAMPLER_PORT", "7")],
            server,
        ),
        (
            &[("JAEGER_AGENT_HOST", "h"), ("JAEGER_SAMPLER_PORT", "7")],
            server,
        ),
        (
            &[
                ("JAEGER_SAMPLING_ENDPOINT", "h:7"),
                ("JAEGER_SAMPLER_SAMPLING_PATH", "/a"),
            ],
            |s| s.sampling.server_url == "http://h:7/a",
        ),
        (&[("JAEGER_SAMPLER_MAX_OPERATIONS", "7")], |s| {
            s.sampling.max_operations == 7
        }),
        (&[("JAEGER_SAMPLER_REFRESH_INTERVAL", "1500")], |s| {
            s.sampling.refresh_interval == Duration::from_millis(1500)
        }),
    ];
    let settings = |variables| read("type: const, param: 1", "", variables).unwrap();
    let defaults = settings(&[]);
    for (variables, check) in cases {
        assert!(!check(&defaults), "{variables:?} proves nothing");
        assert!(check(&settings(variables)), "{variables:?}");
    }
    let link = [("JAEGER_SAMPLER_PORT", "tcp://10.0.0.1:5778")];
    assert_eq!(settings(&link), defaults);
}

#[cfg(feature = "http")]
#[test]
fn the_remote_sampler_is_chosen_by_name_and_where_none_is_named() {
    const KIND: &str = "JAEGER_SAMPLER_TYPE";
    const PARAM: &str = "JAEGER_SAMPLER_PARAM";
    type Variables<'v> = &'v [(&'v str, &'v str)];
    let cases: &[(&str, Variables<'_>, f64)] = &[
        ("", &[], 0.001),
        ("type: remote", &[], 0.001),
        ("type: Remote, param: 0.5", &[], 0.5),
        ("param: 1", &[], 1.0),
        ("", &[(KIND, "remote")], 0.001),
        ("", &[(PARAM, "0.25")], 0.25),
        ("type: const, param: 1", &[(KIND, "remote")], 0.001),
        ("type: remote, param: 0.5", &[(PARAM, "0")], 0.0),
    ];
    for (sampler, variables, initial) in cases {
        let found = read(sampler, "", variables).unwrap().sampler;
        assert_eq!(found, Sampler::Remote(*initial), "{sampler} {variables:?}");
    }
    let code = Config::new("s").resolve().unwrap();
    assert_eq!(code.sampler, Sampler::Remote(0.001));
    assert_eq!(
        read_error("type: remote, param: 2", &[]),
        "t.yaml:3:32: `sampler.param: 2`: not a probability; use 0 to 1 for a remote sampler, until \
         its server answers"
    );
    assert_eq!(
        read_error("type: remote, param: yes", &[]),
        "t.yaml:3:32: `sampler.param: true`: not a number; use a number for this type of sampler"
    );
}

#[cfg(feature = "http")]
#[test]
fn the_remote_sampler_needs_a_thread() {
    let error = Config::new("s").background(false).resolve().unwrap_err();
    assert_eq!(
        error.to_string(),
        "Config::background: the remote sampler asks its server on a thread of its own; choose \
         another sampler, or allow threads"
    );
}

#[cfg(not(feature = "http"))]
#[test]
fn the_remote_sampler_needs_a_feature() {
    let named = read_error("type: remote", &[]);
    assert!(named.contains("the feature `http`"), "{named}");
    let missing = read_error("", &[]);
    assert!(missing.contains("the feature `http`"), "{missing}");
    let code = Config::new("s").sampler(Sampler::Remote(0.5)).resolve();
    let code = code.unwrap_err().to_string();
    assert!(code.contains("the feature `http`"), "{code}");
}

#[test]
fn odd_servers_are_refused() {
    for url in [
        "",
        "http://",
        "ftp://h",
        #[cfg(not(feature = "tls"))]
        "https://h:5778",
        "http://user:hunter2@h",
        "http://h:0",
        "http://h:port",
        "http://h:70000",
        "http://a b",
        "http://h/a b",
        "http://h/#a",
        "http://::1",
        "${HOST}:5778",
    ] {
        let config = Config::new("s").sampler(Sampler::Const(true));
        let error = config.sampling_endpoint(url).resolve();
        assert!(error.is_err(), "{url}");
    }
    for url in [
        "h",
        "h:1",
        "http://[::1]",
        "[::1]:5778",
        "http://h/a?b=c",
        "10.0.0.1:1/",
    ] {
        let config = Config::new("s").sampler(Sampler::Const(true));
        let settings = config.sampling_endpoint(url).resolve();
        assert!(settings.is_ok(), "{url}: {settings:?}");
    }
}

#[test]
fn code_reaches_its_settings_and_is_checked() {
    let config = || Config::new("s").sampler(Sampler::Const(true));
    let second = Duration::from_secs(1);
    let changed = config()
        .sampling_endpoint("h:7")
        .sampling_refresh_interval(second)
        .max_operations(7)
        .operation_name_late_binding(true)
        .sampling_first_fetch(second);
    let expected = SamplingSettings {
        server_url: "http://h:7".into(),
        refresh_interval: second,
        max_operations: 7,
        late_binding: true,
        first_fetch_timeout: Some(second),
    };
    assert_eq!(changed.resolve().unwrap().sampling, expected);
    for (config, text) in [
        (
            config().max_operations(0),
            "Config::max_operations(0): out of range; use 1 to 100000 operations",
        ),
        (
            config().sampling_refresh_interval(Duration::ZERO),
            "Config::sampling_refresh_interval(0ns): out of range; use 1 millisecond to 1 day",
        ),
        (
            config().sampling_first_fetch(Duration::ZERO),
            "Config::sampling_first_fetch(0ns): out of range; use 1 millisecond to 1 day",
        ),
    ] {
        assert_eq!(config.resolve().unwrap_err().to_string(), text);
    }
}
