//! One line of set-up.

use log::Level;

use crate::config::Config;
use crate::sys::log::log_guarded;
use crate::tracer::Tracer;
use crate::tracer::errors::InitializeError;

/// Makes the global tracer of a service from the environment, over the defaults: [`Config::for_service`] and
/// [`Config::initialize_tracer`].
///
/// The variables are those of Jaeger's clients and of OpenTelemetry, [listed](crate::config#environment-variables) in
/// the module `config`. Logs the settings in one line (target `picojaeger`, level info): the receivers of spans, the
/// sampler and the formats of propagation. Nothing is sent, and no thread starts, before the first sampled span ends.
///
/// # Errors
/// Wrong variables, all at once, or [`InitializeError::AlreadyInitialized`].
///
/// ```
/// let tracer = picojaeger_std::init("shop")?;
/// tracer.start("order").tag("items", 3);
/// assert!(picojaeger_std::init("shop").is_err(), "there is one global tracer");
/// # Ok::<(), picojaeger_std::InitializeError>(())
/// ```
pub fn init(service_name: impl Into<String>) -> Result<Tracer, InitializeError> {
    let tracer = Config::for_service(service_name).initialize_tracer()?;
    match tracer.state() {
        Some(state) => log_guarded(Level::Info, format_args!("{}", state.common.settings)),
        None => log_guarded(Level::Info, format_args!("tracing is disabled")),
    }
    Ok(tracer)
}
