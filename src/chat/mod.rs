//! Chat: gateways, the router between messages and executions, cards and the outbox.
