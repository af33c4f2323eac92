//! The text of `--help`.

/// The help: options, output and exit codes.
pub(super) const HELP: &str = "\
Receives traces, keeps them in memory, and shows them on a page. For development and tests.

Usage:
  picojaeger-collector [OPTIONS]

Ports (0 takes a free one; without an option a default port that is taken is replaced by a free one):
  --port-udp-compact PORT  Jaeger's packets over UDP; default 6831
  --port-udp-binary PORT   the same; default 6832 (each of both takes either encoding)
  --port-thrift PORT       POST /api/traces, Thrift over HTTP; default 14268
  --port-otlp PORT         POST /v1/traces, OTLP over HTTP as protobuf or JSON; default 4318
  --port-sampling PORT     GET /sampling?service=NAME; default 5778
  --port-page PORT         the page and its queries; default 16686
  --port-relay PORT        frames of devices over TCP; default 6833

Options:
  --memory SIZE            hold at most this many bytes of traces, as 512K, 256M (default), 2G;
                           the oldest trace leaves first
  --max-body SIZE          refuse requests with a longer body, zipped or not; default 16M
  --sampling FILE          strategies in Jaeger's JSON, read again when the file changes;
                           without it each trace is sampled
  --import FILE            show the traces of a file first: Jaeger's JSON or OTLP JSON
  --demo                   send an example trace of three services, to see what the page shows
  --config FILE            read options from YAML, as `port-page: 0`; the command line has priority
  -h, --help               print this

Scripts:
  --wait TRACES            end when so many whole traces are there: the root has arrived,
                           and no span came since the time of --settle
  --timeout SECONDS        end with code 3 if --wait takes longer; default 30; --print, --json and
                           --export have then what did arrive
  --settle MS              the silence after which a trace is whole; default 200
  --print                  print each trace as a waterfall when it is whole, in the order of their last
                           spans, the others at the end; in colours on a terminal without NO_COLOR
  --json                   print all traces at the end, on one line, as Jaeger's JSON; in the order in
                           which they began to arrive
  --export FILE            write all traces at the end: Jaeger's JSON, or OTLP JSON if the name
                           ends with .otlp.json

Other machines:
  --listen ADDRESS         listen on this IP address instead of 127.0.0.1; any other than one of
                           the loopback needs --public
  --public                 allow other machines: HTTP needs the token, which the page's address
                           carries and clients send as `Authorization: Bearer TOKEN`;
                           UDP, the relay's port and sampling take no token
  --token-file FILE        read the token from a file instead of making one
  --allow-host NAME        answer requests to this host name too; may be repeated

Output:
  Standard error has one line with the addresses first, then warnings; standard output has only
  what --print and --json ask for.

Exit codes:
  0  ended by --wait; without --wait by SIGINT, SIGTERM, or as the reader of --print is gone
  1  a port, file or address cannot be used
  2  wrong arguments, or a place of --export that cannot be written
  3  ended by --timeout, a signal or a reader that is gone before the traces of --wait had come

Examples:
  picojaeger-collector
  picojaeger-collector --demo
  picojaeger-collector --wait 1 --timeout 10 --json > traces.json
  picojaeger-collector --listen 0.0.0.0 --public --allow-host build.example.com
";
