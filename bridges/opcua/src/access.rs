//! Access: users with passwords read and write, and anonymous clients where they are allowed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use opcua::server::address_space::AccessLevel;
use opcua::server::authenticator::{AuthManager, DefaultAuthenticator, Password, UserToken};
use opcua::server::{ANONYMOUS_USER_TOKEN_ID, ServerEndpoint, ServerUserToken};
use opcua::types::{Error, NodeId, StatusCode, UserTokenPolicy};
use pegel_program::args::opcua::passwords::Passwords;
use pegel_program::status::log;
use sha_crypt::{PasswordVerifier, ShaCrypt};
use tokio::sync::Semaphore;

/// The name by which endpoints refer to all users with a password.
pub const USERS: &str = "users";

/// A user in the endpoints' configuration that stands for all users: the library must not know
/// their passwords.
pub fn all_users() -> ServerUserToken {
    ServerUserToken {
        user: USERS.to_owned(),
        pass: Some(String::new()),
        ..ServerUserToken::default()
    }
}

/// The most logins whose passwords are checked at the same time: each check takes a core for
/// milliseconds.
const CHECKS: usize = 2;
/// The longest name and password, in bytes: the time of a check grows with the square of the
/// length.
const LENGTH: usize = 256;

pub struct Access {
    passwords: Passwords,
    checks: Semaphore,
    /// Names the kinds of identity that each endpoint accepts, and nothing else.
    policies: DefaultAuthenticator,
}

impl Access {
    pub fn new(passwords: Passwords) -> Self {
        let users = BTreeMap::from([(USERS.to_owned(), all_users())]);
        Self {
            passwords,
            checks: Semaphore::new(CHECKS),
            policies: DefaultAuthenticator::new(users),
        }
    }
}

#[async_trait]
impl AuthManager for Access {
    async fn authenticate_anonymous_token(&self, endpoint: &ServerEndpoint) -> Result<(), Error> {
        self.policies.authenticate_anonymous_token(endpoint).await
    }

    async fn authenticate_username_identity_token(
        &self,
        _endpoint: &ServerEndpoint,
        name: &str,
        password: &Password,
    ) -> Result<UserToken, Error> {
        let refused = || {
            Error::new(
                StatusCode::BadIdentityTokenRejected,
                "no such user and password",
            )
        };
        let password = password.get().to_owned();
        if name.len() > LENGTH || password.len() > LENGTH {
            return Err(refused());
        }
        let known = self.passwords.get(name);
        // An unknown name is checked against another user's hash: the time must not reveal the
        // names.
        let hash = known.or_else(|| self.passwords.values().next()).cloned();
        let hash = hash.ok_or_else(refused)?;
        let _turn = self.checks.acquire().await;
        let checked = tokio::task::spawn_blocking(move || {
            ShaCrypt::default()
                .verify_password(password.as_bytes(), hash.as_str())
                .is_ok()
        });
        if checked.await.unwrap_or(false) && known.is_some() {
            return Ok(UserToken(format!("user {name}")));
        }
        log(&format!(
            "user {name:?} was refused: no such name, or another password"
        ));
        Err(refused())
    }

    fn effective_user_access_level(
        &self,
        token: &UserToken,
        access: AccessLevel,
        _node: &NodeId,
    ) -> AccessLevel {
        // Where there are users, only they can write.
        if self.passwords.is_empty() || !token.is_anonymous() {
            return access;
        }
        access - AccessLevel::CURRENT_WRITE
    }

    fn user_token_policies(&self, endpoint: &ServerEndpoint) -> Vec<UserTokenPolicy> {
        self.policies.user_token_policies(endpoint)
    }
}

/// The kinds of users that an endpoint accepts.
pub fn takers(has_users: bool, has_anonymous: bool) -> Vec<&'static str> {
    let users = has_users.then_some(USERS);
    let anonymous = has_anonymous.then_some(ANONYMOUS_USER_TOKEN_ID);
    users.into_iter().chain(anonymous).collect()
}
