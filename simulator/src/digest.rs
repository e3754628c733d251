//! Identifiers derived from content: the same input always gives the same id.

/// A 64-bit hash of some texts, in order; stable across runs and platforms.
pub(crate) fn hash64(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    scramble(hash)
}

/// Forty hexadecimal digits that look like a git object name.
pub(crate) fn sha(parts: &[&str]) -> String {
    let seed = hash64(parts);
    let (a, b, c) = (seed, scramble(seed ^ 1), scramble(seed ^ 2));
    format!("{a:016x}{b:016x}{:08x}", c & 0xffff_ffff)
}

/// A GraphQL node id with the prefix of its type, such as `R_kgDO`.
pub(crate) fn node_id(prefix: &str, id: u64) -> String {
    const DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rest = id;
    let mut text = String::from(prefix);
    while rest > 0 {
        text.push(char::from(DIGITS[(rest % 62) as usize]));
        rest /= 62;
    }
    text
}

/// The number encoded in a node id, given without its prefix.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        _ => None,
    };
    text.bytes().rev().try_fold(0_u64, |sum, byte| sum.checked_mul(62)?.checked_add(u64::from(digit(byte)?)))
}

fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
