//! The operator's page: three files without any data, which a browser fills from the API.
//!
//! Because nothing is in them they may be read without a token; a browser could not send one with a link anyway. What
//! they show and do goes through the API and its authentication.

use actix_web::HttpResponse;
use actix_web::http::header::{self, ContentType};

/// Only what this server serves, no inline code, and requests to nobody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page itself.
pub(in crate::http) async fn page() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_SECURITY_POLICY, POLICY)).content_type(ContentType::html());
    response.body(include_str!("page.html"))
}

/// What it does.
pub(in crate::http) async fn script() -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(include_str!("page.js"))
}

/// What it looks like.
pub(in crate::http) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("page.css"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fresh, get, with_token};

    #[actix::test]
    async fn the_page_holds_no_data_and_needs_nobody_else() {
        let state = with_token(fresh(), "s3cret");
        let page = get(&state, "/admin").await;
        assert_eq!((page.status, page.header("content-security-policy")), (200, Some(POLICY)));
        for (path, kind) in
            [("/admin", "text/html"), ("/admin/page.js", "text/javascript"), ("/admin/page.css", "text/css")]
        {
            let answer = get(&state, path).await;
            assert_eq!(answer.header("content-type"), Some(format!("{kind}; charset=utf-8").as_str()));
            let text = answer.text();
            assert!(
                !text.contains("://") && !text.contains("replica-0") && !text.contains("s3cret"),
                "{path}"
            );
            // The policy would keep a browser from running these.
            assert!(!text.contains("style=") && !text.contains("onclick="), "{path}");
            assert!(!text.contains("innerHTML"), "names come from strangers");
        }
        assert!(
            page.text().contains("src=\"admin/page.js\"") && page.text().contains("href=\"admin/page.css\"")
        );
    }
}
