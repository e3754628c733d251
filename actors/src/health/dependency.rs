//! What the replica depends on, and which components say how it is.

/// Something outside the process that the replica depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// GitHub's API.
    Github,
    /// The shared store.
    Redis,
    /// The message broker.
    Amqp,
    /// Leader election.
    Election,
    /// The file system of the data directory.
    Disk,
}

impl Dependency {
    /// All of them.
    pub const ALL: [Dependency; 5] =
        [Dependency::Github, Dependency::Redis, Dependency::Amqp, Dependency::Election, Dependency::Disk];

    /// The value of the `dependency` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Dependency::Github => "github",
            Dependency::Redis => "redis",
            Dependency::Amqp => "amqp",
            Dependency::Election => "election",
            Dependency::Disk => "disk",
        }
    }

    /// The components of the health snapshot that stand for it; the first one present counts.
    pub(super) fn components(self) -> &'static [&'static str] {
        match self {
            Dependency::Github => &["github"],
            Dependency::Redis => &["redis", "store"],
            Dependency::Amqp => &["amqp", "queue"],
            Dependency::Election => &["election"],
            Dependency::Disk => &["disk"],
        }
    }
}
