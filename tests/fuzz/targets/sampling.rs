//! Any answer of a sampling server is a strategy in its ranges, or none.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use picojaeger_std::Config;
use picojaeger_std::config::Sampler;
use picojaeger_std::model::TagValue;
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::sampling::StrategySource;

/// The answer, whenever it is asked for.
struct Answer(Vec<u8>);

impl StrategySource for Answer {
    fn fetch(&mut self, _: Duration) -> Result<Vec<u8>, String> {
        Ok(self.0.clone())
    }
    fn url(&self) -> &str {
        "fuzz"
    }
}

const LONG: Duration = Duration::from_secs(3_600);
/// Fewer than there are operations, so that some have no place.
const OPERATIONS: [&str; 4] = ["a", "b", "", "c"];

fuzz_target!(|data: &[u8]| {
    let spans = InMemoryReporter::new();
    let answer = data.to_vec();
    let tracer = Config::new("fuzz")
        .agent(false)
        .flush_at_exit(false)
        .sampler(Sampler::Remote(0.0))
        .max_operations(3)
        .sampling_refresh_interval(LONG)
        .sampling_first_fetch(LONG)
        .reporter(spans.clone())
        .strategy_source(move || Answer(answer.clone()))
        .build()
        .expect("nothing is wrong");
    let mut sampled = 0;
    for operation in OPERATIONS.repeat(4) {
        sampled += usize::from(tracer.start(operation).is_sampled());
    }
    tracer.flush(LONG).expect("no time-out");
    let spans = spans.spans();
    assert_eq!(spans.len(), sampled);
    assert!(
        sampled == 0 || data.contains(&b'{'),
        "no object, no strategy"
    );
    for span in spans {
        let tag = |key| {
            span.tags
                .iter()
                .find(|tag| tag.key == key)
                .map(|tag| &tag.value)
        };
        let (Some(TagValue::String(kind)), Some(TagValue::Double(param))) =
            (tag("sampler.type"), tag("sampler.param"))
        else {
            panic!("{:?}", span.tags);
        };
        match kind.as_str() {
            "probabilistic" | "lowerbound" => assert!((0.0..=1.0).contains(param), "{param}"),
            "ratelimiting" => assert!(param.is_finite() && *param > 0.0, "{param}"),
            other => panic!("{other}"),
        }
    }
});
