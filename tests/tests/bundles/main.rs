//! Users' bundles and tokens, over the router in process.

mod hostile;
mod lifecycle;
mod others;
mod refusals;
mod support;
mod tokens;
