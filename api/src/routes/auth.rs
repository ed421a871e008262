//! Signing up, in and out, and one's own account.

pub mod change_me;
pub mod change_password;
pub mod invitation;
pub mod login;
pub mod login_second;
pub mod logout;
pub mod me;
pub mod oidc;
pub mod passkeys;
pub mod refresh;
pub mod register;
pub mod security;
pub mod sessions;
pub mod status;
pub mod tokens;
pub mod totp;
