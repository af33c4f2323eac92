//! A process that gets no memory for the stack of another thread.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};

use crate::collector::Collector;
use crate::config::{Config, Sampler};
use crate::tracer::own_process::in_own_process;

const SOON: Duration = Duration::from_secs(10);

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lines;

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// Returns how many lines start like this.
fn lines_with(start: &str) -> usize {
    let lines = LINES.lock().unwrap();
    lines.iter().filter(|line| line.starts_with(start)).count()
}

/// Sets the bytes of address space that the process may have; returns those that it might have.
fn limit_memory(bytes: libc::rlim_t) -> libc::rlim_t {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: reads and writes the structure only.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) };
    let before = std::mem::replace(&mut limit.rlim_cur, bytes);
    // SAFETY: reads the structure only.
    let written = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert_eq!((read, written), (0, 0));
    before
}

/// Returns the bytes of address space that the process has.
fn memory() -> libc::rlim_t {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = size.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<libc::rlim_t>().unwrap() << 10
}

#[test]
fn a_worker_that_cannot_be_started_is_started_by_a_later_span() {
    let test = "no_thread_tests::a_worker_that_cannot_be_started_is_started_by_a_later_span";
    in_own_process(test, "no_thread", || {
        log::set_logger(&Lines).unwrap();
        log::set_max_level(LevelFilter::Warn);
        let collector = Collector::bind("127.0.0.1:0").unwrap();
        let tracer = Config::new("no-thread")
            .sampler(Sampler::Const(true))
            .memory_limit(1 << 20)
            .agent_host("127.0.0.1")
            .agent_port(collector.local_addr().port())
            .new_tracer()
            .unwrap();
        // Enough for the ring of a thread, and too little for a stack.
        let before = limit_memory(memory() + (1 << 20));
        while tracer.stats().lost.full == 0 {
            tracer.start("finds no thread").finish();
        }
        assert_eq!(tracer.stats().delivered, 0);
        assert_eq!(lines_with("cannot start the worker: "), 1);
        assert_eq!(lines_with("spans lost (full): "), 1, "without a worker");
        limit_memory(before);
        // No flush: the first span after the pause finds a thread.
        while tracer.stats().delivered == 0 {
            tracer.start("finds a thread").finish();
            thread::yield_now();
        }
        tracer.close(SOON).unwrap();
        assert!(tracer.stats().adds_up());
    });
}
