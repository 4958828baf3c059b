"""The exhaustive tests of observability/: copied into a baked project and run there."""
