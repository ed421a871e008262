//! Keeps everything this process logs, at every level, so that a test can say what is not in it.

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static LOG: OnceLock<Arc<Mutex<String>>> = OnceLock::new();

/// Begins recording, once per process.
pub(crate) fn record() {
    LOG.get_or_init(|| {
        let log = Arc::new(Mutex::new(String::new()));
        tracing::subscriber::set_global_default(Recorder(log.clone()))
            .expect("the only subscriber");
        log
    });
}

/// Leaves what was recorded for the search for secrets that ends `make test`.
pub(crate) struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        chatops_testkit::evidence::said("within-chatops-ingest", &recorded());
    }
}

/// Everything so far.
pub(crate) fn recorded() -> String {
    LOG.get()
        .map(|log| log.lock().expect("not poisoned").clone())
        .unwrap_or_default()
}

struct Recorder(Arc<Mutex<String>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Recorder {
    fn line(&self, metadata: &Metadata<'_>, write: impl FnOnce(&mut Fields<'_>)) {
        let mut log = self.0.lock().expect("not poisoned");
        let _ = write!(log, "{} {}:", metadata.level(), metadata.target());
        write(&mut Fields(&mut log));
        log.push('\n');
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.line(span.metadata(), |fields| span.record(fields));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut log = self.0.lock().expect("not poisoned");
        values.record(&mut Fields(&mut log));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.line(event.metadata(), |fields| event.record(fields));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
