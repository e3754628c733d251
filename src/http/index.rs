//! `/`: a list of the pages.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;

use super::routes::ENDPOINTS;

/// A page of links, for people who open the address in a browser.
pub(super) async fn index() -> HttpResponse {
    let links: String = ENDPOINTS
        .iter()
        .map(|(path, what)| format!("<li><a href=\"{path}\">{path}</a> {what}</li>\n"))
        .collect();
    HttpResponse::Ok().content_type(ContentType::html()).body(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>github-stats</title></head>\n\
         <body>\n<h1>github-stats</h1>\n<ul>\n{links}</ul>\n</body>\n</html>\n"
    ))
}
