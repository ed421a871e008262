//! `chatops up`: everything on one machine, under one supervisor.
//!
//! Order: own the data (lock), clear what a killed run left, check what can be checked, make what is missing, start
//! PostgreSQL and nats-server, bring schema and streams up to date, run all roles in this process, enrol and start the
//! local agent, say where to go. Leaving is the reverse. Every step is skipped when it is done already.
//!
//! Killed outright at any moment, nothing is lost (streams and database are durable by themselves) and nothing blocks
//! the next start: the kernel frees the lock, the guard or the next start stops the children, halfway-made things have
//! other names than finished ones.

mod child;
mod credentials;
mod disk;
pub(crate) mod guard;
mod identity;
mod keeper;
mod local_agent;
pub(crate) mod lock;
mod nats;
mod place;
mod ports;
mod postgres;
mod process;
pub(crate) mod runtime;
mod welcome;

use std::time::Instant;

use anyhow::Context;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use credentials::Credentials;
pub(crate) use disk::{free as disk_free, warning as disk_warning};
pub(crate) use place::{Place, write_private};
pub(crate) use welcome::setup_address;

use crate::{
    compose::{self, Role, Services},
    config::{Config, Settings, TlsMode},
    lifecycle::Leaving,
    output::Output,
    telemetry::Metrics,
    trouble::{Code, Trouble},
};
use identity::Identity;
use keeper::Keeper;
use lock::Lock;
use process::Kind;
use runtime::Runtime;

/// The whole life of the supervisor.
pub(crate) async fn run(
    settings: &Settings,
    roles: &[Role],
    metrics: Metrics,
    output: &Output,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let leaving = Leaving::listen(output.clone())?;
    let config = settings.config()?;
    let place = Place::prepare(&config.data)?;
    let _lock = Lock::take(&place.lock(), &config.address()).await?;
    let mut guard = guard::start(&place)?;
    let result = Box::pin(live(
        settings, roles, &place, metrics, &leaving, started, output,
    ))
    .await;
    // After an orderly stop there is nothing left; after a failed start this is the stop.
    for kind in Kind::ALL {
        process::stop(&place, kind).await;
    }
    drop(guard.stdin.take());
    result
}

async fn live(
    settings: &Settings,
    roles: &[Role],
    place: &Place,
    metrics: Metrics,
    leaving: &Leaving,
    started: Instant,
    output: &Output,
) -> anyhow::Result<()> {
    let Some(running) = leaving
        .or(Box::pin(start(settings, roles, place, metrics, output)))
        .await
    else {
        output.note("stopped before everything was up");
        return Ok(());
    };
    let mut running = running?;
    welcome::print(
        &running.config,
        place,
        &running.services,
        started.elapsed(),
        output,
    )
    .await?;
    let died = tokio::select! {
        () = leaving.asked() => None,
        name = running.services.died() => Some(name),
        never = disk::watch(place.root(), output) => match never {},
    };
    running.stop(output).await;
    match died {
        None => Ok(()),
        Some(what) => Err(Trouble::new(
            Code::Failed,
            format!("a service ended by itself: {what}"),
            "start again; if it happens again, run with --log info and read what comes before",
        )
        .into()),
    }
}

struct Running {
    config: Config,
    services: Services,
    agent: Option<Keeper>,
    nats: Option<Bus>,
    postgres: Option<Keeper>,
}

/// The nats-server of ours, and what brings it renewed certificates.
struct Bus {
    keeper: Keeper,
    _renewal: Option<AbortOnDropHandle<()>>,
}

async fn start(
    settings: &Settings,
    roles: &[Role],
    place: &Place,
    metrics: Metrics,
    output: &Output,
) -> anyhow::Result<Running> {
    clear_leftovers(place, output).await?;
    disk::check(place.root())?;
    let config = settings.config()?;
    let listener = bind(&config)?;
    let fresh = credentials::ensure(place)?;
    // Again: the generated values are a layer of the settings.
    let mut config = settings.config()?;
    warn_of_clear_text(&config, output);
    // Before two of those that need it would make one each.
    crate::tls::authority(&config)?;
    let bundled = Bundled::of(&config);
    if config.tls.mode == TlsMode::Files {
        crate::tls::check(&config)?;
        if bundled.nats {
            nats::url(&config)?;
        }
    }
    let runtime = bundled.runtime(&config, place)?;

    let database = async {
        match &runtime {
            Some(runtime) if bundled.postgres => database(&config, place, runtime, fresh, output)
                .await
                .map(Some),
            _ => Ok(None),
        }
    };
    let bus = async {
        match &runtime {
            Some(runtime) if bundled.nats => bus(&config, place, runtime, output).await.map(Some),
            _ => Ok(None),
        }
    };
    let (postgres, nats) = tokio::try_join!(database, bus)?;
    config = locate(config, place)?;

    output
        .step("database schema", compose::migrate(&config))
        .await?;
    let connections = compose::connect(&config).await?;
    output
        .step("streams", compose::provision(&config, &connections))
        .await?;
    let services = output
        .step(
            "roles",
            Box::pin(compose::start(
                &config,
                roles,
                connections,
                Some(listener),
                metrics,
            )),
        )
        .await?;
    let agent = if config.agent.local {
        local_agent::start(&config, place, &services, output).await?
    } else {
        None
    };
    Ok(Running {
        config,
        services,
        agent,
        nats,
        postgres,
    })
}

/// Keys and samples that leave this machine unencrypted can be read and changed on their way.
fn warn_of_clear_text(config: &Config, output: &Output) {
    if config.tls.mode != TlsMode::Off {
        return;
    }
    let listening = [
        (
            "agents' keys and samples",
            "nats.listen",
            config.nats.listen,
        ),
        (
            "agents' keys and samples",
            "nats.websocket_listen",
            config.nats.websocket_listen,
        ),
        ("passwords and pages", "listen", config.listen),
    ];
    for (what, setting, listen) in listening {
        if !listen.ip().is_loopback() {
            output.warn(format_args!(
                "{setting} is {listen}: {what} cross the network unencrypted; set tls.mode = \"private\", or put a proxy that ends TLS in front"
            ));
        }
    }
}

impl Running {
    /// Writers before what they write to.
    async fn stop(self, output: &Output) {
        output.say("\nstopping");
        let stop = async |title: &str, keeper: Option<Keeper>| {
            if let Some(keeper) = keeper {
                let stopped = async {
                    keeper.stop().await;
                    Ok::<_, std::convert::Infallible>(())
                };
                let Ok(()) = output.step(title, stopped).await;
            }
        };
        stop("agent", self.agent).await;
        self.services.stop(output).await;
        stop("nats-server", self.nats.map(|bus| bus.keeper)).await;
        stop("PostgreSQL", self.postgres).await;
    }
}

/// Which servers are ours to run.
#[derive(Debug, Clone, Copy)]
struct Bundled {
    nats: bool,
    postgres: bool,
}

impl Bundled {
    fn of(config: &Config) -> Self {
        Self {
            nats: config.nats.url.is_none(),
            postgres: config.database.url.get().is_none(),
        }
    }

    fn runtime(self, config: &Config, place: &Place) -> Result<Option<Runtime>, Trouble> {
        if !self.nats && !self.postgres {
            return Ok(None);
        }
        postgres::check(config, place)?;
        Runtime::find(&config.runtime, Identity::for_postgres(&place.postgres())?).map(Some)
    }
}

async fn clear_leftovers(place: &Place, output: &Output) -> anyhow::Result<()> {
    if Kind::ALL
        .iter()
        .all(|kind| process::ours(place, *kind).is_empty())
    {
        return Ok(());
    }
    let clear = async {
        for kind in Kind::ALL {
            process::stop(place, kind).await;
        }
        anyhow::Ok(())
    };
    output
        .step("stop what a killed run left behind", clear)
        .await
}

async fn database(
    config: &Config,
    place: &Place,
    runtime: &Runtime,
    fresh_credentials: bool,
    output: &Output,
) -> anyhow::Result<Keeper> {
    if !postgres::exists(place) {
        let create = blocking(config, place, runtime, postgres::create);
        output.step("make the database", create).await?;
        if let Ok(elsewhere) = std::fs::read_link(place.postgres()) {
            output.note(format_args!(
                "its files are in {}: PostgreSQL's user cannot enter {}",
                elsewhere.display(),
                place.root().display()
            ));
        }
    } else if fresh_credentials {
        let reset = blocking(config, place, runtime, postgres::reset_password);
        output
            .step("give the database its new password", reset)
            .await?;
    }
    let plan = postgres::plan(config, place, runtime)?;
    let title = format!(
        "PostgreSQL {} on {}",
        runtime.postgres_version, config.database.listen
    );
    let running = output
        .step(&title, postgres::start(config, place, &plan))
        .await?;
    Ok(Keeper::keep(running, place.clone(), output.clone()))
}

async fn bus(
    config: &Config,
    place: &Place,
    runtime: &Runtime,
    output: &Output,
) -> anyhow::Result<Bus> {
    let plan = nats::plan(config, place, runtime)?;
    let title = format!(
        "nats-server {} on {}",
        runtime.nats_version, config.nats.listen
    );
    let running = output.step(&title, nats::start(config, &plan)).await?;
    Ok(Bus {
        keeper: Keeper::keep(running, place.clone(), output.clone()),
        _renewal: nats::renewal::follow(config, place, plan.identity, output),
    })
}

/// Work that waits for another program.
async fn blocking(
    config: &Config,
    place: &Place,
    runtime: &Runtime,
    work: fn(&Config, &Place, &Runtime) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (config, place, runtime) = (config.clone(), place.clone(), runtime.clone());
    tokio::task::spawn_blocking(move || work(&config, &place, &runtime))
        .await
        .context("wait for the database's tools")?
}

/// The addresses of the servers that `up` runs or would run, where the settings name no others.
fn locate(mut config: Config, place: &Place) -> anyhow::Result<Config> {
    if config.nats.url.is_none() {
        config.nats.url = Some(nats::url(&config)?);
        if config.tls.mode == TlsMode::Private && config.nats.ca_file.is_none() {
            let authority = crate::tls::authority_file(&config);
            config.nats.ca_file = Some(authority.display().to_string());
        }
    }
    if config.database.url.get().is_none() {
        config.database.url = postgres::url(&config, place)?.into();
    }
    Ok(config)
}

/// The address of the web app, for a process that only serves.
pub(crate) fn bind(config: &Config) -> Result<std::net::TcpListener, Trouble> {
    ports::bind(config.listen, "listen", "the web app")
}

/// Versions of the programs that `up` would run, or what is wrong with them.
pub(crate) fn versions(config: &Config) -> Result<String, Trouble> {
    let identity = Identity::for_postgres(&config.data.join("postgres"))?;
    let runtime = Runtime::find(&config.runtime, identity)?;
    Ok(format!(
        "nats-server {}, PostgreSQL {}",
        runtime.nats_version, runtime.postgres_version
    ))
}

/// For other commands: the servers of the settings, else those of the `up` that runs on the same data.
pub(crate) fn located(config: &Config) -> anyhow::Result<Config> {
    let bundled = Bundled::of(config);
    if !bundled.nats && !bundled.postgres {
        return Ok(config.clone());
    }
    let place = Place::existing(&config.data).filter(|place| lock::holder(&place.lock()).is_some());
    let place = place.ok_or_else(|| {
        Trouble::new(
            Code::Unreachable,
            format!("`chatops up` does not run on the data in {}", config.data.display()),
            "start it, name its data with --data DIRECTORY, or set CHATOPS_NATS_URL and CHATOPS_DATABASE_URL",
        )
    })?;
    locate(config.clone(), &place)
}
