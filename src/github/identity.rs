//! Whom a fact is credited to.

use github_stats_actors::activity::Login;

use super::model::Account;

/// How bots are spelt.
pub const BOT_SUFFIX: &str = "[bot]";

/// The author of a commit; `unlinked` where GitHub links it to no account. Never an e-mail address: those are not read.
pub fn commit_author(account: Option<&Account>) -> Login {
    label(account).unwrap_or_else(|| Login::UNLINKED.into())
}

/// The author of anything else; `ghost` where the account was deleted.
pub fn actor(account: Option<&Account>) -> Login {
    label(account).unwrap_or_else(|| Login::GHOST.into())
}

/// One spelling for bots, whichever API named them.
fn label(account: Option<&Account>) -> Option<Login> {
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
    fn everybody_has_one_spelling() {
        assert_eq!(actor(Some(&account(Some("ada"), "User"))).as_str(), "ada");
        assert_eq!(actor(Some(&account(Some("renovate"), "Bot"))).as_str(), "renovate[bot]");
        assert_eq!(actor(Some(&account(Some("renovate[bot]"), "Bot"))).as_str(), "renovate[bot]");
        assert_eq!(actor(None).as_str(), "ghost");
        assert_eq!(commit_author(None).as_str(), "unlinked");
        assert_eq!(
            commit_author(Some(&account(None, "User"))).as_str(),
            "unlinked",
            "GitHub answers {{}} at times"
        );
    }
}
