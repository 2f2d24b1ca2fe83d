//! `cedarkeep serve`.

use std::{io, process::ExitCode, time::Duration};

use anyhow::Context as _;
use cedarkeep_http::Tls;
use cedarkeep_service::Service;
use metrics_exporter_prometheus::PrometheusHandle;
use opentelemetry::metrics::Meter;
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    args::ServeCommand,
    config::ServeSettings,
    example::{self, Example},
    installation::Installation,
    log, measure, output,
    secrets::{self, AdminToken},
    telemetry::Telemetry,
};

/// How often to look for what other instances have changed.
const FOLLOW: Duration = Duration::from_secs(1);

/// How long work that nobody waits for any more may hold up the end of the process.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Runs the server until it is asked to stop.
pub(crate) fn run(command: ServeCommand) -> anyhow::Result<ExitCode> {
    let mut settings = ServeSettings::settle(command)?;
    let telemetry = Telemetry::start()?;
    log::start(settings.log.as_deref(), settings.log_format, &telemetry)?;
    settings.http.adopt = telemetry.adopt();
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(settings, telemetry.meter()));
    runtime.shutdown_timeout(LAST_WORK);
    telemetry.end();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn serve(settings: ServeSettings, meter: Option<Meter>) -> anyhow::Result<()> {
    let tls = settings.tls.clone().map(Tls::load).transpose()?;
    let metrics = measure::start(meter)?;
    let installation = Installation::open(&settings.place, settings.service.clone()).await?;
    let service = &installation.service;
    let token = secrets::settle_admin_token(service, &settings.place).await?;
    // The address is taken before the example is made, and answered on after: whoever connects meanwhile waits.
    let listener = listen(settings.listen).await?;
    let address = listener.local_addr()?;
    let example = if settings.with_example { Some(example::fill(service, &settings.place).await?) } else { None };
    let metrics_server = serve_metrics(&settings, metrics.clone()).await?;
    let router = cedarkeep_http::router(service.clone(), &settings.http, metrics)?;
    let stop = stop_signal()?;

    let scheme = if tls.is_some() { "https" } else { "http" };
    output::say(&format!("listening on {scheme}://{address}"))?;
    let (data_dir, database) = (settings.place.data_dir.display(), &settings.place.database);
    tracing::info!(%address, %data_dir, %database, "listening");
    if tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            "serving without TLS beyond this machine: tokens can be read on the way, unless a proxy in front speaks TLS \
             and nobody else reaches this address; see --tls-certificate"
        );
    }
    show_token(&settings, &token)?;
    show_example(&settings, address, &token, example)?;
    let (stop_jobs, jobs) = run_jobs(service);
    let follower = service.is_shared().then(|| follow_others(service));
    let limits = &settings.http.limits;
    match tls {
        Some(tls) => cedarkeep_http::serve_tls(listener, tls, router, limits, stop).await?,
        None => cedarkeep_http::serve(listener, router, limits, stop).await?,
    }
    drop(stop_jobs);
    jobs.await?;

    if let Some(server) = metrics_server {
        server.abort();
    }
    if let Some(follower) = follower {
        follower.abort();
    }
    service.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Does what nobody waits for in a task of its own, until the sender is dropped.
fn run_jobs(service: &Service) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let service = service.clone();
    let jobs = tokio::spawn(async move { service.run_jobs(async move { drop(stopped.await) }).await });
    (stop, jobs)
}

/// Follows what other instances on the same database change.
fn follow_others(service: &Service) -> JoinHandle<()> {
    let service = service.clone();
    tokio::spawn(async move { service.follow_others(FOLLOW, std::future::pending()).await })
}

async fn listen(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Shows a token that was made just now, to a person and only once; others find it in its file.
fn show_token(settings: &ServeSettings, token: &AdminToken) -> io::Result<()> {
    let file = settings.place.admin_token_file().display().to_string();
    match token {
        AdminToken::Made(token) => {
            tracing::info!(file, "made the administrator's token");
            if output::is_terminal() {
                output::say(&format!("\nThe administrator's token, shown only now and kept in {file}:\n{}", **token))?;
            }
            Ok(())
        }
        AdminToken::Given | AdminToken::Known => Ok(()),
    }
}

fn show_example(
    settings: &ServeSettings,
    address: std::net::SocketAddr,
    token: &AdminToken,
    example: Option<Example>,
) -> anyhow::Result<()> {
    let Some(example) = example else { return Ok(()) };
    let local = || example::local_url(address, settings.tls.is_some());
    let base = settings.http.public_base_url.as_ref().map_or_else(local, ToString::to_string);
    let bearer = example::bearer(token, &settings.place)?;
    Ok(output::say(&example.describe(&base, &bearer)?)?)
}

/// Serves the metrics alone, when they have an address of their own.
async fn serve_metrics(
    settings: &ServeSettings,
    metrics: PrometheusHandle,
) -> anyhow::Result<Option<JoinHandle<io::Result<()>>>> {
    let Some(address) = settings.metrics_listen else { return Ok(None) };
    let listener = listen(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving metrics");
    let (router, limits) = (cedarkeep_http::metrics_router(metrics), settings.http.limits);
    let never = std::future::pending();
    Ok(Some(tokio::spawn(async move { cedarkeep_http::serve(listener, router, &limits, never).await })))
}

/// Ends when the process is asked to stop.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests under way are finished first");
    })
}
