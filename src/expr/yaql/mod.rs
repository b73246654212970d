//! YAQL.
