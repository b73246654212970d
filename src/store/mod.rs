//! Durable state: every write goes through one grouping writer, reads never wait for it.
