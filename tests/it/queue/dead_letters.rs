//! Dead letters in the broker's own queue.

use std::time::Duration;

use github_stats::queue::amqp::AmqpDeadLetters;
use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{DeadLetter, DeadLetterReason, JobQueue, QueueMessage, Settlement};

use super::fixture::{broker, connected, job, topology};
use crate::support::Rabbit;

const NOW: Timestamp = Timestamp::from_unix(5_000);

fn dead_letter(number: u32) -> DeadLetter {
    DeadLetter::of_job(&job(number), DeadLetterReason::AttemptsExhausted, "it failed", NOW)
}

#[tokio::test]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn dead_letters_are_listed_reprocessed_and_resolved_in_place() {
    let rabbit = Rabbit::shared().await;
    let topology = topology();
    let (queue, _tasks) = connected(&rabbit.url(), &topology, 6).await;
    for number in [0, 1, 1, 2] {
        queue.bury(&dead_letter(number)).await.expect("dead-lettered");
    }
    let open = || async { AmqpDeadLetters::open(&broker(&rabbit.url()), &topology).await.expect("a box") };
    for _ in 0..2 {
        let dead_letters = open().await.letters(10).await.expect("dead letters");
        assert_eq!(dead_letters, [dead_letter(0), dead_letter(1), dead_letter(2)], "listing changes nothing");
    }
    assert_eq!(open().await.letters(1).await.expect("dead letters"), [dead_letter(0)]);
    let again = open().await.reprocess("job-1", NOW).await.expect("reprocessed");
    assert_eq!(again, Some(Some("job-1~2".to_owned())));
    assert_eq!(open().await.reprocess("job-1", NOW).await.expect("asked"), None, "both copies are gone");
    let delivery = queue.receive().await.expect("a delivery");
    assert!(matches!(delivery.message(), QueueMessage::Job(found) if found.job_id == "job-1~2"));
    delivery.settle(Settlement::Done).await.expect("settled");
    assert!(open().await.resolve("job-0", "a test", NOW).await.expect("resolved"));
    let delivery = queue.receive().await.expect("a delivery");
    assert!(matches!(delivery.message(), QueueMessage::Resolved(news) if news.letter == "job-0"));
    delivery.settle(Settlement::Done).await.expect("settled");
    queue.forget("job-2").await.expect("forgotten");
    assert_eq!(open().await.count().await.expect("a number"), 0);
    let nothing = tokio::time::timeout(Duration::from_millis(300), queue.receive()).await;
    assert!(nothing.is_err());
}
