//! docs/import-tyk.md says what is.
