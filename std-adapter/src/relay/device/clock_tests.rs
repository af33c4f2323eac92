//! The clock on synthetic arrivals: the error is at most the uncertainty.

use super::*;

/// A device whose clock is wrong, and a line that delays.
struct Simulation {
    random: u64,
    clock: DeviceClock,
    /// Unix time and true ticks of the device, in microseconds.
    now: f64,
    ticks: f64,
    /// Seconds of the device in a second.
    rate: f64,
    jitter: f64,
    worst: f64,
    largest: u64,
}

const FREQUENCY: u64 = 1_000_000;
const BEGIN: f64 = 1.7e15;

impl Simulation {
    fn new(seed: u64, ppm: f64, jitter: f64) -> Self {
        Simulation {
            random: seed,
            clock: DeviceClock::new(FREQUENCY),
            now: BEGIN,
            ticks: 5e6,
            rate: 1.0 + ppm / 1e6,
            jitter,
            worst: 0.0,
            largest: 0,
        }
    }

    /// A number from 0 to 1.
    fn random(&mut self) -> f64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as f64 / (1u64 << 31) as f64
    }

    /// Lets a second pass, in which three spans start, and a report arrives at its end.
    fn second(&mut self) {
        let begin = (self.now, self.ticks);
        self.now += 1e6;
        self.ticks += 1e6 * self.rate;
        let delay = self.random() * self.jitter;
        self.clock
            .report(self.ticks as u64, Arrival::At((self.now + delay) as u64));
        for part in [0.1, 0.5, 1.0] {
            let unix = begin.0 + part * 1e6;
            self.check((begin.1 + part * 1e6 * self.rate) as u64, unix);
        }
    }

    fn check(&mut self, ticks: u64, unix: f64) {
        let micros = self.clock.micros(ticks);
        let offset = self.clock.offset(micros);
        let error = ((micros + offset.micros) as f64 - unix).abs();
        let uncertainty = offset.uncertainty.expect("a report has arrived");
        // Times are whole microseconds.
        assert!(
            error <= uncertainty as f64 + 2.0,
            "{error} µs is more than {uncertainty} µs"
        );
        self.worst = self.worst.max(error);
        self.largest = uncertainty;
    }

    fn run(mut self, seconds: u32) -> Self {
        (0..seconds).for_each(|_| self.second());
        self
    }
}

#[test]
fn drift_and_jitter_are_within_the_uncertainty() {
    for seed in 0..10 {
        for ppm in [-100.0, 0.0, 100.0] {
            let simulation = Simulation::new(seed, ppm, 200_000.0).run(200);
            assert!(simulation.largest < 230_000, "{}", simulation.largest);
        }
    }
}

#[test]
fn a_steady_line_gives_a_small_uncertainty() {
    for ppm in [-100.0, 100.0] {
        let simulation = Simulation::new(1, ppm, 500.0).run(100);
        assert!(
            simulation.largest <= CONSTANT + 1_000,
            "{}",
            simulation.largest
        );
        assert!(simulation.worst < 1_500.0, "{}", simulation.worst);
    }
}

/// The host's time is corrected, or the device's counter stands still in a sleep.
#[test]
fn a_step_of_either_clock_is_within_the_uncertainty_and_over_in_a_while() {
    for seed in 0..3 {
        for seconds in [-3_600.0, -5.0, -0.1, 0.1, 5.0, 3_600.0] {
            for before in [1, 10, 100] {
                let mut simulation = Simulation::new(seed, 50.0, 200_000.0).run(before);
                simulation.now += seconds * 1e6;
                let simulation = simulation.run(100);
                assert!(simulation.largest < 230_000, "{}", simulation.largest);
            }
        }
    }
}

#[test]
fn a_change_of_frequency_is_within_the_uncertainty_and_found() {
    for seed in 0..5 {
        for change in [-0.01, 0.01, -0.002, 0.002] {
            let mut simulation = Simulation::new(seed, 50.0, 200_000.0).run(100);
            // Spans of the second in which the frequency changes were dated by the old one.
            simulation.rate += change;
            let mut simulation = simulation.run(100);
            simulation.rate -= change;
            simulation.run(100);
        }
    }
}

#[test]
fn an_anchor_of_the_device_wins_while_it_is_better() {
    let mut simulation = Simulation::new(3, 100.0, 200_000.0).run(30);
    let (ticks, now) = (simulation.ticks as u64, simulation.now as u64);
    simulation.clock.set_anchor(ticks, now + 400, 500);
    let micros = simulation.clock.micros(ticks);
    let offset = simulation.clock.offset(micros);
    assert_eq!(offset.uncertainty, Some(500));
    assert_eq!(micros + offset.micros, now.cast_signed() + 400);
    simulation.run(20);
}

#[test]
fn stored_bytes_have_an_arbitrary_time_and_keep_their_distances() {
    let mut clock = DeviceClock::new(1_000);
    assert_eq!(clock.offset(7).uncertainty, None);
    clock.report(2_000, Arrival::Unknown(1_000_000_000));
    clock.report(9_000, Arrival::Unknown(1_000_000_000));
    let [first, last] = [2_000, 9_000].map(|ticks| {
        let micros = clock.micros(ticks);
        let offset = clock.offset(micros);
        assert_eq!(offset.uncertainty, None);
        micros + offset.micros
    });
    assert_eq!(first, 1_000_000_000);
    assert_eq!(last - first, 7_000_000);
}

#[test]
fn hostile_times_saturate() {
    let mut clock = DeviceClock::new(1);
    for ticks in [0, u64::MAX, 1, u64::MAX / 2] {
        for unix in [0, u64::MAX] {
            clock.report(ticks, Arrival::At(unix));
            clock.set_anchor(ticks, unix, u32::MAX);
            let micros = clock.micros(ticks);
            let _ = clock.offset(micros);
        }
    }
}
