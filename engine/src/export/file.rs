//! A file as it is sent (outsend 9.5).

use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use super::Encoder;
use crate::Row;

/// Rows as they come, some at a time.
pub type Rows<E> = BoxStream<'static, Result<Vec<Row>, E>>;

/// The part of the file that comes next.
#[derive(Clone, Copy, Debug)]
enum Part {
    Head,
    Rows,
    End,
    Nothing,
}

/// The bytes of a file over rows. An error of theirs is the last that comes: no half file looks whole.
#[must_use]
pub fn file<E: Send + 'static>(encoder: Box<dyn Encoder>, rows: Rows<E>) -> BoxStream<'static, Result<Bytes, E>> {
    let pieces = stream::unfold((encoder, rows, Part::Head), |(mut encoder, mut rows, part)| async move {
        let (piece, next) = match part {
            Part::Head => (Ok(encoder.begin()), Part::Rows),
            Part::Rows => match rows.next().await {
                Some(Ok(some)) => (Ok(encoder.rows(&some)), Part::Rows),
                Some(Err(error)) => (Err(error), Part::Nothing),
                None => (Ok(Bytes::new()), Part::End),
            },
            Part::End => (Ok(encoder.end()), Part::Nothing),
            Part::Nothing => return None,
        };
        Some((piece, (encoder, rows, next)))
    });
    let empty = |piece: &Result<Bytes, E>| piece.as_ref().is_ok_and(Bytes::is_empty);
    pieces.filter(move |piece| std::future::ready(!empty(piece))).boxed()
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use serde_json::json;

    use super::*;
    use crate::export::Format;

    async fn sent(rows: Vec<Result<Vec<Row>, &'static str>>) -> Vec<Result<String, &'static str>> {
        let encoder = Format::Json.encoder(&["a".to_owned()]);
        let pieces: Vec<_> = file(encoder, stream::iter(rows).boxed()).collect().await;
        pieces.into_iter().map(|piece| piece.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())).collect()
    }

    #[tokio::test]
    async fn a_failure_cuts_it_off() {
        let one = || Ok(vec![vec![json!(1)]]);
        let whole: String = sent(vec![one(), Ok(Vec::new()), one()]).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&whole).unwrap(), json!([{"a": 1}, {"a": 1}]));
        let cut = sent(vec![one(), Err("gone"), one()]).await;
        assert_eq!(cut.last(), Some(&Err("gone")));
        assert!(cut.iter().flatten().all(|piece| !piece.contains(']')), "{cut:?}");
    }
}
