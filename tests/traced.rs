//! The attribute `traced` on every kind of function that it takes.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::model::{Span as Finished, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{
    Config, InSpan, Span, SpanContext, ToContext, Tracer, current, current_ids, traced,
};

#[path = "traced/async_traits.rs"]
mod async_traits;
#[path = "traced/lints.rs"]
mod lints;

/// Runs a closure in a span of a new tracer, and returns what finished, without that span.
fn spans_of<R>(work: impl FnOnce() -> R) -> (R, Vec<Finished>) {
    let (result, mut spans) = spans_with_root(work);
    spans.retain(|span| span.operation_name != "root");
    (result, spans)
}

fn spans_with_root<R>(work: impl FnOnce() -> R) -> (R, Vec<Finished>) {
    let reporter = InMemoryReporter::new();
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config.agent(false).background(false);
    let tracer = config.reporter(reporter.clone()).build().unwrap();
    let result = tracer.start("root").in_scope(work);
    assert_eq!(current_ids(), None);
    tracer.flush(Duration::from_secs(20)).unwrap();
    assert_eq!(tracer.stats().open, 0, "every span has ended");
    (result, reporter.spans())
}

/// The sole span of a closure.
fn span_of<R>(work: impl FnOnce() -> R) -> (R, Finished) {
    let (result, mut spans) = spans_of(work);
    assert_eq!(spans.len(), 1, "{spans:?}");
    (result, spans.remove(0))
}

fn tags(span: &Finished) -> Vec<(&str, &TagValue)> {
    span.tags
        .iter()
        .filter(|tag| tag.key != "internal.span.format")
        .map(|tag| (tag.key.as_str(), &tag.value))
        .collect()
}

fn text(value: &str) -> TagValue {
    TagValue::String(value.into())
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a future until it is ready.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
}

/// Ready at the second poll.
async fn turn() {
    let mut waited = false;
    poll_fn(|_| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

fn sent<T: Send>(value: T) -> T {
    value
}

#[derive(Debug, PartialEq)]
struct Failed(u32);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed with {}", self.0)
    }
}

/// No `Error`, as errors that are responses.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl Error for Failed {}

#[traced]
fn plain(number: u32) -> u32 {
    current().tag("within", number);
    number + 1
}

#[traced]
async fn waits(number: u32) -> u32 {
    turn().await;
    current().tag("within", number);
    plain(number)
}

#[test]
fn a_function_has_a_span_of_its_name() {
    let (result, span) = span_of(|| plain(3));
    assert_eq!(result, 4);
    assert_eq!(span.operation_name, "plain");
    assert_eq!(tags(&span), [("within", &TagValue::Long(3))]);
}

#[test]
fn an_async_function_has_one_across_its_awaits() {
    let (result, spans) = spans_with_root(|| block_on(sent(waits(3))));
    assert_eq!(result, 4);
    let [plain, waits, root] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(waits.operation_name, "waits");
    assert_eq!(plain.parent_span_id, waits.span_id);
    assert_eq!(waits.parent_span_id, root.span_id);
    assert_eq!(tags(waits), [("within", &TagValue::Long(3))]);
}

#[test]
fn without_a_tracer_nothing_is_changed() {
    assert_eq!(plain(3), 4);
    assert_eq!(block_on(waits(3)), 4);
    assert_eq!(checked(7), Ok(7));
}

#[traced(name = "by name")]
fn named() {}

#[traced("literal")]
fn literal() {}

const CONSTANT: &str = "constant";

#[traced(name = CONSTANT)]
fn constant() {}

#[traced]
fn r#type(r#match: u32) -> u32 {
    r#match
}

#[test]
fn names_are_given_or_the_functions() {
    let (_, spans) = spans_of(|| {
        named();
        literal();
        constant();
        r#type(1);
    });
    let names: Vec<_> = spans.iter().map(|span| &*span.operation_name).collect();
    assert_eq!(names, ["by name", "literal", "constant", "type"]);
}

/// Has a text and no type that tags have.
struct Price(u32);

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cents", self.0)
    }
}

#[traced(fields(
    id, express, customer, note, weight, price, order.items = items.len(), rest = ?items, "a key" = 7,
    twice = %id + id, behind, r#type
))]
#[allow(clippy::too_many_arguments)]
fn fields(
    id: u64,
    express: bool,
    customer: &str,
    note: String,
    weight: Option<f64>,
    price: Price,
    items: Vec<u8>,
    behind: &u32,
    r#type: char,
) -> usize {
    drop((note, price));
    let _unused = (id, express, customer, weight, behind, r#type);
    items.len()
}

#[test]
fn fields_have_the_types_of_their_arguments() {
    let price = Price(3);
    let (_, span) = span_of(|| {
        fields(
            7,
            true,
            "c-3",
            "soft".into(),
            Some(0.5),
            price,
            vec![1, 2],
            &9,
            'x',
        )
    });
    assert_eq!(
        tags(&span),
        [
            ("id", &TagValue::Long(7)),
            ("express", &TagValue::Bool(true)),
            ("customer", &text("c-3")),
            ("note", &text("soft")),
            ("weight", &TagValue::Double(0.5)),
            ("price", &text("3 cents")),
            ("order.items", &TagValue::Long(2)),
            ("rest", &text("[1, 2]")),
            ("a key", &TagValue::Long(7)),
            ("twice", &text("14")),
            ("behind", &TagValue::Long(9)),
            ("type", &text("x")),
        ]
    );
}

#[traced(err, fields(value))]
fn checked(value: u32) -> Result<u32, Failed> {
    if value > 10 {
        return Err(Failed(value));
    }
    let parsed: u8 = "7".parse().map_err(|_| Failed(0))?;
    Ok(parsed.into())
}

#[traced(err, ret)]
async fn both(value: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
    turn().await;
    Ok(value.parse::<u32>()?)
}

#[traced(err(Debug))]
async fn by_debug() -> Result<(), Refused> {
    Err(Refused)
}

#[traced(err)]
fn by_text() -> Result<(), Refused> {
    Err(Refused)
}

fn fields_of_log(span: &Finished) -> Vec<(&str, &TagValue)> {
    let fields = span.logs[0].fields.iter();
    fields
        .map(|field| (field.key.as_str(), &field.value))
        .collect()
}

#[test]
fn errors_are_recorded_and_others_are_not() {
    let (result, span) = span_of(|| checked(11));
    assert_eq!(result, Err(Failed(11)));
    let expected = [
        ("value", &TagValue::Long(11)),
        ("error", &TagValue::Bool(true)),
    ];
    assert_eq!(tags(&span), expected);
    let log = fields_of_log(&span);
    assert_eq!(log[1].0, "error.kind");
    assert_eq!(log[2], ("message", &text("failed with 11")));

    let (result, span) = span_of(|| checked(1));
    assert_eq!(result, Ok(7));
    assert_eq!(tags(&span), [("value", &TagValue::Long(1))]);
    assert!(span.logs.is_empty());
}

#[test]
fn errors_without_the_trait_have_their_text() {
    for (work, expected) in [
        ((|| drop(by_text())) as fn(), "refused"),
        (|| drop(block_on(by_debug())), "Refused"),
        (
            || drop(block_on(both("x"))),
            "invalid digit found in string",
        ),
    ] {
        let ((), span) = span_of(work);
        assert_eq!(tags(&span), [("error", &TagValue::Bool(true))]);
        let log = fields_of_log(&span);
        assert!(log.contains(&("message", &text(expected))), "{log:?}");
    }
}

#[traced(ret)]
fn returned(value: u64) -> u64 {
    value
}

#[traced(ret(Debug))]
async fn returned_by_debug(value: u64) -> Option<u64> {
    Some(value)
}

#[test]
fn returned_values_are_a_tag() {
    let seven = TagValue::Long(7);
    assert_eq!(tags(&span_of(|| returned(7)).1), [("return", &seven)]);
    let (_, span) = span_of(|| block_on(returned_by_debug(7)));
    assert_eq!(tags(&span), [("return", &text("Some(7)"))]);
    let (_, span) = span_of(|| block_on(both("7")));
    assert_eq!(tags(&span), [("return", &seven)]);
}

#[traced(fields(sum = left + right, borrowed = &left), parent = if left > 0 { &None } else { &parent })]
fn with_expressions(left: u64, right: u64, parent: Option<SpanContext>) {
    drop(parent);
    let _used = (left, right);
}

#[test]
fn arguments_are_any_expressions() {
    let remote: SpanContext = "1f:2f:0:1".parse().unwrap();
    let given = Some(remote.clone());
    let (_, span) = span_of(|| with_expressions(0, 2, given));
    let expected = [
        ("sum", &TagValue::Long(2)),
        ("borrowed", &TagValue::Long(0)),
    ];
    assert_eq!(tags(&span), expected);
    assert_eq!(span.parent_span_id, remote.span_id());
    let (_, span) = span_of(|| with_expressions(1, 2, Some(remote)));
    assert!(span.parent_span_id.is_zero());
}

#[traced(parent = parent)]
fn with_parent(parent: Option<SpanContext>) {
    drop(parent);
}

#[traced(parent = &parent, fields(parent = %parent.span_id()))]
async fn with_parent_later(parent: SpanContext) {
    drop(parent);
}

#[test]
fn a_parent_may_be_given() {
    let remote: SpanContext = "1f:2f:0:1".parse().unwrap();
    let given = remote.clone();
    let (_, span) = span_of(|| with_parent(Some(given)));
    assert_eq!(span.parent_span_id, remote.span_id());
    let (_, span) = span_of(|| with_parent(None));
    assert!(span.parent_span_id.is_zero());
    let given = remote.clone();
    let (_, span) = span_of(|| block_on(with_parent_later(given)));
    assert_eq!(span.parent_span_id, remote.span_id());
}

#[traced(parent = request, fields(id = request.is_sampled()))]
fn of_span(request: &mut Span) {
    request.tag("written", true);
}

/// Nothing is active, and the global tracer is disabled.
#[test]
fn a_span_for_a_parent_brings_its_tracer() {
    let tracer = picojaeger_std::testing::TestTracer::new();
    let mut request = tracer.start("request");
    of_span(&mut request);
    drop(request);
    picojaeger_std::assert_trace!(tracer, "request | written\n  of_span | id=true");
    of_span(&mut Tracer::disabled().start("nothing"));
}

mod reexported {
    pub use picojaeger_std as tracing;
}

#[traced(crate = crate::reexported::tracing)]
fn by_another_path() {}

#[test]
fn the_crate_may_have_another_path() {
    assert_eq!(span_of(by_another_path).1.operation_name, "by_another_path");
}

struct Shop {
    name: String,
    stock: Vec<u32>,
}

#[allow(clippy::unused_async, reason = "as a trait may want it")]
impl Shop {
    #[traced(fields(shop = self.name))]
    fn first(&self) -> Option<&u32> {
        self.stock.first()
    }

    #[traced(err, fields(at))]
    fn of(&mut self, at: usize) -> Result<&mut u32, Failed> {
        let none = Failed(at as u32);
        self.stock.get_mut(at).ok_or(none)
    }

    #[traced(fields(shop = self.name))]
    async fn sum(&self, by: impl Fn(u32) -> u32) -> u32 {
        turn().await;
        self.stock.iter().map(|it| by(*it)).sum()
    }

    #[traced]
    async fn closed(self: Box<Self>) -> Vec<u32> {
        self.stock
    }

    #[traced]
    fn new() -> Self {
        let name = "corner".into();
        Shop {
            name,
            stock: vec![1, 2],
        }
    }
}

#[test]
fn methods_borrow_as_before() {
    let (sum, spans) = spans_of(|| {
        let mut shop = Shop::new();
        *shop.of(1).unwrap() = 5;
        assert_eq!(shop.first(), Some(&1));
        let sum = block_on(sent(shop.sum(|it| it * 2)));
        assert_eq!(block_on(Box::new(shop).closed()), [1, 5]);
        sum
    });
    assert_eq!(sum, 12);
    let names: Vec<_> = spans.iter().map(|span| &*span.operation_name).collect();
    assert_eq!(names, ["new", "of", "first", "sum", "closed"]);
    assert_eq!(tags(&spans[2]), [("shop", &text("corner"))]);
}

trait Stock {
    async fn count(&self, id: u64) -> Result<u32, Failed>;

    #[traced(fields(id))]
    async fn is_there(&self, id: u64) -> bool {
        self.count(id).await.is_ok()
    }
}

impl Stock for Shop {
    #[traced(err)]
    async fn count(&self, id: u64) -> Result<u32, Failed> {
        turn().await;
        let at = usize::try_from(id).unwrap();
        self.stock.get(at).copied().ok_or(Failed(404))
    }
}

#[test]
fn traits_have_async_functions() {
    let (_, spans) = spans_of(|| block_on(Shop::new().is_there(9)));
    let [_, count, is_there] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(count.parent_span_id, is_there.span_id);
    assert_eq!(tags(count), [("error", &TagValue::Bool(true))]);
    assert_eq!(tags(is_there), [("id", &TagValue::Long(9))]);
}

struct Path<T>(T);

#[traced(fields(order.id = id, name))]
async fn patterns(Path(id): Path<u64>, Shop { name, .. }: Shop, mut count: u32, _: ()) -> u64 {
    count += 1;
    turn().await;
    drop(name);
    id + u64::from(count)
}

#[traced(fields(left = %left))]
fn generic<'a, T, const N: usize>(left: &'a T, _right: [T; N]) -> &'a T
where
    T: fmt::Display + 'a,
{
    left
}

#[traced]
async fn shown(value: u32) -> impl fmt::Display + Send {
    format!("{value}")
}

#[traced]
fn counted(to: u32) -> impl Iterator<Item = u32> {
    0..to
}

#[traced(err)]
fn counted_or_failed(to: u32) -> Result<impl Iterator<Item = u32>, Failed> {
    (to > 0).then_some(0..to).ok_or(Failed(0))
}

#[test]
fn patterns_and_generics_are_kept() {
    let (sum, spans) = spans_of(|| {
        assert_eq!(*generic(&3, [4, 5]), 3);
        assert_eq!(block_on(sent(shown(7))).to_string(), "7");
        assert_eq!(counted(3).count(), 3);
        assert!(counted_or_failed(0).is_err());
        let mut shop = Shop::new();
        shop.name = "mall".into();
        block_on(sent(patterns(Path(7), shop, 1, ())))
    });
    assert_eq!(sum, 9);
    let last = spans.last().unwrap();
    let expected = [("order.id", &TagValue::Long(7)), ("name", &text("mall"))];
    assert_eq!(tags(last), expected);
}

#[traced(err, fields(id))]
fn block(id: u32) -> impl Future<Output = Result<u32, Failed>> + Send {
    async move {
        turn().await;
        current().tag("within", true);
        if id > 5 {
            return Err(Failed(id));
        }
        Ok(id)
    }
}

#[traced(fields(id))]
fn passed_on(id: u32) -> impl Future<Output = u32> {
    if id == 0 {
        return std::future::ready(0);
    }
    std::future::ready(id)
}

#[traced(ret)]
fn boxed(id: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    let doubled = id * 2;
    Box::pin(async move {
        turn().await;
        doubled
    })
}

#[traced(ret)]
fn boxed_elsewhere(id: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(waits(id))
}

#[test]
fn returned_futures_have_the_span() {
    let (result, span) = span_of(|| block_on(sent(block(7))));
    assert_eq!(result, Err(Failed(7)));
    let expected = [
        ("id", &TagValue::Long(7)),
        ("within", &TagValue::Bool(true)),
        ("error", &TagValue::Bool(true)),
    ];
    assert_eq!(tags(&span), expected);
    let (result, span) = span_of(|| block_on(passed_on(7)));
    assert_eq!((result, &*span.operation_name), (7, "passed_on"));
    assert_eq!(tags(&span), [("id", &TagValue::Long(7))]);
    let (result, span) = span_of(|| block_on(boxed(7)));
    assert_eq!((result, &*span.operation_name), (14, "boxed"));
    assert_eq!(tags(&span), [("return", &TagValue::Long(14))]);
    let (result, spans) = spans_of(|| block_on(boxed_elsewhere(7)));
    assert_eq!((result, spans.len()), (8, 3));
    assert_eq!(spans[1].parent_span_id, spans[2].span_id);
}

#[traced]
fn unwinds() -> u32 {
    panic!("caught")
}

#[traced(err)]
async fn unwinds_later() -> Result<(), Failed> {
    turn().await;
    panic!("caught")
}

#[traced]
async fn never() -> ! {
    loop {
        turn().await;
    }
}

#[test]
fn panics_and_cancellation_are_marked() {
    for work in [(|| assert_eq!(unwinds(), 0)) as fn(), || {
        drop(block_on(unwinds_later()))
    }] {
        let (_, span) = span_of(|| catch_unwind(AssertUnwindSafe(work)).unwrap_err());
        assert_eq!(tags(&span), [("error", &TagValue::Bool(true))]);
    }
    let (_, span) = span_of(|| assert!(poll(pin!(never())).is_pending()));
    assert_eq!(tags(&span), [("cancelled", &TagValue::Bool(true))]);
}

#[traced]
async fn converted(text: &str) -> Result<u8, Box<dyn Error>> {
    if text.is_empty() {
        return Err("empty".into());
    }
    Ok(text.parse()?)
}

#[traced]
unsafe fn with_contract(value: &u32) -> u32 {
    #![allow(unused_unsafe)]
    use std::ptr;
    // SAFETY: it is a reference.
    unsafe { ptr::read(value) }
}

#[test]
fn bodies_compile_as_before() {
    let (_, spans) = spans_of(|| {
        assert_eq!(block_on(converted("7")).unwrap(), 7);
        assert_eq!(block_on(converted("")).unwrap_err().to_string(), "empty");
        // SAFETY: it has no contract.
        assert_eq!(unsafe { with_contract(&7) }, 7);
    });
    assert_eq!(spans.len(), 3);
}

/// Functions that another macro writes, whose tokens are grouped in ways of their own.
macro_rules! function {
    ($name:ident, $kind:tt, $ty:ty, $value:expr, $body:block) => {
        #[traced(ret, fields(value = $value))]
        async fn $name() -> $ty $body

        mod $kind {
            use super::*;

            #[traced("within", ret)]
            pub fn $name() -> $ty $body

            #[traced("plain")]
            pub fn $kind() -> $ty $body
        }
    };
}

function!(made, by_macro, u64, 1 + 2, { 7 });

#[test]
fn functions_of_other_macros_are_traced() {
    let (_, spans) = spans_of(|| {
        assert_eq!(block_on(made()), 7);
        assert_eq!(by_macro::made() + by_macro::by_macro(), 14);
    });
    let names: Vec<_> = spans.iter().map(|span| &*span.operation_name).collect();
    assert_eq!(names, ["made", "within", "plain"]);
    let expected = [
        ("value", &TagValue::Long(3)),
        ("return", &TagValue::Long(7)),
    ];
    assert_eq!(tags(&spans[0]), expected);
}

/// The tracer of the active span starts spans, whatever the global one is.
#[test]
fn spans_follow_the_active_ones_tracer() {
    let (context, spans) = spans_with_root(|| {
        let root = current().to_context().unwrap();
        block_on(waits(1).in_span("task"));
        root
    });
    let task = spans.iter().find(|span| span.operation_name == "task");
    assert_eq!(task.unwrap().parent_span_id, context.span_id());
    let disabled = Tracer::disabled();
    disabled.start("nothing").in_scope(|| plain(1));
}
