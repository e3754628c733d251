//! The supervision tree.

use actix_web::{HttpResponse, web};

use crate::admin_api::{ActorList, ActorReport};
use crate::http::AppState;

/// The supervision tree
#[utoipa::path(
    get,
    path = "/actors",
    responses((status = 200, description = "The actors, parents before their children.", body = ActorList))
)]
pub(in crate::http) async fn actors(state: web::Data<AppState>) -> HttpResponse {
    let actors = state.tree().actors.iter().map(ActorReport::of).collect();
    HttpResponse::Ok().json(ActorList { actors })
}
