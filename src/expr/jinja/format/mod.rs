//! Formatting of texts: `'%s' % x`, `'{}'.format(x)`, and the format specifications that both lean on.

pub(crate) mod braces;
mod float;
pub(crate) mod percent;
pub(crate) mod spec;

pub(crate) use float::fixed;
