//! One example of every event type. Each is frozen by its golden file.

mod alert;
mod command;
mod job;
mod log;
mod terminal;

use chatops_schemas::{
    access::Level,
    audit::Hash,
    catalogue::Payload,
    clock::Timestamp,
    codec,
    envelope::Envelope,
    event::{
        Event, access::*, audit::*, container::*, credential::*, ctl::*, fact::*, metric::*,
        people::*,
    },
    ids::{CommandId, EventId, GrantId, InvitationId, KeyId, ServerId, TeamId, TokenId, UserId},
    scope::Scope,
};
use uuid::Uuid;

pub(crate) fn server() -> ServerId {
    ServerId::parse("web-01").unwrap()
}

fn key() -> KeyId {
    KeyId::parse("k3yk3yk3yk3yk3yk").unwrap()
}

fn token() -> TokenId {
    TokenId::parse("t0kent0kent0kent").unwrap()
}

fn user() -> UserId {
    UserId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001))
}

fn command() -> CommandId {
    CommandId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0004))
}

fn session() -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002)
}

fn team() -> TeamId {
    TeamId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002))
}

fn invitation() -> InvitationId {
    InvitationId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0003))
}

pub(crate) fn wrap<T: Event>(data: T) -> Envelope<T> {
    let id = EventId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00ff));
    let mut event = Envelope::new(id, Timestamp::from_micros(1_770_000_000_123_456), data)
        .about(server())
        .by("system");
    event.boot = Some("6b1c2c5e".into());
    event.n = Some(7);
    event
}

/// An encoded event beside what it must decode to.
pub(crate) struct Example {
    pub(crate) kind: &'static str,
    pub(crate) ver: u16,
    pub(crate) bytes: Vec<u8>,
    pub(crate) payload: Payload,
}

fn example<T: Event>(data: T, payload: fn(T) -> Payload) -> Example {
    let bytes = codec::encode(&wrap(data.clone())).unwrap();
    Example {
        kind: T::TYPE,
        ver: T::VERSION,
        bytes,
        payload: payload(data),
    }
}

pub(crate) fn sample() -> Sample {
    Sample {
        interval_ms: Some(5000),
        cpu: Some(Cpu {
            total: Some(12.5),
            user: Some(8.0),
            system: Some(4.5),
            iowait: Some(0.25),
            steal: Some(0.0),
            cores: vec![Some(20.0), None, Some(5.0)],
        }),
        load: Some(Load {
            one: Some(0.5),
            five: Some(0.25),
            fifteen: Some(0.125),
        }),
        mem: Some(Memory {
            total: Some(16 << 30),
            used: Some(4 << 30),
            available: Some(12 << 30),
            cached: Some(6 << 30),
            buffers: Some(1 << 20),
        }),
        swap: Some(Swap {
            total: Some(2 << 30),
            used: Some(0),
        }),
        psi: Some(Pressure {
            cpu: Some(0.5),
            mem: Some(0.0),
            io: Some(1.5),
        }),
        host: Some(Host {
            uptime_s: Some(86_400),
            processes: Some(131),
            running: Some(2),
            blocked: Some(0),
        }),
        fs: vec![Filesystem {
            mount: "/".into(),
            device: Some("/dev/vda1".into()),
            kind: Some("ext4".into()),
            total: Some(100 << 30),
            used: Some(40 << 30),
            available: Some(55 << 30),
            inodes: Some(6_553_600),
            inodes_used: Some(400_000),
        }],
        disk: vec![Disk {
            name: "vda".into(),
            read_total: Some(123_456_789),
            write_total: Some(987_654_321),
            read: Some(1024.0),
            write: Some(2048.0),
            read_ops: Some(1.5),
            write_ops: Some(3.0),
            util: Some(0.5),
            await_ms: Some(0.75),
        }],
        net: vec![Interface {
            name: "eth0".into(),
            rx_total: Some(1 << 40),
            tx_total: Some(1 << 39),
            rx: Some(125_000.0),
            tx: Some(64_000.0),
            rx_packets: Some(100.0),
            tx_packets: Some(80.0),
            rx_errors: Some(0.0),
            tx_errors: Some(0.0),
            rx_drops: Some(0.0),
            tx_drops: Some(0.0),
        }],
        temp: vec![Sensor {
            name: "coretemp Package id 0".into(),
            celsius: Some(47.0),
        }],
        top_cpu: vec![Process {
            pid: 4711,
            name: "postgres".into(),
            user: Some("postgres".into()),
            cpu: Some(31.0),
            mem: Some(200 << 20),
        }],
        top_mem: vec![],
        containers: vec![Container {
            id: "0123456789ab".into(),
            name: "web".into(),
            image: Some("nginx:1.29".into()),
            project: Some("shop".into()),
            state: Some("running".into()),
            health: Some("healthy".into()),
            restarts: Some(1),
            cpu: Some(2.5),
            mem: Some(50 << 20),
            mem_limit: None,
            rx: Some(10.0),
            tx: Some(20.0),
            read: Some(0.0),
            write: Some(512.0),
        }],
        failed_units: vec!["nginx.service".into()],
        truncated: None,
    }
}

pub(crate) fn all() -> Vec<Example> {
    let mut all = vec![
        example(sample(), Payload::MetricsSample),
        example(
            AgentHello {
                version: "0.1.0".into(),
                hostname: "web-01".into(),
                os: Some("Debian GNU/Linux 13".into()),
                kernel: Some("6.12.0".into()),
                arch: Some("x86_64".into()),
                cpu_model: Some("AMD EPYC".into()),
                cores: Some(2),
                memory_total: Some(16 << 30),
                capabilities: vec!["metrics".into(), "processes".into()],
                grants: Vec::new(),
                interval_ms: Some(5000),
                spooled: Some(0),
                dropped: Some(0),
            },
            Payload::AgentHello,
        ),
        example(
            AgentConnected {
                session: "NABC.42".into(),
                key: key(),
                transport: Transport::Nats,
                address: Some("192.0.2.1".into()),
                orders: false,
            },
            Payload::AgentConnected,
        ),
        example(
            AgentDisconnected {
                session: "NABC.42".into(),
                transport: Transport::Websocket,
                address: Some("192.0.2.1".into()),
                reason: Some("Client Closed".into()),
                remaining: 0,
            },
            Payload::AgentDisconnected,
        ),
        example(
            AgentRefused {
                key: key(),
                transport: Transport::Nats,
                address: Some("192.0.2.1".into()),
                reason: "revoked".into(),
            },
            Payload::AgentRefused,
        ),
        example(NameClaimed { user: user() }, Payload::NameClaimed),
        example(NameReleased { user: user() }, Payload::NameReleased),
        example(
            UserRegistered {
                user: user(),
                username: "ada".into(),
                email: Some("ada@example.org".into()),
                full_name: Some("Ada L.".into()),
                role: Role::Owner,
            },
            Payload::UserRegistered,
        ),
        example(
            UserProfileChanged {
                user: user(),
                email: None,
                full_name: Some("Ada Lovelace".into()),
            },
            Payload::UserProfileChanged,
        ),
        example(
            UserPasswordChanged { user: user() },
            Payload::UserPasswordChanged,
        ),
        example(
            ServerRegistered {
                server: server(),
                name: "web 01".into(),
                owner: user(),
                tags: vec!["prod".into()],
                interval_ms: Some(5000),
            },
            Payload::ServerRegistered,
        ),
        example(
            ServerChanged {
                server: server(),
                name: "web one".into(),
                tags: vec![],
                interval_ms: None,
                needs_approval: None,
            },
            Payload::ServerChanged,
        ),
        example(ServerDeleted { server: server() }, Payload::ServerDeleted),
        example(
            KeyIssued {
                key: key(),
                server: server(),
                name: Some("first".into()),
                expires_at: Some(Timestamp::from_micros(1_800_000_000_000_000)),
            },
            Payload::KeyIssued,
        ),
        example(
            KeyRevoked {
                key: key(),
                server: server(),
            },
            Payload::KeyRevoked,
        ),
        example(
            KeyRetired {
                key: key(),
                server: server(),
                expires_at: Timestamp::from_micros(1_800_000_000_000_000),
                successor: KeyId::parse("n3xtn3xtn3xtn3xt").unwrap(),
            },
            Payload::KeyRetired,
        ),
        example(
            EnrolmentOffered {
                enrolment: KeyId::parse("0ff3r0ff3r0ff3r0").unwrap(),
                server: server(),
                expires_at: Timestamp::from_micros(1_800_000_000_000_000),
            },
            Payload::EnrolmentOffered,
        ),
        example(
            UserRoleChanged {
                user: user(),
                role: Role::Admin,
            },
            Payload::UserRoleChanged,
        ),
        example(UserDeactivated { user: user() }, Payload::UserDeactivated),
        example(UserReactivated { user: user() }, Payload::UserReactivated),
        example(
            TeamCreated {
                team: team(),
                name: "night shift".into(),
            },
            Payload::TeamCreated,
        ),
        example(
            TeamChanged {
                team: team(),
                name: "day shift".into(),
            },
            Payload::TeamChanged,
        ),
        example(TeamDeleted { team: team() }, Payload::TeamDeleted),
        example(
            TeamMemberAdded {
                team: team(),
                user: user(),
            },
            Payload::TeamMemberAdded,
        ),
        example(
            TeamMemberRemoved {
                team: team(),
                user: user(),
            },
            Payload::TeamMemberRemoved,
        ),
        example(
            GrantGiven {
                grant: GrantId::of(&Grantee::Team(team()), &Granted::Tag("prod".into())),
                to: Grantee::Team(team()),
                on: Granted::Tag("prod".into()),
                level: Level::Operate,
            },
            Payload::GrantGiven,
        ),
        example(
            GrantRevoked {
                grant: GrantId::of(&Grantee::User(user()), &Granted::Server(server())),
            },
            Payload::GrantRevoked,
        ),
        example(
            InvitationMade {
                invitation: invitation(),
                role: Role::Viewer,
                teams: vec![team()],
                email: Some("grace@example.org".into()),
                expires_at: Timestamp::from_micros(1_800_000_000_000_000),
            },
            Payload::InvitationMade,
        ),
        example(
            InvitationRevoked {
                invitation: invitation(),
            },
            Payload::InvitationRevoked,
        ),
        example(
            InvitationAccepted {
                invitation: invitation(),
                user: user(),
            },
            Payload::InvitationAccepted,
        ),
        example(
            SettingsChanged {
                registration: Registration::Invite,
            },
            Payload::SettingsChanged,
        ),
        example(
            SignedIn {
                user: user(),
                session: session(),
                method: Method::PasswordTotp,
            },
            Payload::SignedIn,
        ),
        example(
            SignInFailed {
                user: None,
                name_digest: Some("0123456789abcdef".repeat(4)),
                method: Method::Password,
                reason: "wrong_credentials".into(),
            },
            Payload::SignInFailed,
        ),
        example(
            SignedOut {
                user: user(),
                session: session(),
            },
            Payload::SignedOut,
        ),
        example(
            SessionEnded {
                user: user(),
                session: session(),
                reason: "reuse".into(),
            },
            Payload::SessionEnded,
        ),
        example(
            AccessDenied {
                action: "delete_server".into(),
                target_kind: "server".into(),
                target: server().to_string(),
                reason: "hidden".into(),
            },
            Payload::AccessDenied,
        ),
        example(
            Exported {
                what: "audit".into(),
                query: "actor=system".into(),
                entries: 42,
            },
            Payload::Exported,
        ),
        example(
            RestoreAccepted {
                kept: 15,
                after_root: Hash::of(b"after"),
                before: 24,
                before_root: Hash::of(b"before"),
                before_time: Timestamp::from_micros(1_800_000_000_000_000),
                positions: [("OPS_CTL".to_owned(), 80)].into(),
                by: "Ada".into(),
                reason: "disk failure, restored the backup of Sunday".into(),
            },
            Payload::RestoreAccepted,
        ),
        example(
            TokenIssued {
                token: token(),
                user: user(),
                name: "deploy script".into(),
                scopes: [Scope::Read, Scope::Operate].into_iter().collect(),
                expires_at: Timestamp::from_micros(1_800_000_000_000_000),
            },
            Payload::TokenIssued,
        ),
        example(
            TokenRevoked {
                token: token(),
                user: user(),
            },
            Payload::TokenRevoked,
        ),
        example(
            SecondFactorEnabled { user: user() },
            Payload::SecondFactorEnabled,
        ),
        example(
            SecondFactorDisabled { user: user() },
            Payload::SecondFactorDisabled,
        ),
        example(
            RecoveryCodesMade { user: user() },
            Payload::RecoveryCodesMade,
        ),
        example(SessionsEnded { user: user() }, Payload::SessionsEnded),
        example(
            PasskeyAdded {
                user: user(),
                passkey: "q83vASNFZ4mrze8BI0VniQ".into(),
                name: "laptop".into(),
            },
            Payload::PasskeyAdded,
        ),
        example(
            PasskeyRemoved {
                user: user(),
                passkey: "q83vASNFZ4mrze8BI0VniQ".into(),
            },
            Payload::PasskeyRemoved,
        ),
        example(
            IdentityLinked {
                user: user(),
                issuer: "https://id.example.org".into(),
                subject: "248289761001".into(),
            },
            Payload::IdentityLinked,
        ),
        example(
            IdentityUnlinked {
                user: user(),
                issuer: "https://id.example.org".into(),
                subject: "248289761001".into(),
            },
            Payload::IdentityUnlinked,
        ),
    ];
    all.extend(command::all());
    all.extend(terminal::all());
    all.extend(log::all());
    all.extend(job::all());
    all.push(example(
        ContainerChanged {
            container: "8dfafdbc3a40".repeat(5),
            name: "web-1".into(),
            image: Some("nginx:1".into()),
            project: Some("shop".into()),
            change: Change::Died,
            exit_code: Some(137),
            lines: vec!["out of memory".into()],
            left_out: 2,
        },
        Payload::ContainerChanged,
    ));
    all.extend(alert::all());
    all
}
