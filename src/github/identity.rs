//! The login to which a fact is attributed.

use github_stats_actors::activity::Login;

use super::account::Account;

/// The suffix of a bot's login.
pub const BOT_SUFFIX: &str = "[bot]";

/// The author of a commit; `unlinked` if GitHub links it to no account. E-mail addresses are not
/// read.
pub fn commit_author(account: Option<&Account>) -> Login {
    login_of(account).unwrap_or_else(|| Login::UNLINKED.into())
}

/// The author of anything else; `ghost` if the account was deleted.
pub fn actor(account: Option<&Account>) -> Login {
    login_of(account).unwrap_or_else(|| Login::GHOST.into())
}

/// The login, with the same suffix for bots whichever API returned it.
fn login_of(account: Option<&Account>) -> Option<Login> {
    let account = account?;
    let login = account.login.as_deref().filter(|login| !login.is_empty())?;
    let is_bot = account.kind.as_deref() == Some("Bot");
    if is_bot && !login.ends_with(BOT_SUFFIX) {
        return Some(Login::from(format!("{login}{BOT_SUFFIX}")));
    }
    Some(login.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(login: Option<&str>, kind: &str) -> Account {
        Account { login: login.map(str::to_owned), kind: Some(kind.to_owned()) }
    }

    #[test]
    fn rest_and_graphql_accounts_get_the_same_login() {
        assert_eq!(actor(Some(&account(Some("ada"), "User"))).as_str(), "ada");
        assert_eq!(actor(Some(&account(Some("renovate"), "Bot"))).as_str(), "renovate[bot]");
        assert_eq!(actor(Some(&account(Some("renovate[bot]"), "Bot"))).as_str(), "renovate[bot]");
        assert_eq!(actor(None).as_str(), "ghost");
        assert_eq!(commit_author(None).as_str(), "unlinked");
        assert_eq!(
            commit_author(Some(&account(None, "User"))).as_str(),
            "unlinked",
            "GitHub sometimes returns {{}}"
        );
    }
}
