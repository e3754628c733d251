//! The panic hook. It is global to the process, so there is only this one test.

use std::fmt;
use std::sync::{Arc, Mutex};

use actix_supervisor::install_panic_hook;
use actix_supervisor::testing::{FailureMode, TestHarness, Trigger};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use super::tree_of;

#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{}={value:?};", field.name()));
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_panic_is_logged_once_with_actor_location_and_payload() {
    let errors = Errors::default();
    install_panic_hook();
    install_panic_hook();
    tracing::subscriber::with_default(errors.clone(), || {
        TestHarness::run(|harness| async move {
            let (actor, spec) = harness.actor("the-actor");
            harness.start(tree_of(spec));
            actor.ready().await.unwrap();
            actor.call(Trigger(FailureMode::PanicInHandler)).await.unwrap_err();
        });
    });
    let logged = errors.0.lock().unwrap().clone();
    assert_eq!(logged.len(), 1, "{logged:?}");
    for part in [r#"actor="the-actor""#, "scripted_actor.rs:", r#"payload="scripted panic in a handler""#] {
        assert!(logged[0].contains(part), "{part} is missing in {}", logged[0]);
    }
}
