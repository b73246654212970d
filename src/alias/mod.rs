//! Action aliases: from a sentence to an action and its parameters.
