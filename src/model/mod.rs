//! The nouns of Sayso as plain values: ids, statuses, actions, aliases, executions, identities.
