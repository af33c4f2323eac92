//! Trees, places and errors of YAML texts.

use super::*;
use crate::config::source::untyped_value::Value;

fn tree(text: &str) -> Value {
    parse(text)
        .unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
        .value
}

fn pairs(value: Value) -> Vec<(String, Node)> {
    match value {
        Value::Map(pairs) => pairs
            .into_iter()
            .map(|(key, node)| (key.text, node))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn only(text: &str) -> Value {
    pairs(tree(text)).remove(0).1.value
}

fn text(word: &str) -> Value {
    Value::Text(word.into())
}

/// The error of a text, as `line:column: message`.
fn error(text: &str) -> String {
    match parse(text) {
        Ok(node) => panic!("{text}: {node:?}"),
        Err(Fault { place, message }) => format!("{}:{}: {message}", place.line, place.column),
    }
}

/// The tree as text on one line, with the places of scalars.
fn with_places(node: &Node) -> String {
    let Place { line, column } = node.place;
    match &node.value {
        Value::Integer(number) => format!("{number}@{line}:{column}"),
        Value::Text(text) => format!("{text}@{line}:{column}"),
        Value::List(nodes) => {
            let nodes: Vec<_> = nodes.iter().map(with_places).collect();
            format!("[{}]", nodes.join(" "))
        }
        Value::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, node)| {
                let Place { line, column } = key.place;
                format!("{}@{line}:{column}={}", key.text, with_places(node))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(" "))
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn scalars_have_pyyaml_types() {
    let cases = [
        ("k:", Value::Null),
        ("k: ~", Value::Null),
        ("k: NULL", Value::Null),
        ("k: nULL", text("nULL")),
        ("k: 'null'", text("null")),
        ("k: true", Value::Bool(true)),
        ("k: FALSE", Value::Bool(false)),
        ("k: yes", Value::Bool(true)),
        ("k: Off", Value::Bool(false)),
        ("k: &a on", Value::Bool(true)),
        ("é: yes", Value::Bool(true)),
        ("k: y", text("y")),
        ("k: yEs", text("yEs")),
        ("k: 'yes'", text("yes")),
        ("k: \"no\"", text("no")),
        ("k: |-\n  on", text("on")),
        ("k: >\n  a\n  b\n", text("a b")),
        ("k: '  a\tb '", text("a\tb")),
        ("k: 127.0.0.1", text("127.0.0.1")),
        ("\u{feff}k: a", text("a")),
    ];
    for (yaml, value) in cases {
        assert_eq!(only(yaml), value, "{yaml}");
        assert_eq!(only(&yaml.replace('\n', "\r\n")), value, "{yaml}");
    }
}

#[test]
fn numbers_are_those_that_all_clients_read_alike() {
    let integer = |number: i128| Value::Integer(number);
    let cases = [
        ("12", integer(12)),
        ("-3", integer(-3)),
        ("+1", integer(1)),
        ("-0", integer(0)),
        ("0x1F", integer(31)),
        ("-0X1a", integer(-26)),
        ("0o17", integer(15)),
        ("0b11", integer(3)),
        ("9223372036854775808", integer(1 << 63)),
        ("-9223372036854775808", integer(-(1 << 63))),
        ("18446744073709551615", integer((1 << 64) - 1)),
        (
            "18446744073709551616",
            Value::Float(18_446_744_073_709_551_616.0),
        ),
        (
            "-9223372036854775809",
            Value::Float(-9_223_372_036_854_775_809.0),
        ),
        (
            "0xffffffffffffffffffffffffffffffffff",
            text("0xffffffffffffffffffffffffffffffffff"),
        ),
        ("0.5", Value::Float(0.5)),
        ("1e3", Value::Float(1_000.0)),
        (".5", Value::Float(0.5)),
        ("1.", Value::Float(1.0)),
        ("1e999", Value::Float(f64::INFINITY)),
        (".inf", Value::Float(f64::INFINITY)),
        ("-.INF", Value::Float(f64::NEG_INFINITY)),
    ];
    for (word, value) in cases {
        assert_eq!(only(&format!("k: {word}")), value, "{word}");
        assert_eq!(only(&format!("k: '{word}'")), text(word), "{word}");
    }
    assert!(matches!(only("k: .NaN"), Value::Float(x) if x.is_nan()));
    for word in [
        "0755", "-01", "1_000", "0x_1", "0x", "0o8", "0b2", "--1", "+-1", "+", ".", "1e", "e5",
        "inf", "nan", "NaN", ".iNF", "1s", "1.2.3", "12:30",
    ] {
        assert_eq!(only(&format!("k: {word}")), text(word), "{word}");
    }
}

#[test]
fn tags_give_types() {
    let cases = [
        ("!!str yes", text("yes")),
        ("!!str", text("")),
        ("! 5", text("5")),
        ("!<tag:yaml.org,2002:str> 5", text("5")),
        ("!!int '0x10'", Value::Integer(16)),
        ("!int 1_000", Value::Integer(1_000)),
        ("!!float 5", Value::Float(5.0)),
        ("!!bool 'off'", Value::Bool(false)),
        ("!!null x", Value::Null),
        ("!of-another-program 5", Value::Integer(5)),
        ("!of-another-program", Value::Null),
        ("!!set yes", Value::Bool(true)),
    ];
    for (yaml, value) in cases {
        assert_eq!(only(&format!("k: {yaml}")), value, "{yaml}");
    }
    for yaml in ["!!seq []", "! []", "!other []"] {
        assert_eq!(
            only(&format!("k: {yaml}")),
            Value::List(Vec::new()),
            "{yaml}"
        );
    }
    assert_eq!(only("k: !!map {}"), Value::Map(Vec::new()));
    for (yaml, message) in [
        ("!!int x", "10: not a whole number"),
        ("!!float x", "12: not a number"),
        ("!!bool y", "11: not a boolean"),
        (
            "!!timestamp 2001-01-01",
            "16: the tag !!timestamp has no meaning here",
        ),
        (
            "!!binary aGVsbG8=",
            "13: the tag !!binary has no meaning here",
        ),
        ("!!map 5", "10: the tag !!map has no meaning here"),
        ("!!map []", "10: the tag !!map has no meaning here"),
        ("!!str []", "10: the tag !!str has no meaning here"),
    ] {
        let error = error(&format!("k: {yaml}"));
        assert!(
            error.starts_with(&format!("1:{message}")),
            "{yaml}: {error}"
        );
    }
}

#[test]
fn keys_are_text() {
    let yaml = "1: a\n0x1: b\nyes: c\n'null': d\n'': e\n!!str ~: f\n!x 2: g\n'<<': h";
    let pairs = pairs(tree(yaml));
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["1", "0x1", "yes", "null", "", "~", "2", "<<"]);
    for (yaml, message) in [
        ("a: 1\n~: 2", "2:1: a key that is not text"),
        (": 1", "1:1: a key that is not text"),
        ("!!int 1: a", "1:7: a key that is not text"),
        ("[1, 2]: a", "1:1: a list or map as a key"),
        ("? {a: 1}\n: b", "1:3: a list or map as a key"),
    ] {
        assert!(error(yaml).starts_with(message), "{yaml}: {}", error(yaml));
    }
}

#[test]
fn places_count_lines_and_columns_from_one() {
    let node = parse("# note\na:\n    b: 1\n    é: ['x', y]\n").unwrap();
    let expected = "{a@2:1={b@3:5=1@3:8 é@4:5=[x@4:9 y@4:14]}}";
    assert_eq!(with_places(&node), expected);
}

#[test]
fn duplicates_stay_and_an_empty_file_is_null() {
    assert_eq!(pairs(tree("a: 1\na: 2")).len(), 2);
    for empty in [
        "",
        "# nothing\n",
        "---\n",
        "\u{feff}",
        "---\n...\n# end",
        "\t",
    ] {
        assert_eq!(tree(empty), Value::Null, "{empty:?}");
    }
}

#[test]
fn an_alias_has_its_own_place() {
    let node = parse("&k a: &x {p: 1, q: [2]}\nb: *x\n*k : c\nd: &y [*x]\ne: *y").unwrap();
    let expected = "{a@1:4={p@1:11=1@1:14 q@1:17=[2@1:21]} \
                    b@2:1={p@2:4=1@2:4 q@2:4=[2@2:4]} a@3:1=c@3:6 \
                    d@4:1=[{p@4:8=1@4:8 q@4:8=[2@4:8]}] e@5:1=[{p@5:4=1@5:4 q@5:4=[2@5:4]}]}";
    assert_eq!(with_places(&node), expected);
}

#[test]
fn merged_keys_come_last_and_never_replace() {
    let base = "m: &m {x: 1, y: 2}\nn: &n {x: 3, z: 4}\nk: ";
    for (map, expected) in [
        ("{<<: *m, x: 9}", "x=9 y=2"),
        ("{x: 9, <<: *m}", "x=9 y=2"),
        ("{<<: [*m, *n]}", "x=1 y=2 z=4"),
        ("{<<: [*n, *m]}", "x=3 z=4 y=2"),
        ("{<<: *n, <<: *m}", "x=3 z=4 y=2"),
        ("{<<: [[*n], ~], w: 0}", "w=0 x=3 z=4"),
        ("{<<: {<<: *m, x: 5}}", "x=5 y=2"),
        ("{<<: ~, x: 1}", "x=1"),
        ("{!!merge <<: *m}", "x=1 y=2"),
        ("{a: 1, a: 2, <<: {a: 3}}", "a=1 a=2"),
    ] {
        let value = pairs(tree(&format!("{base}{map}"))).remove(2).1.value;
        let numbers = pairs(value)
            .into_iter()
            .map(|(name, node)| match node.value {
                Value::Integer(number) => format!("{name}={number}"),
                other => panic!("{map}: {name}: {other:?}"),
            });
        assert_eq!(numbers.collect::<Vec<_>>().join(" "), expected, "{map}");
    }
    for map in ["{'<<': {x: 1}}", "{!!str <<: {x: 1}}", "{!x <<: {x: 1}}"] {
        assert_eq!(pairs(tree(map)).remove(0).0, "<<", "{map}");
    }
    let places = parse("m: &m {x: 1}\nk:\n  <<: *m\n  <<: {y: 2}").unwrap();
    assert_eq!(
        with_places(&places),
        "{m@1:1={x@1:8=1@1:11} k@2:1={x@3:7=1@3:7 y@4:8=2@4:11}}"
    );
    for (yaml, place) in [("<<: 5", "1:5"), ("<<: [{}, 1]", "1:10"), ("<<: ''", "1:5")] {
        let error = error(yaml);
        assert!(
            error.starts_with(&format!("{place}: not a map behind `<<`")),
            "{error}"
        );
    }
}

#[test]
fn a_second_document_is_refused() {
    assert!(parse("---\na: 1\n...\n").is_ok());
    for (yaml, place) in [
        ("a: 1\n---\nb: 2", "2:1"),
        ("a: 1\n---\n", "2:1"),
        ("a\n...\nb", "3:1"),
    ] {
        assert_eq!(
            error(yaml),
            format!("{place}: a second document; use one file for each")
        );
    }
}

/// The text is good with `most` of the parts, and an error with one more.
fn assert_limit(most: usize, text: impl Fn(usize) -> String, message: &str) {
    assert!(
        parse(&text(most)).is_ok(),
        "{message}: {:?}",
        parse(&text(most)).err()
    );
    let error = error(&text(most + 1));
    assert!(error.ends_with(message), "{error}");
}

#[test]
fn what_a_file_may_hold_is_limited() {
    assert_limit(16 << 10, |n| "x".repeat(n), ": a text of more than 16 KiB");
    assert_limit(16 << 10, |n| format!("a: '{}'", "9".repeat(n)), "16 KiB");
    // The list is a value too.
    let list = |n| format!("[{}]", "1,".repeat(n));
    assert_limit(MAX_NODES - 1, list, ": more than 20,000 keys and values");
    let block = |n| {
        let line = |depth| format!("{}a:\n", " ".repeat(depth));
        (0..n).map(line).collect::<String>()
    };
    assert_limit(MAX_DEPTH, block, TOO_DEEP);
    let flow = |n| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert_limit(MAX_DEPTH, flow, TOO_DEEP);
    let both = |n: usize| format!("- - - [{}]", flow(n - 4));
    assert_limit(MAX_DEPTH, both, TOO_DEEP);
    assert_limit(100, |n| "- &x 1\n".repeat(n), ": more than 100 anchors");
    assert_limit(
        100,
        |n| format!("- &x 1\n{}", "- *x\n".repeat(n)),
        ": more than 100 aliases",
    );
    let merges = |n| "<<: {}\n".repeat(n);
    assert_limit(100, merges, ": more than 100 merge keys");
}

#[test]
fn what_aliases_stand_for_is_limited() {
    const MESSAGE: &str = ": aliases that stand for more than 1,000 values or 1 MiB";
    // A list of 18 values has a start and an end besides.
    let lists = |n| format!("- &x [{}]\n{}", "1,".repeat(18), "- *x\n".repeat(n));
    assert_limit(50, lists, MESSAGE);
    let texts = |n| format!("- &x {}\n{}", "x".repeat(16 << 10), "- *x\n".repeat(n));
    assert_limit(64, texts, MESSAGE);
    let bomb = (1..9).fold(String::from("a0: &a0 [x]\n"), |text, level| {
        let below = format!("*a{},", level - 1).repeat(9);
        format!("{text}a{level}: &a{level} [{below}]\n")
    });
    assert!(error(&bomb).ends_with(MESSAGE), "{}", error(&bomb));
    // Each level is one deeper where it is used than where it is defined.
    let deep = |n| {
        let level = |level| format!("a{level}: &a{level} [*a{}]\n", level - 1);
        let levels: String = (1..n).map(level).collect();
        format!("a0: &a0 x\n{levels}")
    };
    assert_limit(MAX_DEPTH, deep, TOO_DEEP);
}

#[test]
fn an_alias_needs_a_whole_node_before_it() {
    for (yaml, message) in [
        ("a: *x", "1:4: an alias without an anchor"),
        ("a: *x\nb: &x 1", "1:4: an alias without an anchor"),
        ("&a [1, *a]", "1:8: an alias within the list or map"),
        ("a: &a {<<: *a}", "1:12: an alias within the list or map"),
        ("&a {b: [*a : 1]}", "1:9: an alias within the list or map"),
    ] {
        assert!(error(yaml).starts_with(message), "{yaml}: {}", error(yaml));
    }
}
