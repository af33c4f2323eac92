//! The peers, each in a file of its own.

pub(crate) mod fastrace;
pub(crate) mod opentelemetry;
pub(crate) mod tracing;

#[cfg(test)]
mod tests {
    use picojaeger_workloads::{Drained, Library};

    use super::*;

    #[test]
    fn what_is_made_comes_out() {
        let peers: [Box<dyn Library>; 4] = [
            Box::new(fastrace::Local::new()),
            Box::new(fastrace::Sent::new()),
            Box::new(opentelemetry::Sdk::new()),
            Box::new(tracing::NoSubscriber),
        ];
        for mut peer in peers {
            for &workload in peer.workloads() {
                peer.burst(workload);
                let expected = Drained {
                    exported: workload.exported() as u64,
                    lost: 0,
                };
                let case = format!("{}, {}", peer.name(), workload.name());
                assert_eq!(peer.drain(), expected, "{case}");
            }
        }
    }
}
