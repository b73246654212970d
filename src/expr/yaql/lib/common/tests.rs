//! Comparisons and the rest of what all values have in common.
