//! `/installation/repositories`.

use serde_json::{Value, json};

use super::repositories;
use crate::context::{Context, FoundRepository};
use crate::http_response::{EndpointResult, HttpResponse};
use crate::page_request::PageRequest;

/// `GET /installation/repositories`
pub(crate) fn repositories(context: &Context<'_>) -> EndpointResult {
    if context.token.is_none_or(|token| token.installation.is_none()) {
        let message = "You must authenticate with an installation access token in order to list repositories for an installation.";
        return Err(HttpResponse::error(403, message));
    }
    let granted = context.world.accounts().flat_map(|account| {
        let seen = account
            .repositories
            .iter()
            .filter(|repo| repo.exists(context.now) && context.sees(account, repo));
        seen.map(move |repo| FoundRepository { account, repo })
    });
    let all: Vec<FoundRepository<'_>> = granted.collect();
    let page = PageRequest::of(context.query);
    let shown: Vec<Value> =
        page.cut(&all).iter().map(|found| repositories::render(context, *found)).collect();
    let selected = context.token.is_some_and(|token| token.repositories.is_some());
    let body = json!({
        "total_count": all.len(),
        "repository_selection": if selected { "selected" } else { "all" },
        "repositories": shown,
    });
    let url = format!("{}/installation/repositories", context.base);
    Ok(context.linked(HttpResponse::ok(&body), page, all.len(), &url))
}
