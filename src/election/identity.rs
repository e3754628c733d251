//! The identity of a replica in elections.

use uuid::Uuid;

/// `<replica>_<uuid>`. A restarted replica gets a new identity, because it does not know what the
/// former process did last.
pub fn identity(replica: &str) -> String {
    format!("{replica}_{}", Uuid::new_v4())
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_start_gets_a_new_identity() {
        let (one, other) = (super::identity("stats-0"), super::identity("stats-0"));
        assert!(one.starts_with("stats-0_") && one != other, "{one}, {other}");
    }
}
