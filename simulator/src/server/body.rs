//! Response bodies, complete and truncated.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

/// The body of a response.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Long enough for the first half to be sent before the connection is closed.
const HALFWAY: Duration = Duration::from_millis(30);

/// A complete body.
pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A body that ends after its first half.
pub(crate) fn cut(bytes: &Bytes) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    let frames = stream::unfold(Some(half), |next| async move {
        match next {
            Some(half) if !half.is_empty() => Some((Ok(Frame::data(half)), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(HALFWAY).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            }
            None => None,
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
