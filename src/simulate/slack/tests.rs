//! Each strictness and fault bites.
