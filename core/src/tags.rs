//! Names and values of OpenTracing's standard tags and log fields.
//!
//! Source: OpenTracing's semantic conventions, version 1.1.

/// The library, framework or module that made the span.
pub const COMPONENT: &str = "component";
/// The name of the database instance.
pub const DB_INSTANCE: &str = "db.instance";
/// The statement sent to the database.
pub const DB_STATEMENT: &str = "db.statement";
/// The kind of database, `sql` or a product's name.
pub const DB_TYPE: &str = "db.type";
/// The user of the database.
pub const DB_USER: &str = "db.user";
/// A boolean: the operation failed.
pub const ERROR: &str = "error";
/// The request's method.
pub const HTTP_METHOD: &str = "http.method";
/// The response's status, an integer.
pub const HTTP_STATUS_CODE: &str = "http.status_code";
/// The request's URL.
pub const HTTP_URL: &str = "http.url";
/// The address at which messages are exchanged.
pub const MESSAGE_BUS_DESTINATION: &str = "message_bus.destination";
/// The peer's address in the form its network uses.
pub const PEER_ADDRESS: &str = "peer.address";
/// The peer's host name.
pub const PEER_HOSTNAME: &str = "peer.hostname";
/// The peer's IPv4 address.
pub const PEER_IPV4: &str = "peer.ipv4";
/// The peer's IPv6 address.
pub const PEER_IPV6: &str = "peer.ipv6";
/// The peer's port, an integer.
pub const PEER_PORT: &str = "peer.port";
/// The peer's service name.
pub const PEER_SERVICE: &str = "peer.service";
/// The parameter of the sampler that sampled a root span, such as a probability.
pub const SAMPLER_PARAM: &str = "sampler.param";
/// The type of the sampler that sampled a root span.
pub const SAMPLER_TYPE: &str = "sampler.type";
/// An integer: above 0 the trace is sampled, 0 it is not.
pub const SAMPLING_PRIORITY: &str = "sampling.priority";
/// The span's part in a call: one of the `SPAN_KIND_…` values.
pub const SPAN_KIND: &str = "span.kind";
/// Value of [`SPAN_KIND`]: calls another service.
pub const SPAN_KIND_CLIENT: &str = "client";
/// Value of [`SPAN_KIND`]: receives a message.
pub const SPAN_KIND_CONSUMER: &str = "consumer";
/// Value of [`SPAN_KIND`]: sends a message.
pub const SPAN_KIND_PRODUCER: &str = "producer";
/// Value of [`SPAN_KIND`]: serves a call.
pub const SPAN_KIND_SERVER: &str = "server";

/// Log field: the kind of error, with event `error`.
pub const ERROR_KIND: &str = "error.kind";
/// Log field: the error itself.
pub const ERROR_OBJECT: &str = "error.object";
/// Log field: what happened, a stable short name.
pub const EVENT: &str = "event";
/// Value of [`EVENT`] in the log that stands for those that a limit of logs dropped.
pub const DROPPED_LOGS: &str = "dropped Span logs";
/// Log field behind [`DROPPED_LOGS`]: their number.
pub const DROPPED_LOG_COUNT: &str = "dropped_log_count";
/// Log field: a text for people.
pub const MESSAGE: &str = "message";
/// Log field: a stack trace.
pub const STACK: &str = "stack";

/// The id by which a caller can find the trace, from the header of this name.
pub const JAEGER_DEBUG_ID: &str = "jaeger-debug-id";
/// A boolean: the span had not finished when it was sent; it is sent again when it has.
pub const UNFINISHED: &str = "picojaeger.unfinished";
/// A boolean: the future of the span was dropped before it was ready.
pub const CANCELLED: &str = "cancelled";
/// A boolean: the span became sampled after its start, so it starts later than the work.
pub const SAMPLED_LATE: &str = "picojaeger.sampled_late";
/// An integer: the microseconds from a task's wake-up to its poll.
pub const TASK_READY: &str = "task.ready_us";
