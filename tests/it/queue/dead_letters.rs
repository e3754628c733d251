//! Dead letters in the broker's own queue.

use std::time::Duration;

use github_stats::queue::amqp::DeadLetterQueue;
use github_stats_actors::activity::Timestamp;
use github_stats_actors::clock::Clock;
use github_stats_actors::queue::{
    DeadLetter, DeadLetterAdmin, DeadLetterError, DeadLetterReason, JobQueue, QueueMessage, Settlement,
};

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
        queue.publish_dead_letter(&dead_letter(number)).await.expect("dead-lettered");
    }
    let open = || async {
        let clock = Clock::starting_at(NOW);
        DeadLetterQueue::open(&broker(&rabbit.url()), &topology, clock).await.expect("a connection")
    };
    for _ in 0..2 {
        let page = open().await.page(10).await.expect("dead letters");
        assert_eq!(
            page.dead_letters,
            [dead_letter(0), dead_letter(1), dead_letter(2)],
            "listing changes nothing"
        );
    }
    assert_eq!(open().await.page(1).await.expect("dead letters").dead_letters, [dead_letter(0)]);
    let dead_letters = open().await;
    let again = dead_letters.reprocess("job-1").await.expect("reprocessed");
    assert_eq!(again.job_id, Some("job-1~2".to_owned()));
    for dead_letters in [dead_letters, open().await] {
        let again = dead_letters.reprocess("job-1").await;
        assert!(matches!(again, Err(DeadLetterError::Unknown(_))), "both copies are gone");
    }
    let delivery = queue.receive().await.expect("a delivery");
    assert!(matches!(delivery.message(), QueueMessage::Job(found) if found.job_id == "job-1~2"));
    delivery.settle(Settlement::Done).await.expect("settled");
    open().await.resolve("job-0", "a test").await.expect("resolved");
    let delivery = queue.receive().await.expect("a delivery");
    assert!(matches!(delivery.message(), QueueMessage::Resolved(news) if news.dead_letter == "job-0"));
    delivery.settle(Settlement::Done).await.expect("settled");
    queue.forget("job-2").await.expect("forgotten");
    assert_eq!(open().await.page(0).await.expect("a number").total, 0);
    let nothing = tokio::time::timeout(Duration::from_millis(300), queue.receive()).await;
    assert!(nothing.is_err());
}
