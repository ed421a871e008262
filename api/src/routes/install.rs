//! `GET /install.sh` and `GET /install/chatops-agent`: what the one-line command fetches. The command holds the checksum
//! of the script and the script that of the program, so that both may come over a line nobody trusts.

use axum::{
    body::Bytes,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::{
    code::Code,
    problem::{Document, Problem},
    state::Api,
};

const SCRIPT: &str = include_str!("install/install.sh");

/// The installer as this process serves it; read once.
#[derive(Debug, Clone)]
pub struct Installer {
    script: String,
    program: Option<Bytes>,
}

impl Installer {
    async fn read(api: &Api) -> Self {
        let config = api.config();
        let program = match &config.agent_program {
            Some(path) => match tokio::fs::read(path).await {
                Ok(bytes) => Some(Bytes::from(bytes)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the agent's program cannot be read: hosts have to bring their own");
                    None
                }
            },
            None => None,
        };
        let checksum = program.clone().map(|program| sha256(&program));
        let script = SCRIPT
            .replace("@AGENT_SHA256@", checksum.as_deref().unwrap_or_default())
            .replace("@MACHINE@", std::env::consts::ARCH)
            .replace(
                "@CA_SHA256@",
                config.ca.as_ref().map_or("", |ca| ca.sha256.as_str()),
            );
        Self { script, program }
    }

    /// What a person pastes into a root shell.
    pub fn command(&self, url: &str, code: &str, own_ca: bool) -> String {
        // Nobody vouches for our own authority yet; the checksum does for what is fetched.
        let unchecked = if own_ca { "k" } else { "" };
        let sum = sha256(self.script.as_bytes());
        format!(
            "f=$(mktemp) && curl -fsS{unchecked} {url}/install.sh -o $f && echo \"{sum}  $f\" | sha256sum -c --status && sh $f --url {url} --code {code}"
        )
    }
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The installer of this process.
pub async fn installer(api: &Api) -> &Installer {
    api.installer().get_or_init(|| Installer::read(api)).await
}

/// The script that installs the agent
#[utoipa::path(get, path = "/install.sh", tag = "Operations", operation_id = "install_script", security(()),
    responses((status = 200, description = "the script", body = String, content_type = "text/x-shellscript")))]
pub async fn script(State(api): State<Api>) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (kind, installer(&api).await.script.clone()).into_response()
}

/// The agent's program
#[utoipa::path(get, path = "/install/chatops-agent", tag = "Operations", operation_id = "install_program", security(()),
    responses(
        (status = 200, description = "the program, for the machine this server runs on", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "CO1105", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn program(State(api): State<Api>) -> Result<Response, Problem> {
    let program = installer(&api).await.program.clone().ok_or_else(|| {
        Problem::new(Code::NoRoute).detail("this server does not have the agent's program")
    })?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, program).into_response())
}
