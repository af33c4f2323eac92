//! Any calls of a server's tracer leave counts that add up, and packets that can be read.
#![no_main]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use picojaeger_fuzz::{AnyKey, AnyValue, Outcome, Pair, assert_prints, pairs};
use picojaeger_std::collector::decode;
use picojaeger_std::config::Sampler;
use picojaeger_std::transport::{FaultInjector, Recorder};
use picojaeger_std::{
    Config, Scope, SendOutcome, Span, SpanBuilder, SpanContext, TimeSource, Tracer,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    settings: Settings,
    /// Outcomes of the first packets; later ones are accepted.
    outcomes: Vec<Option<Outcome>>,
    calls: Vec<Call<'a>>,
}

#[derive(Arbitrary, Debug)]
struct Settings {
    sampler: AnySampler,
    wide_ids: bool,
    packet: u16,
    longest_value: u16,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum AnySampler {
    Const(bool),
    Half,
    Rate(u8),
}

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Start(AnyKey<'a>),
    Build(Start<'a>),
    /// Starts spans and keeps them open, or finishes them.
    Burst {
        count: u8,
        area: u8,
        finish: bool,
    },
    Tag {
        span: u8,
        key: AnyKey<'a>,
        value: AnyValue<'a>,
    },
    TagFmt {
        span: u8,
        key: AnyKey<'a>,
        text: &'a str,
        number: f64,
    },
    Log {
        span: u8,
        time: Option<u32>,
        fields: Vec<(AnyKey<'a>, AnyValue<'a>)>,
    },
    Rename {
        span: u8,
        name: AnyKey<'a>,
    },
    SetBaggage {
        span: u8,
        key: &'a str,
        value: &'a str,
    },
    RemoveBaggage {
        span: u8,
        key: &'a str,
    },
    Activate {
        span: u8,
    },
    LeaveScope {
        scope: u8,
    },
    Finish {
        span: u8,
        at: Option<u32>,
    },
    Drop {
        span: u8,
    },
    FinishElsewhere {
        span: u8,
    },
    Inject {
        span: u8,
        http: bool,
    },
    Extract {
        headers: &'a [u8],
        http: bool,
    },
    Advance {
        micros: u32,
    },
    Flush,
    Close,
}

#[derive(Arbitrary, Debug)]
struct Start<'a> {
    name: AnyKey<'a>,
    parents: Vec<(Reference, u8)>,
    tags: Vec<(AnyKey<'a>, AnyValue<'a>)>,
    time: Option<u32>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Reference {
    ChildOf,
    FollowsFrom,
    NoParent,
    IgnoreActive,
}

fuzz_target!(|input: Input<'_>| {
    let mut run = Run::new(&input);
    for call in &input.calls {
        run.call(call);
    }
    run.end();
});

/// A tracer in use: its open spans, scopes and contexts.
struct Run {
    tracer: Tracer,
    clock: Arc<Stopped>,
    /// Those that were accepted.
    packets: Recorder,
    /// Outcomes that are injected at most.
    outcomes: usize,
    spans: Vec<Span>,
    scopes: Vec<Scope>,
    /// Contexts of spans that may be gone, and of other processes.
    contexts: Vec<SpanContext>,
}

impl Run {
    fn new(input: &Input<'_>) -> Self {
        let (clock, packets) = (Arc::new(Stopped::default()), Recorder::new());
        let outcomes: Arc<[_]> = input.outcomes.clone().into();
        let kept = packets.clone();
        let tracer = config(&input.settings)
            .tracer_builder()
            .time_source(clock.clone())
            .transport(move || {
                let outcomes = Arc::clone(&outcomes);
                FaultInjector::new(kept.clone(), move |number, _| {
                    let outcome = outcomes.get(number as usize).copied().flatten();
                    // The recorder accepts.
                    outcome
                        .map(SendOutcome::from)
                        .filter(|outcome| *outcome != SendOutcome::Accepted)
                })
            })
            .build()
            .expect("the settings are within their ranges");
        Run {
            tracer,
            clock,
            packets,
            outcomes: input.outcomes.len(),
            spans: Vec::new(),
            scopes: Vec::new(),
            contexts: Vec::new(),
        }
    }

    fn call(&mut self, call: &Call<'_>) {
        match call {
            Call::Start(name) => self.spans.push(self.tracer.start(name.key())),
            Call::Build(start) => self.build(start),
            Call::Burst {
                count,
                area,
                finish,
            } => self.burst(*count, *area, *finish),
            Call::Activate { span } => {
                let scope = self.span(*span).map(|span| span.activate());
                self.scopes.extend(scope);
            }
            Call::LeaveScope { scope } if !self.scopes.is_empty() => {
                drop(self.scopes.remove(usize::from(*scope) % self.scopes.len()));
            }
            Call::Drop { span } if !self.spans.is_empty() => {
                let span = self
                    .spans
                    .swap_remove(usize::from(*span) % self.spans.len());
                self.contexts.push(span.context());
            }
            Call::FinishElsewhere { span } if !self.spans.is_empty() => {
                let mut span = self
                    .spans
                    .swap_remove(usize::from(*span) % self.spans.len());
                thread::scope(|scope| {
                    scope.spawn(move || span.finish());
                });
            }
            Call::Inject { span, http } => self.inject(*span, *http),
            Call::Extract { headers, http } => {
                let headers = pairs(headers, b':');
                let context = self.extract(&headers, *http);
                self.contexts.extend(context);
            }
            Call::Advance { micros } => self.clock.advance(*micros),
            Call::Flush => self.flush(),
            Call::Close => self.close(),
            _ => self.write(call),
        }
    }

    /// Executes the calls that write to a span.
    fn write(&mut self, call: &Call<'_>) {
        let at = |time: &u32| UNIX_EPOCH + Duration::from_micros(u64::from(*time));
        let which = match call {
            Call::Tag { span, .. }
            | Call::TagFmt { span, .. }
            | Call::Log { span, .. }
            | Call::Rename { span, .. }
            | Call::SetBaggage { span, .. }
            | Call::RemoveBaggage { span, .. }
            | Call::Finish { span, .. } => *span,
            _ => return,
        };
        let Some(span) = self.span(which) else {
            return;
        };
        match call {
            Call::Tag { key, value, .. } => drop(span.tag(key.key(), value.value())),
            Call::TagFmt {
                key, text, number, ..
            } => {
                span.tag_fmt(key.key(), format_args!("{text}{number}"));
            }
            Call::Log { time, fields, .. } => {
                let mut log = match time {
                    Some(time) => span.log_at(at(time)),
                    None => span.log(),
                };
                for (key, value) in fields {
                    log.field(key.key(), value.value());
                }
            }
            Call::Rename { name, .. } => drop(span.set_operation_name(name.key())),
            Call::SetBaggage { key, value, .. } => set_baggage(span, key, value),
            Call::RemoveBaggage { key, .. } => {
                let held = span.baggage_item(key).map(str::to_owned);
                let removed = span.remove_baggage_item(key);
                assert!(
                    removed == held || removed.is_none(),
                    "a finished span keeps its items"
                );
            }
            Call::Finish { at: Some(time), .. } => span.finish_at(at(time)),
            _ => span.finish(),
        }
    }

    fn build(&mut self, how: &Start<'_>) {
        let mut builder = self.tracer.span_builder(how.name.key());
        for (reference, which) in &how.parents {
            builder = self.refer(builder, *reference, *which);
        }
        for (key, value) in &how.tags {
            builder = builder.tag(key.key(), value.value());
        }
        if let Some(time) = how.time {
            builder = builder.start_time(UNIX_EPOCH + Duration::from_micros(time.into()));
        }
        let span = builder.start();
        self.spans.push(span);
    }

    fn refer<'t>(
        &self,
        builder: SpanBuilder<'t>,
        reference: Reference,
        which: u8,
    ) -> SpanBuilder<'t> {
        let spans = self.spans.iter().map(Span::context);
        let known = spans.chain(self.contexts.iter().cloned());
        let context = known.cycle().nth(which.into());
        match reference {
            Reference::ChildOf => builder.child_of(context),
            Reference::FollowsFrom => builder.follows_from(context),
            Reference::NoParent => builder.child_of(None::<SpanContext>),
            Reference::IgnoreActive => builder.ignore_active_span(),
        }
    }

    fn burst(&mut self, count: u8, area: u8, finish: bool) {
        let text = "x".repeat(area.into());
        for _ in 0..count {
            let mut span = self.tracer.start("burst");
            span.tag("text", &text);
            if !finish {
                self.spans.push(span);
            }
        }
    }

    /// Injects a span, and extracts what was injected.
    fn inject(&mut self, which: u8, http: bool) {
        let Some(context) = self.span(which).map(|span| span.context()) else {
            return;
        };
        let mut headers = HashMap::new();
        let injected = match http {
            true => self.tracer.inject(&context, &mut headers),
            false => self.tracer.inject_text_map(&context, &mut headers),
        };
        if let Err(error) = injected {
            assert_prints(&error);
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let read = self.extract(&headers, http);
        let read = read.map_or((0.into(), 0.into()), |read| {
            (read.trace_id(), read.span_id())
        });
        assert_eq!(read, (context.trace_id(), context.span_id()));
    }

    fn extract(&self, headers: &[Pair<'_>], http: bool) -> Option<SpanContext> {
        match http {
            true => self.tracer.extract(headers),
            false => self.tracer.extract_text_map(headers),
        }
    }

    /// Flushes; a transport that is to be tried again is no reason to wait.
    fn flush(&mut self) {
        if let Err(error) = self.tracer.flush(Duration::ZERO) {
            assert_prints(&error);
        }
        self.assert_adds_up();
    }

    fn close(&mut self) {
        if let Err(error) = self.tracer.close(Duration::ZERO) {
            assert_prints(&error);
        }
        self.assert_adds_up();
    }

    /// Ends and sends all that is left.
    fn end(mut self) {
        self.spans.clear();
        self.scopes.clear();
        // Each time, a packet is sent at least, or another of the injected outcomes passes.
        let sampled = self.tracer.stats().sampled as usize;
        for _ in 0..=self.outcomes + sampled {
            self.close();
            if self.tracer.stats().queued == 0 {
                break;
            }
        }
        let stats = self.tracer.stats();
        assert_eq!((stats.open, stats.queued), (0, 0), "{stats}");
    }

    fn assert_adds_up(&self) {
        let stats = self.tracer.stats();
        assert!(stats.adds_up(), "{stats}");
        let packets = self.packets.packets();
        let batches = packets
            .iter()
            .map(|packet| decode(packet).expect("a packet"));
        let arrived: usize = batches.map(|batch| batch.spans.len()).sum();
        assert_eq!(stats.delivered, arrived as u64);
    }

    fn span(&mut self, which: u8) -> Option<&mut Span> {
        let count = self.spans.len().max(1);
        self.spans.get_mut(usize::from(which) % count)
    }
}

fn set_baggage(span: &mut Span, key: &str, value: &str) {
    if let Err(error) = span.set_baggage_item(key, value) {
        assert_prints(&error);
    }
}

fn config(settings: &Settings) -> Config {
    let sampler = match settings.sampler {
        AnySampler::Const(on) => Sampler::Const(on),
        AnySampler::Half => Sampler::Probabilistic(0.5),
        AnySampler::Rate(rate) => Sampler::RateLimiting(rate.into()),
    };
    Config::new("fuzz")
        .sampler(sampler)
        .background(false)
        .memory_limit(1 << 20)
        .trace_id_128bit(settings.wide_ids)
        .max_packet_size(usize::from(settings.packet).clamp(1_000, 65_000))
        .max_tag_value_length(usize::from(settings.longest_value).clamp(1, 65_000))
}

/// A clock in microseconds that inputs advance.
#[derive(Default)]
struct Stopped(AtomicU64);

impl Stopped {
    fn advance(&self, micros: u32) {
        self.0.fetch_add(micros.into(), Ordering::Relaxed);
    }
}

impl TimeSource for Stopped {
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u64 {
        1_000_000
    }

    fn unix_time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_micros(self.ticks())
    }
}
