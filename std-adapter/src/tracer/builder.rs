//! Builds a tracer from a configuration and the user's objects.

use std::sync::{Arc, OnceLock};

use log::Level;

use crate::config::{self, Config, ConfigError, ReceiverSettings, Settings};
#[cfg(feature = "observers")]
use crate::observers::{Observers, SpanObserver};
use crate::reporters::{ConsoleReporter, LoggingReporter, Reporter};
#[cfg(feature = "http")]
use crate::sampling::{MakeSource, StrategySource};
use crate::sampling::{RootSampler, Sampler, UserSampler};
use crate::state::thread_local;
use crate::state::{MakeTransport, Parts, Receiver, TracerLink, TracerState, at_exit};
use crate::sys::clock::{TickSource, TimeSource};
use crate::sys::log::log_guarded;
use crate::tracer::errors::InitializeError;
use crate::tracer::{Handle, Tracer};
#[cfg(feature = "http")]
use crate::transport::HttpTransport;
use crate::transport::{BoxTransport, Guarded, Transport, UdpTransport};

/// A tracer that is about to be made: a [`Config`], and objects that no configuration can name.
///
/// ```
/// use picojaeger_std::Config;
/// use picojaeger_std::config::Sampler;
/// use picojaeger_std::reporters::InMemoryReporter;
///
/// let spans = InMemoryReporter::new();
/// let tracer = Config::new("shop")
///     .sampler(Sampler::Const(true))
///     .agent(false)
///     .reporter(spans.clone()) // from here on a `TracerBuilder`
///     .build()?;
/// tracer.start("order").finish();
/// tracer.flush(std::time::Duration::from_secs(2))?;
/// assert_eq!(spans.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the tracer is made by `build` or `install`"]
pub struct TracerBuilder {
    config: Config,
    reporters: Vec<Arc<dyn Reporter>>,
    time_source: Option<TickSource>,
    /// The user's transport.
    transport: Option<MakeTransport>,
    /// The user's further transports, by name.
    further: Vec<(Arc<str>, MakeTransport)>,
    sampler: Option<UserSampler>,
    seed: Option<u64>,
    #[cfg(feature = "observers")]
    observers: Vec<Arc<dyn SpanObserver>>,
    #[cfg(feature = "http")]
    strategy_source: Option<MakeSource>,
}

/// The tracer of [`TracerBuilder::install`].
static GLOBAL: OnceLock<Tracer> = OnceLock::new();
/// The result of [`global_tracer`] before one is installed.
static DISABLED: Tracer = Tracer::disabled();

/// Returns the tracer of [`TracerBuilder::install`] or [`Config::initialize_tracer`], or a
/// disabled one before that.
///
/// ```
/// let mut span = picojaeger_std::global_tracer().start("order");
/// span.tag("items", 3);
/// ```
#[inline]
pub fn global_tracer() -> &'static Tracer {
    GLOBAL.get().unwrap_or(&DISABLED)
}

impl Config {
    /// Makes a tracer and sets it as the global one, like [`TracerBuilder::install`].
    ///
    /// # Errors
    /// A wrong setting, or [`InitializeError::AlreadyInitialized`], which changes nothing.
    pub fn initialize_tracer(&self) -> Result<Tracer, InitializeError> {
        TracerBuilder::new(self.clone()).install()
    }

    /// Makes a tracer, like [`TracerBuilder::build`].
    ///
    /// # Errors
    /// A wrong setting.
    pub fn new_tracer(&self) -> Result<Tracer, ConfigError> {
        TracerBuilder::new(self.clone()).build()
    }

    /// Returns a builder, for a tracer that needs more than settings.
    pub fn tracer_builder(self) -> TracerBuilder {
        TracerBuilder::new(self)
    }

    /// Returns a builder with a reporter, which gets each span as it is sent, like
    /// [`TracerBuilder::reporter`].
    pub fn reporter(self, reporter: impl Reporter + 'static) -> TracerBuilder {
        self.tracer_builder().reporter(reporter)
    }
}

impl TracerBuilder {
    /// Makes a builder of a tracer that sends to the collector of the configuration, or to the agent
    /// over UDP.
    pub fn new(config: Config) -> Self {
        TracerBuilder {
            config,
            reporters: Vec::new(),
            time_source: None,
            transport: None,
            further: Vec::new(),
            sampler: None,
            seed: None,
            #[cfg(feature = "observers")]
            observers: Vec::new(),
            #[cfg(feature = "http")]
            strategy_source: None,
        }
    }

    /// Adds a reporter, which gets each span as it is sent.
    pub fn reporter(mut self, reporter: impl Reporter + 'static) -> Self {
        self.reporters.push(Arc::new(reporter));
        self
    }

    /// Adds an observer, which is called as each span starts, changes and ends, sampled or not. Starts
    /// and ends then take a longer path.
    ///
    /// Needs the feature `observers`.
    #[cfg(feature = "observers")]
    #[cfg_attr(docsrs, doc(cfg(feature = "observers")))]
    pub fn observer(mut self, observer: impl SpanObserver + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Sends packets through this transport instead of the configured one.
    ///
    /// `make` is called once in each process, so a forked child has a connection of its own. The
    /// worker's thread owns the transport. It should not block for long, since nothing else is sent
    /// meanwhile. If it panics, the packet's spans are lost as `failed`. The settings of agent and
    /// collector have no effect.
    pub fn transport<T: Transport + Send + 'static>(
        mut self,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.transport = Some(guarded(make));
        self
    }

    /// Sends all spans through this transport too, beside the first one and those of
    /// [`Config::also_send_to`]; `name` stands for it in [`TransportStats`](crate::TransportStats),
    /// metrics and log lines.
    ///
    /// It has its own queue, packets, retries and counts, and packets as for an agent. What it loses
    /// is not in [`Stats`](crate::Stats), and no error of a flush. It runs on the worker's thread like
    /// the first, and may block for as little.
    pub fn also_transport<T: Transport + Send + 'static>(
        mut self,
        name: impl Into<Arc<str>>,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.further.push((name.into(), guarded(make)));
        self
    }

    /// Times spans with this clock instead of that of the setting [`clock`](Config::clock).
    pub fn time_source(mut self, clock: impl TimeSource + 'static) -> Self {
        self.time_source = Some(TickSource::User(Arc::new(clock)));
        self
    }

    /// Decides about local roots by this sampler, instead of the one that the configuration names.
    ///
    /// It is called for each local root, with a time in nanoseconds. What it traces itself is
    /// discarded. If it panics, the trace is not sampled.
    ///
    /// ```
    /// use picojaeger_std::Config;
    /// use picojaeger_std::sampling::{Decision, Description, Param, Query, Sampler};
    ///
    /// /// Samples every trace of one operation.
    /// struct Only(&'static str);
    /// impl Sampler for Only {
    ///     fn sample(&self, query: &Query<'_>) -> Decision {
    ///         match query.operation == self.0 {
    ///             true => Decision::Sample { code: 1 },
    ///             false => Decision::Drop,
    ///         }
    ///     }
    ///     fn description(&self, code: u8) -> Option<Description> {
    ///         (code == 1).then_some(Description::new("only", Param::Bool(true)))
    ///     }
    /// }
    ///
    /// let tracer = Config::new("shop").agent(false).tracer_builder().sampler(Only("pay")).build()?;
    /// assert!(tracer.start("pay").is_sampled());
    /// assert!(!tracer.start("browse").is_sampled());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sampler(mut self, sampler: impl Sampler + Send + Sync + 'static) -> Self {
        self.sampler = Some(Arc::new(sampler));
        self
    }

    /// Makes the remote sampler get its strategies from this source, instead of from a server over
    /// HTTP. `make` is called once in each process.
    #[cfg(feature = "http")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    pub fn strategy_source<S: StrategySource + 'static>(
        mut self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.strategy_source = Some(Arc::new(move || Box::new(make())));
        self
    }

    /// Makes the tracer, and logs each of the [configuration's warnings](Config::warnings) once
    /// (target `picojaeger`, level warn). No thread starts and no name is looked up before its first sampled
    /// span, and an agent that cannot be reached is no error.
    ///
    /// # Errors
    /// Wrong settings, all at once.
    pub fn build(self) -> Result<Tracer, ConfigError> {
        let TracerBuilder {
            mut config,
            mut reporters,
            time_source,
            transport,
            further,
            sampler,
            seed,
            #[cfg(feature = "observers")]
            observers,
            #[cfg(feature = "http")]
            strategy_source,
        } = self;
        if sampler.is_some() {
            // Whatever the configuration names, or lacks, has no effect then.
            config = config.sampler(config::Sampler::Const(true));
        }
        let mut settings = config.resolve()?;
        if settings.disabled {
            return Ok(Tracer::disabled());
        }
        for warning in config.warnings() {
            log_guarded(Level::Warn, format_args!("{warning}"));
        }
        if settings.reporter.log_spans {
            reporters.push(Arc::new(LoggingReporter));
        }
        if settings.reporter.console {
            reporters.push(Arc::new(ConsoleReporter));
        }
        let receivers = receivers(&settings, further);
        if transport.is_some() {
            // Packets are made as for an agent.
            settings.collector = None;
        }
        let sampler = sampler
            .filter(|_| !settings.propagation_only)
            .map_or_else(|| RootSampler::new(&settings), RootSampler::User);
        #[cfg(feature = "http")]
        let sampler = match strategy_source {
            Some(source) => sampler.with_source(&settings, source),
            None => sampler,
        };
        thread_local::install_fork_hook();
        at_exit::install();
        let state = TracerState::new(Parts {
            source: time_source.unwrap_or_else(|| tick_source(&settings)),
            sampler,
            settings: Arc::new(settings),
            reporters: reporters.into(),
            transport: transport.unwrap_or_else(|| Arc::new(configured_transport)),
            receivers,
            seed,
            #[cfg(feature = "observers")]
            observers: Observers::new(observers),
        });
        #[cfg(feature = "http")]
        state.await_strategy();
        Ok(Tracer {
            handle: Some(Arc::new(Handle(state))),
        })
    }

    /// Makes the tracer and sets it as the [global one](global_tracer), which happens once in a
    /// process.
    ///
    /// # Errors
    /// A wrong setting, or [`InitializeError::AlreadyInitialized`], which changes nothing.
    pub fn install(self) -> Result<Tracer, InitializeError> {
        if GLOBAL.get().is_some() {
            return Err(InitializeError::AlreadyInitialized);
        }
        let tracer = self.build().map_err(InitializeError::Config)?;
        match GLOBAL.set(tracer.clone()) {
            Ok(()) => Ok(tracer),
            Err(_) => Err(InitializeError::AlreadyInitialized),
        }
    }

    /// Makes ids from a number, the same at each run.
    #[cfg(feature = "testing")]
    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sends through the transport that this function makes of the tracer's link.
    #[cfg(test)]
    pub(crate) fn linked_transport(mut self, make: MakeTransport) -> Self {
        self.transport = Some(make);
        self
    }

    /// Sends through this transport instead of the agent's. Its panics are not caught, so that a
    /// test can end a pass at any packet.
    #[cfg(test)]
    pub(crate) fn boxed_transport(mut self, transport: BoxTransport) -> Self {
        let transport = std::sync::Mutex::new(Some(transport));
        self.transport = Some(Arc::new(move |_, _| transport.lock().unwrap().take()));
        self
    }
}

impl std::fmt::Debug for TracerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracerBuilder")
            .field("config", &self.config)
            .field("reporters", &self.reporters.len())
            .finish_non_exhaustive()
    }
}

/// Returns a function that makes a user's transport.
fn guarded<T: Transport + Send + 'static>(
    make: impl Fn() -> T + Send + Sync + 'static,
) -> MakeTransport {
    Arc::new(move |_, _| Some(Box::new(Guarded::new(make()))))
}

/// Returns the further transports: those of the settings, then the user's.
fn receivers(settings: &Settings, users: Vec<(Arc<str>, MakeTransport)>) -> Arc<[Receiver]> {
    let configured = settings.also_send_to.iter().map(|receiver| Receiver {
        name: receiver.to_string().into(),
        settings: settings.with_receiver(receiver.clone()),
        make: Arc::new(configured_transport),
    });
    let agent = ReceiverSettings::of_agent(settings.agent.clone());
    let users = users.into_iter().map(|(name, make)| Receiver {
        name,
        settings: settings.with_receiver(agent.clone()),
        make,
    });
    configured.chain(users).collect()
}

/// Returns the source of ticks that the settings name. Requests are timed where they end, and there
/// the rate of the time stamp counter is not known.
fn tick_source(settings: &Settings) -> TickSource {
    match settings.spans.rpc_metrics {
        true => TickSource::System,
        false => TickSource::choose(settings.clock),
    }
}

/// Makes the transport to the collector of these settings, or to their agent, if it is enabled.
fn configured_transport(settings: &Settings, link: TracerLink) -> Option<BoxTransport> {
    #[cfg(feature = "http")]
    if let Some(collector) = &settings.collector {
        return Some(Box::new(HttpTransport::new(
            collector,
            link.closing,
            link.waker,
            crate::worker::spawn_helper,
        )));
    }
    agent_transport(settings, link)
}

/// Makes the transport to the agent of these settings, if it is enabled.
fn agent_transport(settings: &Settings, link: TracerLink) -> Option<BoxTransport> {
    if !settings.agent.enabled {
        return None;
    }
    Some(Box::new(UdpTransport::new(
        settings.agent.host.clone(),
        settings.agent.port,
        settings.agent.ip_version,
        settings.agent.resolve_interval,
        link.waker,
    )))
}
