//! The table of open spans: its cells, and several threads in one of them.

use std::collections::HashSet;
use std::thread;

use crate::config::Sampler;
use crate::scope::Owner;
use crate::state::TracerState;
use crate::sys::clock::TickSource;
use crate::tracer::span::{Span, start_root};

/// Where the registry's numbers have the thread, and how often a place was given.
const THREAD: u32 = 38;
const GENERATION: u32 = 51;

#[test]
fn miri_spans_of_one_cell_are_told_apart_by_several_threads() {
    const THREADS: u64 = 3;
    let rounds: u64 = if cfg!(miri) { 2 } else { 500 };
    let state = TracerState::of_test(TickSource::System, |config| {
        config.sampler(Sampler::Const(true)).memory_limit(4 << 20)
    });
    let owner = Owner::new();
    let work = |given: u64| {
        let number = owner.number(7 | given << GENERATION);
        let slot = start_root(&state, "order").take_slot().unwrap();
        let context = slot.context();
        assert!(number.insert(slot, None).is_none());
        assert_eq!(number.context().as_ref(), Some(&context));
        let written = number.with(|slot| {
            // As it was while it is away.
            assert_eq!(number.use_context().as_ref(), Some(&context));
            assert!(number.with(|_| ()).is_none(), "a write within a write");
            Span::in_home(slot, |span| span.tag("given", given).context())
        });
        assert_eq!(written, Some(context));
        assert!(number.is_used());
        drop(Span::from(number.remove()));
        assert!(number.remove().is_none() && number.context().is_none());
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (0..rounds).for_each(|round| work(thread * rounds + round)));
        }
    });
    let stats = state.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(stats.sampled, THREADS * rounds, "{stats}");
    assert!(owner.take_all().is_empty());
}

#[test]
fn a_place_that_is_given_again_has_the_same_cell_and_others_have_others() {
    let owner = Owner::new();
    let cell = |place: u64, thread: u64, given: u64| {
        let number = place | thread << THREAD | given << GENERATION;
        owner.number(number).cell()
    };
    assert!((0..100).all(|given| cell(5, 3, given) == cell(5, 3, 0)));
    let cells = |threads: u64, places: u64| {
        let all = (0..threads).flat_map(|thread| (1..=places).map(move |place| (thread, place)));
        let cells: HashSet<_> = all.map(|(thread, place)| cell(place, thread, 1)).collect();
        cells.len()
    };
    assert_eq!(cells(1, 1_000), 1_000);
    assert!(cells(32, 8) > 200, "{} of 256", cells(32, 8));
    // Numbers that are addresses.
    let addresses: HashSet<_> = (0..1_000)
        .map(|at| cell(0x7f00_0000 + at * 64, 0, 0))
        .collect();
    assert!(addresses.len() > 300, "{}", addresses.len());
}
