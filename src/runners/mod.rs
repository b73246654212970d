//! Runners: the ways an action can be carried out.
