//! `/auth/tokens`: a person's API tokens. The secret is in the answer that makes one and nowhere else.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{
    clock::Timestamp, event::credential::TokenRevoked, ids::TokenId, subject::Entity,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{actor::InPerson, personal_token},
    body::{
        moment::Moment,
        token::{ApiToken, Scope},
    },
    code::Code,
    decide::issue_token,
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// A person's API tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenList {
    /// Newest first; revoked ones are not listed.
    tokens: Vec<ApiToken>,
}

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTokenRequest {
    /// Name for people.
    #[schema(example = "deploy script")]
    name: String,
    /// What it may be used for; at least one.
    scopes: Vec<Scope>,
    /// When it ends by itself; at most 366 days ahead.
    #[schema(value_type = Moment)]
    expires_at: Timestamp,
}

/// A token with its secret, for the only time.
#[derive(Serialize, ToSchema)]
pub struct IssuedToken {
    /// What is known of it.
    info: ApiToken,
    /// For `Authorization: Bearer`. Copy it now: it cannot be shown again.
    #[schema(example = "chatops_pat_k7q2mzv5xw3tbn4h_…")]
    token: String,
}

/// List my API tokens
#[utoipa::path(get, path = "/auth/tokens", tag = "Auth", operation_id = "auth_tokens_list",
    responses(
        (status = 200, description = "the tokens", body = TokenList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
) -> Result<Json<TokenList>, Problem> {
    let now = api.clock().now();
    let tokens = api.store().tokens(actor.user).await?;
    let tokens = tokens
        .into_iter()
        .map(|token| ApiToken::at(now, token))
        .collect();
    Ok(Json(TokenList { tokens }))
}

/// Make an API token for myself
#[utoipa::path(post, path = "/auth/tokens", tag = "Auth", operation_id = "auth_tokens_create",
    request_body = CreateTokenRequest,
    responses(
        (status = 201, description = "the token, with its secret for the only time", body = IssuedToken),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    Body(request): Body<CreateTokenRequest>,
) -> Result<(StatusCode, Json<IssuedToken>), Problem> {
    let (id, digest, token) = personal_token::fresh()?;
    let scopes: Vec<_> = request.scopes.iter().copied().map(Into::into).collect();
    let command = issue_token::Command {
        name: &request.name,
        scopes: &scopes,
        expires_at: request.expires_at,
    };
    let existing = api.store().tokens(actor.user).await?.len();
    let issued = issue_token::decide(command, id.clone(), actor.user, existing, api.clock().now())?;
    // First the digest, then the event: a token that exists always has one.
    api.store().put_token_digest(&id, digest.bytes()).await?;
    let event = written::event(&api, &actor.by(), issued);
    match written::append(&api, Entity::Token, id.as_str(), 0, &event).await {
        Ok(Appended::At(seq)) => {
            // Also when the row is late: the secret must not be lost.
            written::visible(&api, seq).await?;
            let issued = event.data;
            let info = ApiToken {
                id,
                name: issued.name,
                scopes: issued.scopes.iter().map(Scope::from).collect(),
                created_at: event.time.into(),
                expires_at: issued.expires_at.into(),
                expired: false,
                last_used_at: None,
                last_used_from: None,
            };
            let token = token.expose_secret().to_owned();
            Ok((StatusCode::CREATED, Json(IssuedToken { info, token })))
        }
        // The id is fresh: nobody else can have used it.
        Ok(Appended::Conflict) => Err(Problem::new(Code::Conflict)),
        Err(problem) => {
            api.store().forget_token_digest(&id).await?;
            Err(problem)
        }
    }
}

/// Revoke an API token of mine
#[utoipa::path(delete, path = "/auth/tokens/{id}", tag = "Auth", operation_id = "auth_tokens_revoke",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "revoked"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1222", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn revoke(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    Path(id): Path<String>,
) -> Result<Written<()>, Problem> {
    let hidden = || Problem::new(Code::NoToken);
    let id = TokenId::parse(id).map_err(|_| hidden())?;
    let mine = api.store().tokens(actor.user).await?;
    let token = mine
        .into_iter()
        .find(|token| token.id == id)
        .ok_or_else(hidden)?;
    let revoked = TokenRevoked {
        token: id.clone(),
        user: actor.user,
    };
    let event = written::event(&api, &actor.by(), revoked);
    let seq = match written::append(&api, Entity::Token, id.as_str(), token.ctl_seq, &event).await?
    {
        Appended::At(seq) => seq,
        // A token has two events in its life: somebody else has just revoked it.
        Appended::Conflict => written::last_seq(&api, Entity::Token, id.as_str()).await?,
    };
    // Only after the event: a digest that is gone cannot come back when the append fails.
    api.store().forget_token_digest(&id).await?;
    api.hub().recheck(actor.user);
    Ok(match written::visible(&api, seq).await? {
        true => Written::Row(StatusCode::NO_CONTENT, ()),
        false => Written::Pending(seq),
    })
}
