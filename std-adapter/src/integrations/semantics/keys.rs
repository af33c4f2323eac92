//! Names of tags.

pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(crate) const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
#[cfg(feature = "tower")]
pub(crate) const HTTP_ROUTE: &str = "http.route";
pub(crate) const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
#[cfg(feature = "tower")]
pub(crate) const RPC_METHOD: &str = "rpc.method";
#[cfg(feature = "tower")]
pub(crate) const RPC_STATUS_CODE: &str = "rpc.status_code";
#[cfg(feature = "tower")]
pub(crate) const RPC_SYSTEM_NAME: &str = "rpc.system.name";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const URL_FULL: &str = "url.full";
#[cfg(feature = "tower")]
pub(crate) const URL_PATH: &str = "url.path";
#[cfg(feature = "tower")]
pub(crate) const URL_QUERY: &str = "url.query";
#[cfg(feature = "tower")]
pub(crate) const URL_SCHEME: &str = "url.scheme";
pub(crate) const URL_TEMPLATE: &str = "url.template";

/// Value of [`ERROR_TYPE`] and of methods for all that is not known.
pub(crate) const OTHER: &str = "_OTHER";
