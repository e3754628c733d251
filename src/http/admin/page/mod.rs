//! The admin page: three static files without any data, which a browser fills from the admin API.
//!
//! They can be read without a token, because they contain nothing confidential and a browser that
//! follows a link sends no token. Everything they show and do goes through the API and its
//! authentication.

use actix_web::HttpResponse;
use actix_web::http::header::{self, ContentType};

/// Scripts, styles and requests of this origin only, and no inline code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves the page.
pub(in crate::http) async fn page() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_SECURITY_POLICY, POLICY)).content_type(ContentType::html());
    response.body(include_str!("page.html"))
}

/// Serves the page's script.
pub(in crate::http) async fn script() -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(include_str!("page.js"))
}

/// Serves the page's style sheet.
pub(in crate::http) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("page.css"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fresh, get, with_token};

    #[actix::test]
    async fn the_page_contains_no_data_and_uses_this_origin_only() {
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
            // The content security policy would block these.
            assert!(!text.contains("style=") && !text.contains("onclick="), "{path}");
            assert!(!text.contains("innerHTML"), "names are untrusted input");
        }
        assert!(
            page.text().contains("src=\"admin/page.js\"") && page.text().contains("href=\"admin/page.css\"")
        );
    }
}
