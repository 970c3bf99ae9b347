//! Damage for tests and fuzzers (feature `testing`): mutations of a bundle with the
//! checksum repaired, and a walk over every accessor. Never part of a loader.
