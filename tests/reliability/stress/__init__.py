"""Goes into the baked project under test, and runs there in its own environment."""
