//! Reading an input's rows in order.

use std::{collections::VecDeque, sync::Arc};

use crate::{Fault, Input, Row};

/// The rows from a position on, a stored chunk at a time.
pub(crate) struct Rows {
    input: Arc<dyn Input>,
    buffer: VecDeque<Row>,
    /// The position behind the buffer.
    next: u64,
    end: u64,
}

impl Rows {
    /// The rows `first..end`.
    pub(crate) fn new(input: Arc<dyn Input>, first: u64, end: u64) -> Self {
        Self { input, buffer: VecDeque::new(), next: first, end }
    }

    /// The position of the row that comes next.
    pub(crate) fn position(&self) -> u64 {
        self.next.saturating_sub(self.buffer.len() as u64)
    }

    /// The next row; `None` at the end. A row that is missing before the end is a fault.
    pub(crate) async fn next(&mut self) -> Result<Option<Row>, Fault> {
        if self.buffer.is_empty() {
            if self.next >= self.end {
                return Ok(None);
            }
            let wanted = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
            let mut rows = self.input.read(self.next).await?;
            rows.truncate(wanted);
            if rows.is_empty() {
                return Err(Fault::InputGone);
            }
            self.next += rows.len() as u64;
            self.buffer = rows.into();
        }
        Ok(self.buffer.pop_front())
    }

    /// Goes on at a later position, without reading the chunks between.
    pub(crate) fn skip_to(&mut self, position: u64) {
        while self.position() < position && self.buffer.pop_front().is_some() {}
        if self.buffer.is_empty() {
            self.next = self.next.max(position);
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! An input in memory.

    use serde_json::Value;

    use super::*;
    use crate::{BoxFuture, Network, Run, module::MAX_ROWS};

    /// Rows in chunks of a given size, or a text.
    pub(crate) struct Memory {
        pub(crate) columns: Vec<String>,
        pub(crate) rows: Vec<Row>,
        pub(crate) chunk: usize,
        pub(crate) text: Option<Vec<u8>>,
    }

    impl Memory {
        pub(crate) fn table(columns: &[&str], rows: Vec<Row>, chunk: usize) -> Arc<Self> {
            let columns = columns.iter().map(|column| (*column).to_owned()).collect();
            Arc::new(Self { columns, rows, chunk, text: None })
        }

        pub(crate) fn text(text: &[u8]) -> Arc<Self> {
            Arc::new(Self { columns: Vec::new(), rows: Vec::new(), chunk: 1, text: Some(text.to_vec()) })
        }
    }

    impl Input for Memory {
        fn columns(&self) -> &[String] {
            &self.columns
        }

        fn rows(&self) -> u64 {
            self.rows.len() as u64
        }

        fn read(&self, first: u64) -> BoxFuture<'_, Result<Vec<Row>, Fault>> {
            let first = usize::try_from(first).expect("a position").min(self.rows.len());
            let end = (first / self.chunk + 1).saturating_mul(self.chunk).min(self.rows.len());
            Box::pin(async move { Ok(self.rows[first..end].to_vec()) })
        }

        fn text(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Fault>> {
            Box::pin(async { Ok(self.text.clone()) })
        }
    }

    /// A network where every table is the same.
    pub(crate) struct Tables(pub(crate) Result<Vec<u8>, String>);

    impl Network for Tables {
        fn table<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
            Box::pin(async { self.0.clone() })
        }
    }

    /// What a run came to, with the checkpoints (items, rows) after each of its steps.
    pub(crate) struct Outcome {
        pub(crate) rows: Vec<Row>,
        pub(crate) checkpoints: Vec<(u64, u64)>,
        pub(crate) log: Vec<String>,
    }

    /// Runs to the end.
    pub(crate) async fn drain(run: &mut dyn Run, done: u64, produced: u64) -> Result<Outcome, Fault> {
        let mut outcome = Outcome { rows: Vec::new(), checkpoints: Vec::new(), log: Vec::new() };
        let (mut done, mut produced) = (done, produced);
        while let Some(step) = run.step().await? {
            assert!(step.rows.len() <= MAX_ROWS && step.items > 0 && step.failed == 0);
            done += step.items;
            produced += step.rows.len() as u64;
            outcome.checkpoints.push((done, produced));
            outcome.rows.extend(step.rows);
            outcome.log.extend(step.log.into_iter().map(|line| format!("{} {}", line.level.as_str(), line.message)));
        }
        Ok(outcome)
    }

    /// Polls a future that never waits.
    pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => unreachable!("nothing here waits"),
        }
    }

    pub(crate) fn options(value: Value) -> serde_json::Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn rows_come_in_order_and_can_be_skipped() {
        let rows: Vec<Row> = (0..10).map(|row| vec![Value::from(row)]).collect();
        let input = Memory::table(&["a"], rows, 3);
        let mut reader = Rows::new(input.clone(), 1, 9);
        let mut seen = Vec::new();
        while let Some(row) = ready(reader.next()).expect("rows") {
            seen.push(row[0].as_u64().expect("a number"));
            match reader.position() {
                3 => reader.skip_to(4),
                5 => reader.skip_to(8),
                _ => {}
            }
        }
        assert_eq!(seen, [1, 2, 4, 8]);
        assert_eq!(ready(Rows::new(input, 9, 11).next()).expect("the last row"), Some(vec![Value::from(9)]));
        let mut short = Rows::new(Memory::table(&["a"], Vec::new(), 3), 0, 1);
        assert_eq!(ready(short.next()), Err(Fault::InputGone));
    }
}
