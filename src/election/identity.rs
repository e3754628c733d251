//! Who stands for election.

use uuid::Uuid;

/// `<replica>_<uuid>`: a replica that was started anew is somebody else, because what its predecessor did last is unknown.
pub fn identity(replica: &str) -> String {
    format!("{replica}_{}", Uuid::new_v4())
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_start_is_somebody_else() {
        let (one, other) = (super::identity("stats-0"), super::identity("stats-0"));
        assert!(one.starts_with("stats-0_") && one != other, "{one}, {other}");
    }
}
