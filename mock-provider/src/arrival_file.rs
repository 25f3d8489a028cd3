//! The log file of `--log`: one JSON object per arrival, written by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::arrival::Arrival;

/// Appends arrivals to a file without making a delivery wait for the disk.
#[derive(Debug)]
pub(crate) struct ArrivalFile {
    queue: Option<Sender<Arc<Arrival>>>,
    writer: Option<JoinHandle<()>>,
}

impl ArrivalFile {
    /// Opens the file, creating it if it is missing.
    ///
    /// # Errors
    /// When it cannot be opened for appending.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let (queue, arrivals) = channel();
        let writer = Builder::new().name("arrival-file".to_owned()).spawn(move || {
            if let Err(error) = write_all(file, &arrivals) {
                tracing::error!(%error, "the arrival file cannot be written; later arrivals are missing in it");
            }
        })?;
        Ok(Self { queue: Some(queue), writer: Some(writer) })
    }

    pub(crate) fn append(&self, arrival: Arc<Arrival>) {
        if let Some(queue) = &self.queue {
            // Fails only after the writer has given up, which it has logged.
            let _ = queue.send(arrival);
        }
    }
}

/// Writes until the queue closes, flushing whenever it runs empty.
fn write_all(file: File, arrivals: &Receiver<Arc<Arrival>>) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 16, file);
    while let Ok(first) = arrivals.recv() {
        write_line(&mut file, &first)?;
        while let Ok(next) = arrivals.try_recv() {
            write_line(&mut file, &next)?;
        }
        file.flush()?;
    }
    Ok(())
}

fn write_line(file: &mut impl Write, arrival: &Arrival) -> io::Result<()> {
    serde_json::to_writer(&mut *file, arrival)?;
    file.write_all(b"\n")
}

impl Drop for ArrivalFile {
    fn drop(&mut self) {
        // Closing the queue ends the writer; waiting for it makes the file whole.
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
