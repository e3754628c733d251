//! The actor that encodes each snapshot, independently of requests.

use std::panic::resume_unwind;

use actix::prelude::*;
use github_stats_actors::activity::SeriesSnapshot;
use github_stats_actors::store::PublishedView;

use super::{ActivityPages, ContentCoding, Edition, Encoder};

/// Encodes the latest snapshot whenever there is a new one. A new incarnation encodes everything
/// once; meanwhile the last edition stays published.
pub struct ExpositionActor {
    view: PublishedView,
    pages: ActivityPages,
}

impl ExpositionActor {
    /// An actor that will publish editions of `view` to `pages`.
    pub fn new(view: PublishedView, pages: ActivityPages) -> Self {
        ExpositionActor { view, pages }
    }
}

impl Actor for ExpositionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(follow(self.view.clone(), self.pages.clone()).into_actor(self));
    }
}

/// Of the snapshots published while one is encoded only the latest is encoded next.
async fn follow(view: PublishedView, pages: ActivityPages) {
    let mut generations = view.generations();
    let mut worker = Worker { encoder: Encoder::default(), pages };
    loop {
        generations.borrow_and_update();
        if let Some(published) = view.latest() {
            let work = tokio::task::spawn_blocking(move || {
                let edition = worker.edition(published.generation, &published.series);
                // Publishing frees the edition before; not on the thread of the actors.
                worker.pages.publish(edition);
                worker
            });
            worker = match work.await {
                Ok(worker) => worker,
                // For the supervisor it is a panic of this actor.
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(_) => return,
            };
        }
        if generations.changed().await.is_err() {
            return;
        }
    }
}

struct Worker {
    encoder: Encoder,
    pages: ActivityPages,
}

impl Worker {
    /// The edition in the forms that recent scrapes have requested.
    fn edition(&mut self, generation: u64, series: &SeriesSnapshot) -> Edition {
        let warm = self.pages.warm();
        let is_warm = |coding: ContentCoding| warm.iter().any(|(_, warm)| *warm == coding);
        if self.pages.latest().is_some_and(|last| last.codings().any(|coding| !is_warm(coding))) {
            self.encoder.forget_compressed();
        }
        let edition = self.encoder.encode(generation, series);
        warm.into_iter().for_each(|(format, coding)| drop(edition.make(format, coding)));
        edition
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_supervisor::{ActorRef, ChildSpec, Strategy, SupervisorSpec, start_root};
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::exposition::ExpositionFormat;
    use crate::exposition::testing::{row, snapshot};

    async fn published(pages: &ActivityPages, generation: u64) -> std::sync::Arc<Edition> {
        let wait = async {
            loop {
                match pages.latest() {
                    Some(edition) if edition.generation() >= generation => return edition,
                    _ => sleep(Duration::from_millis(2)).await,
                }
            }
        };
        timeout(Duration::from_secs(10), wait).await.expect("an edition")
    }

    #[actix::test]
    async fn every_snapshot_becomes_an_edition_in_the_requested_forms() {
        let (view, pages) = (PublishedView::default(), ActivityPages::default());
        let (source, target) = (view.clone(), pages.clone());
        let exposition = ActorRef::new("exposition");
        let child =
            ChildSpec::actor(&exposition, move || ExpositionActor::new(source.clone(), target.clone()));
        let root = start_root(SupervisorSpec::new("root", Strategy::OneForOne).child(child)).expect("a tree");
        view.publish(snapshot(vec![row("acme", "api", "ann")]));
        let first = published(&pages, 1).await;
        assert_eq!((first.counts().total(), first.codings().count()), (13, 0));
        pages.encoded(ExpositionFormat::OpenMetrics, ContentCoding::Zstd).await.expect("made");
        view.publish(snapshot(vec![row("acme", "api", "ann"), row("acme", "api", "bob")]));
        let second = published(&pages, 2).await;
        assert!(
            second.made(ExpositionFormat::OpenMetrics, ContentCoding::Zstd).is_some(),
            "it was made in advance"
        );
        assert!(second.made(ExpositionFormat::Text, ContentCoding::Gzip).is_none());
        root.shutdown(Duration::from_secs(1)).await;
    }
}
